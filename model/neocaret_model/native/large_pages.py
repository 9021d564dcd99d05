"""Memory for weights, in large pages where the system has them.

A step reads all weights, in 60,000 pages of 4 kB for 125 million parameters in bfloat16: to find these takes up to a
tenth of the time, and the processor reads ahead no further than to a page's end.
"""

from __future__ import annotations

import mmap
from contextlib import suppress

import torch
from torch import Tensor

_LARGE = 2 * 1024**2
"""The size of a large page, but on systems whose ordinary ones are larger than 4 kB already."""


def memory(size: int) -> Tensor:
    """Return so many bytes, not initialised."""
    if not hasattr(mmap, "MADV_HUGEPAGE") or size < _LARGE:
        return torch.empty(size, dtype=torch.uint8)
    mapped = mmap.mmap(-1, size + _LARGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    whole = torch.frombuffer(mapped, dtype=torch.uint8)
    begin = -whole.data_ptr() % _LARGE
    with suppress(OSError):  # a system built without them
        # No more than whole pages: the rest of a large one would be memory that nobody uses.
        mapped.madvise(mmap.MADV_HUGEPAGE, begin, size // _LARGE * _LARGE)
    return whole[begin : begin + size]
