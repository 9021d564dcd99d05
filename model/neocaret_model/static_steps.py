"""Decode steps of any size through passes of fixed shapes: which shape serves, and what of it is recorded already.

S slots of a pass, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from neocaret_model.captured import Recorder
from neocaret_model.engine.key_values import Prefix
from neocaret_model.engine.lane_memory import Blocks, LaneMemory, blocks_of
from neocaret_model.network import Network
from neocaret_model.static_pass import Move, PassShape, StaticPass, lane_numbers

_SLOTS = (1, 2, 3, 4, 5, 8, 16, 24, 40)
"""How many tokens of a lane a pass takes: one of each row, and rows with guesses."""
_MORE_SLOTS = 8
"""In steps of how many it goes on from there."""
_MOST_PASSES = 64
"""So many are kept; the longest unused goes."""


class StaticSteps:
    """The memory of all lanes, and the passes over it."""

    def __init__(self, network: Network, recorder: Recorder, blocks: Blocks) -> None:
        self._network = network
        self._recorder = recorder
        self._blocks = blocks
        self._memory = LaneMemory(network.memory, network.config.positions, blocks)
        self._passes: dict[PassShape, StaticPass] = {}
        """The last used last."""
        self._logits: dict[int, Tensor] = {}
        """S x V by S: passes of as many slots leave their results in the same place."""

    def open(self, number: int, prefix: Prefix) -> None:
        """Begin a lane with a copy of `prefix`."""
        self._reserve(_power_of_two(number + 1), 0)
        self._memory.fill(number, prefix)

    def run(self, moves: Sequence[Move]) -> tuple[Tensor, list[slice]]:
        """Do a step, and do not wait for it.

        Returns the logits (S x V), which stand until the next step, and where in them those of each move are.
        """
        shape = self._shape(moves)
        self._reserve(shape.lanes, max(len(move.lane.owners) for move in moves))
        numbers = [lane_numbers(shape, self._memory.scrap)] * shape.lanes
        for move in moves:
            numbers[move.number] = lane_numbers(shape, self._memory.scrap, move)
        self._pass(shape).run(numbers)
        begins = [move.number * shape.slots for move in moves]
        places = [slice(begin, begin + len(move.slots)) for begin, move in zip(begins, moves, strict=True)]
        return self._logits[shape.lanes * shape.slots], places

    def _shape(self, moves: Sequence[Move]) -> PassShape:
        """The smallest that serves: a recording for it may serve others too."""
        return PassShape(
            lanes=_power_of_two(max(move.number for move in moves) + 1),
            slots=_slots(max(len(move.slots) for move in moves)),
            prefix=blocks_of(max(move.lane.length for move in moves), self._blocks.prefix),
            tail=blocks_of(max(len(move.lane.owners) for move in moves), self._blocks.tail),
        )

    def _reserve(self, lanes: int, tail: int) -> None:
        if self._memory.reserve(lanes, tail):
            self._passes.clear()

    def _pass(self, shape: PassShape) -> StaticPass:
        known = self._passes.pop(shape, None) or self._new_pass(shape)
        self._passes[shape] = known
        if len(self._passes) > _MOST_PASSES:
            del self._passes[next(iter(self._passes))]
        return known

    def _new_pass(self, shape: PassShape) -> StaticPass:
        slots, vocabulary = shape.lanes * shape.slots, self._network.config.vocabulary
        if slots not in self._logits:
            memory = self._network.memory
            self._logits[slots] = torch.zeros(slots, vocabulary, dtype=memory.dtype, device=memory.device)
        return StaticPass(self._network, self._memory, shape, self._logits[slots], self._recorder)


def _slots(count: int) -> int:
    return next((slots for slots in _SLOTS if slots >= count), blocks_of(count, _MORE_SLOTS))


def _power_of_two(count: int) -> int:
    return 1 << (count - 1).bit_length()
