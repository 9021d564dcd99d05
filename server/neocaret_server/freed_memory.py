"""Memory that the program has freed and its allocator still keeps: given back to the system."""

from __future__ import annotations

import contextlib
import ctypes
import sys


def give_back_freed_memory() -> None:
    """Ask glibc for it; other systems' allocators do so by themselves, or cannot be asked."""
    if sys.platform != "linux":
        return
    # Another C library than glibc has no such function.
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(ctypes.c_size_t(0))
