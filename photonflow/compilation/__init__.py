"""Compiling once: options of the compiler, programs and traces that are kept."""

from .cache import cache_folder, disable_cache, enable_cache
from .pieces import in_pieces
from .traces import LEAN, QUICK, TRACING, compiled, persistent_jit


__all__ = [
    "LEAN",
    "QUICK",
    "TRACING",
    "cache_folder",
    "compiled",
    "disable_cache",
    "enable_cache",
    "in_pieces",
    "persistent_jit",
]
