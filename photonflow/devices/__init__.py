"""Optical and electrical parts, each from its own physics; nothing here knows a link."""
