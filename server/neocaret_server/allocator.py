"""The C library's memory: large blocks go back to the system when they are freed; only glibc needs to be told.

By itself, glibc takes the first large block that is freed for a sign that more will come, and from then on cuts blocks
of up to 32 MiB out of its heap. Keys and values of prompts are such blocks: they come and go in all sizes for hours,
and leave holes between the small ones, which nobody gives back.
"""

from __future__ import annotations

import ctypes
import os
import sys

LARGE_BYTES = 1024**2
"""From there on a block has pages of its own. Smaller ones come and go with each step of a network."""
SPARE_BYTES = 4 * 1024**2
"""So much stays free at the heap's end, to be taken again."""

_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
_CHOSEN_BY_USER = ("GLIBC_TUNABLES", "MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_")


def give_large_blocks_back() -> bool:
    """Ask for it, unless the user has chosen something; says whether it was asked for."""
    if sys.platform != "linux" or any(name in os.environ for name in _CHOSEN_BY_USER):
        return False
    library = ctypes.CDLL(None)
    if not hasattr(library, "gnu_get_libc_version"):
        return False
    asked = library.mallopt(_M_MMAP_THRESHOLD, LARGE_BYTES), library.mallopt(_M_TRIM_THRESHOLD, SPARE_BYTES)
    return all(asked)
