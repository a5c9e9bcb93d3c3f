"""Optical and electrical parts, each from its own physics."""
