"""A decode step of fixed shape: GPT-Neo's forward as a function of buffers that stay where they are.

Every lane has the same number of slots, some of them padding, and shows the same columns; what differs between steps is
in the numbers uploaded, and a mask made of them says who sees whom. Nothing is asked back from the device.

G lanes, R slots of a lane, S = G R slots, N columns of prefixes, T columns of tails, H heads, E head size, D = H E,
V vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from neocaret_model.captured import Recorder, Work, upload
from neocaret_model.engine.lane import FREE, Lane, Slot
from neocaret_model.engine.lane_memory import LaneMemory, blocks_of
from neocaret_model.network import Network

_PADDING = FREE - 1
"""Instead of a row: the slot is fed nothing."""
_ALIGNED = 8
"""Kernels of attention want masks whose rows are so many columns apart."""


@dataclass(frozen=True, slots=True)
class PassShape:
    """What a recording is made for."""

    lanes: int
    slots: int
    """Of each lane."""
    prefix: int
    """How many columns before the middle are seen."""
    tail: int
    """How many columns behind it."""


@dataclass(frozen=True, slots=True)
class _Inputs:
    """What is uploaded for a step, in this order; all G x ... whole numbers."""

    tokens: Tensor
    positions: Tensor
    rows: Tensor
    columns: Tensor
    """R each: of the slots; the columns are the tail's."""
    owners: Tensor
    owned: Tensor
    """T each: the tail's rows and positions."""
    length: Tensor
    """1: of the prefix."""


@dataclass(frozen=True, slots=True)
class Move:
    """What one lane is fed in a step."""

    number: int
    """Of the lane."""
    lane: Lane
    slots: list[Slot]
    tokens: list[int]
    """One for each slot."""


def lane_numbers(shape: PassShape, scrap: int, move: Move | None = None) -> list[int]:
    """Return what is uploaded for one lane that makes a move, or for one that makes none."""
    move = move or Move(0, Lane(0, 0), [], [])
    padding = shape.slots - len(move.slots)
    free = shape.tail - len(move.lane.owners)
    return [
        *move.tokens, *[0] * padding,
        *(slot.position for slot in move.slots), *[0] * padding,
        *(slot.row for slot in move.slots), *[_PADDING] * padding,
        *(slot.column for slot in move.slots), *[scrap] * padding,
        *move.lane.owners, *[FREE] * free,
        *move.lane.positions, *[0] * free,
        move.lane.length,
    ]  # fmt: skip


class StaticPass:
    """The step of one shape, recorded at its first run."""

    def __init__(
        self, network: Network, memory: LaneMemory, shape: PassShape, logits: Tensor, recorder: Recorder
    ) -> None:
        """Compute on the buffer that `memory` has now, and leave the results in `logits` (S x V)."""
        self._network = network
        self._buffer = memory.buffer
        self._middle = memory.middle
        self._shape = shape
        self._logits = logits
        self._recorder = recorder
        self._replay: Work | None = None
        widths = [shape.slots] * 4 + [shape.tail] * 2 + [1]
        self._numbers = torch.zeros(shape.lanes, sum(widths), dtype=torch.long, device=network.device)
        self._inputs = _Inputs(*self._numbers.split_with_sizes(widths, dim=1))
        self._lanes = torch.arange(shape.lanes, device=network.device).repeat_interleave(shape.slots)  # S

    def run(self, numbers: Sequence[Sequence[int]]) -> None:
        """Do the step for what `lane_numbers` returns for each lane; does not wait for it."""
        upload(torch.tensor(numbers), self._numbers)
        if self._replay is None:
            self._replay = self._recorder.record(self._work)
        self._replay()

    def _work(self) -> None:
        own = self._inputs
        begins = {window: self._begin(window) for window in self._network.windows}
        masks = {window: self._mask(window, begin) for window, begin in begins.items()}
        places = (self._lanes, slice(None), own.columns.flatten() + self._middle)
        end = self._middle + self._shape.tail

        def attend(number: int, window: int, qkv: Tensor) -> Tensor:
            keys, values = self._buffer[:, number]  # lanes x H x C x E each
            keys[places], values[places] = qkv[:, 1], qkv[:, 2]
            seen = (slice(self._shape.lanes), slice(None), slice(begins[window], end))
            query = qkv[:, 0].reshape(self._shape.lanes, self._shape.slots, *qkv.shape[2:])  # G x R x H x E
            attended = scaled_dot_product_attention(
                query.transpose(1, 2), keys[seen], values[seen], attn_mask=masks[window], scale=1.0
            )  # G x H x R x E
            return attended.transpose(1, 2).flatten(0, 1).flatten(1)  # S x D

        hidden = self._network.hidden(own.tokens.flatten(), own.positions.flatten(), attend)
        self._logits.copy_(self._network.logits(hidden))

    def _begin(self, window: int) -> int:
        """The first column that some token may see in layers of this window."""
        return self._middle - min(self._shape.prefix, blocks_of(window - 1, _ALIGNED))

    def _mask(self, window: int, begin: int) -> Tensor:
        """Who sees which column from `begin` on: G x 1 x R x (columns), added to the scores."""
        own = self._inputs
        first = own.positions[:, :, None] - window + 1  # G x R x 1
        before = torch.arange(begin - self._middle, 0, device=first.device) + own.length  # G x (columns of the prefix)
        prefix = (before[:, None] >= 0) & (before[:, None] >= first)
        owned = own.owned[:, None]  # G x 1 x T
        tail = (own.owners[:, None] == own.rows[:, :, None]) & (owned >= first) & (owned <= own.positions[:, :, None])
        # Padding sees all: who sees nothing is no number, and would leave that in the scrap column.
        seen = torch.cat([prefix, tail], dim=2) | (own.rows == _PADDING)[:, :, None]
        return torch.zeros_like(seen, dtype=self._buffer.dtype).masked_fill(~seen, -torch.inf)[:, None]
