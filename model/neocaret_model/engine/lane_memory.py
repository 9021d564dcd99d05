"""Keys and values of several requests at once, in one buffer of fixed size: what a step of fixed shape computes on.

G lanes, L layers, H heads, C columns of a lane, E head size.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from neocaret_model.engine.key_values import Memory, Prefix


@dataclass(frozen=True, slots=True)
class Blocks:
    """In steps of how many columns shapes differ: fewer shapes have to be recorded, and more columns read in vain."""

    prefix: int = 256
    tail: int = 128


class LaneMemory:
    """The buffer, grown where it does not suffice; it is another one then, and what was recorded on it is void."""

    def __init__(self, memory: Memory, positions: int, blocks: Blocks) -> None:
        """For prefixes of up to `positions` tokens."""
        self._memory = memory
        self.middle = blocks_of(positions, blocks.prefix)
        """The column behind all prefixes."""
        self.buffer = self._empty(0, blocks.tail)
        """2 x L x G x H x C x E: keys and values, each a number."""

    @property
    def lanes(self) -> int:
        """How many there are."""
        return self.buffer.shape[2]

    @property
    def scrap(self) -> int:
        """The last column of the tail: written by those who write nothing, and seen by nobody else."""
        return self.buffer.shape[4] - self.middle - 1

    def reserve(self, lanes: int, tail: int) -> bool:
        """Make room for so many lanes and columns of a tail, the scrap not counted; tells whether the buffer moved."""
        columns = self.scrap + 1
        if lanes <= self.lanes and tail < columns:
            return False
        while columns <= tail:
            columns *= 2
        grown = self._empty(max(lanes, self.lanes), columns)
        grown[:, :, : self.lanes, :, : self.buffer.shape[4]] = self.buffer
        self.buffer = grown
        return True

    def fill(self, lane: int, prefix: Prefix) -> None:
        """Copy a prefix into a lane, and clear all else.

        What is hidden from a row still weighs 0 in its sum, and 0 times what is no number is none.
        """
        columns = self.buffer[:, :, lane].zero_()  # 2 x L x H x C x E
        columns[:, :, :, self.middle - prefix.length : self.middle] = prefix.filled

    def _empty(self, lanes: int, tail: int) -> Tensor:
        of_one = self._memory
        shape = (2, of_one.layers, lanes, of_one.heads, self.middle + tail, of_one.head_size)
        return torch.zeros(shape, dtype=of_one.dtype, device=of_one.device)


def blocks_of(count: int, block: int) -> int:
    """Round a count up to whole blocks."""
    return -(-count // block) * block
