"""Memory for keys and values: buffers that are written in place, and what a pass of the network sees of them.

L layers, H heads, E head size, C capacity in columns, T tokens fed.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

_BLOCK = 256
"""A prefix grows by at least so many tokens, and by half of what it has."""


@dataclass(frozen=True, slots=True)
class Memory:
    """What one token's keys and values need."""

    layers: int
    heads: int
    head_size: int
    dtype: torch.dtype
    device: torch.device

    def empty(self, columns: int) -> Tensor:
        """Return a buffer: 2 x L x H x C x E."""
        shape = (2, self.layers, self.heads, columns, self.head_size)
        return torch.empty(shape, dtype=self.dtype, device=self.device)


@dataclass(frozen=True, slots=True)
class View:
    """What of the keys and values a pass writes and sees."""

    begin: int
    """The first column written."""
    first: int
    """The first column seen."""
    end: int
    """The column after the last one written and seen."""
    mask: Tensor | None
    """T x C, added to the scores; None hides nothing."""


class Prefix:
    """Keys and values of a prompt's beginning."""

    def __init__(self, memory: Memory) -> None:
        self.length = 0
        """How many tokens count. Lowering it forgets the others; what is written next goes over them."""
        self.memory = memory
        self._buffer = memory.empty(0)

    @property
    def capacity(self) -> int:
        """For how many columns there is memory."""
        return self._buffer.shape[3]

    @property
    def buffer(self) -> Tensor:
        """All columns (2 x L x H x C x E): keys and values; another one after `reserve`."""
        return self._buffer

    @property
    def bytes(self) -> int:
        """The memory taken."""
        return self._buffer.nbytes

    def reserve(self, columns: int, kept: int | None = None) -> None:
        """Make room for so many columns in all; the first `kept` stay, or those that count."""
        if columns <= self.capacity:
            return
        kept = self.length if kept is None else kept
        grown = self.memory.empty(max(columns, self.capacity + max(_BLOCK, self.capacity // 2)))
        grown[:, :, :, :kept] = self._buffer[:, :, :, :kept]
        self._buffer = grown

    def view(self, count: int, window: int) -> View:
        """Return the view of the next `count` tokens, of which each sees the last `window` ones, itself included."""
        begin, end = self.length, self.length + count
        first = max(0, begin - window + 1)
        return View(begin, first, end, self._causal_mask(begin, first, end, window) if count > 1 else None)

    def write(self, layer: int, begin: int, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Write a layer's keys and values (H x T x E) from a column on; returns its buffers (H x C x E).

        `length` is the caller's to raise, once all layers are written.
        """
        end = begin + key.shape[1]
        keys, values = self._buffer[0, layer], self._buffer[1, layer]
        keys[:, begin:end] = key
        values[:, begin:end] = value
        return keys, values

    @property
    def filled(self) -> Tensor:
        """The keys and values that count (2 x L x H x `length` x E), where they are."""
        return self._buffer[:, :, :, : self.length]

    def fork(self, length: int) -> Prefix:
        """Return a copy of the first `length` tokens."""
        forked = Prefix(self.memory)
        forked.reserve(length)
        forked._buffer[:, :, :, :length] = self._buffer[:, :, :, :length]
        forked.length = length
        return forked

    def _causal_mask(self, begin: int, first: int, end: int, window: int) -> Tensor:
        queries = torch.arange(begin, end, device=self.memory.device)[:, None]
        keys = torch.arange(first, end, device=self.memory.device)[None]
        hidden = (keys > queries) | (keys <= queries - window)
        zeros = torch.zeros(hidden.shape, dtype=self.memory.dtype, device=self.memory.device)
        return zeros.masked_fill_(hidden, -torch.inf)
