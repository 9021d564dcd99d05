"""Memory for keys and values: of one prefix that several rows share, and of each row's own tail.

Both are buffers that are written in place; `length` says how much of them counts.

L layers, H heads, E head size, C capacity in tokens, B rows, T tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
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

    def empty(self, *rows_and_tokens: int) -> Tensor:
        """Return a buffer: 2 x L x (B x) H x C x E."""
        *rows, tokens = rows_and_tokens
        shape = (2, self.layers, *rows, self.heads, tokens, self.head_size)
        return torch.empty(shape, dtype=self.dtype, device=self.device)


class Prefix:
    """Keys and values of a prompt's beginning, at most `positions` tokens."""

    def __init__(self, memory: Memory, positions: int) -> None:
        self.length = 0
        """How many tokens count. Lowering it forgets the others; appending writes over them."""
        self._memory = memory
        self._positions = positions
        self._buffer = memory.empty(0)

    @property
    def capacity(self) -> int:
        """For how many tokens there is memory."""
        return self._buffer.shape[3]

    @property
    def bytes(self) -> int:
        """The memory taken."""
        return self._buffer.nbytes

    def reserve(self, tokens: int) -> None:
        """Make room for so many tokens in all; what counts is kept."""
        if tokens <= self.capacity:
            return
        room = self.capacity + max(_BLOCK, self.capacity // 2)
        grown = self._memory.empty(min(self._positions, max(tokens, room)))
        grown[:, :, :, : self.length] = self._buffer[:, :, :, : self.length]
        self._buffer = grown

    def append(self, layer: int, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Write a layer's keys and values (H x T x E) after those that count; returns its buffers (H x C x E).

        `length` is the caller's to raise, once all layers are written.
        """
        end = self.length + key.shape[1]
        keys, values = self._buffer[0, layer], self._buffer[1, layer]
        keys[:, self.length : end] = key
        values[:, self.length : end] = value
        return keys, values

    def of(self, layer: int, first: int) -> tuple[Tensor, Tensor]:
        """Return a layer's keys and values (H x T x E) of the tokens from `first` on."""
        return self._buffer[0, layer, :, first : self.length], self._buffer[1, layer, :, first : self.length]

    def fork(self, length: int) -> Prefix:
        """Return a copy of the first `length` tokens."""
        forked = Prefix(self._memory, self._positions)
        forked.reserve(length)
        forked._buffer[:, :, :, :length] = self._buffer[:, :, :, :length]
        forked.length = length
        return forked


class Tails:
    """Keys and values of what each row has decoded after the prefix."""

    def __init__(self, memory: Memory, rows: int, tokens: int) -> None:
        self.length = 0
        """How many tokens each row's tail has."""
        self._buffer = memory.empty(rows, tokens)

    def append(self, layer: int, key: Tensor, value: Tensor) -> None:
        """Write one token's keys and values (B x H x E) of a layer; `length` is the caller's to raise."""
        self._buffer[0, layer, :, :, self.length] = key
        self._buffer[1, layer, :, :, self.length] = value

    def of(self, layer: int, first: int) -> tuple[Tensor, Tensor]:
        """Return a layer's keys and values (B x H x T x E) from `first` on, the token just appended included."""
        end = self.length + 1
        return self._buffer[0, layer, :, :, first:end], self._buffer[1, layer, :, :, first:end]

    def keep_rows(self, rows: Sequence[int]) -> None:
        """Drop all rows but these."""
        self._buffer = self._buffer[:, :, torch.tensor(list(rows), device=self._buffer.device)]
