"""Which earlier prompt a new one shares its beginning with. Policy only: it never looks into what it keeps.

A hit compares tokens, never hashes. Two limits keep a reused prefix right:

- the last token of the prompt is always left to be fed, as the model must give its logits;
- a prefix ends on the grid of the prefill's chunks, which starts at position 0: the chunks computed after it then have
  the same shapes as in a cold run, and give the same bits.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Kept = TypeVar("Kept")

_BLOCK = 256


@dataclass(frozen=True, slots=True)
class Hit(Generic[Kept]):
    """A kept prompt that begins like the new one."""

    kept: Kept
    shared_tokens: int
    """How many of its tokens can be reused: on the grid, and fewer than the new prompt has."""
    given_up: bool
    """It is no longer kept here, and the taker's to change; otherwise it must stay as it is."""


@dataclass(slots=True)
class _Slot(Generic[Kept]):
    tokens: tuple[int, ...]
    kept: Kept
    lent: bool


class PrefixCache(Generic[Kept]):
    """So many prompts within a budget of bytes, the most recently used first."""

    def __init__(self, budget: int, grid: int, size: Callable[[Kept], int], most: int = sys.maxsize) -> None:
        self._budget = budget
        self._most = most
        self._grid = grid
        self._size = size
        self._slots: list[_Slot[Kept]] = []

    def take(self, tokens: Sequence[int]) -> Hit[Kept] | None:
        """Return what shares the longest usable beginning with `tokens`, if anything does.

        Where the new prompt continues the kept one, or is an edit of it, the kept one is given up: who takes it stores
        what becomes of it.
        """
        best = max(self._slots, key=lambda slot: shared_prefix(slot.tokens, tokens), default=None)
        if best is None:
            return None
        common = shared_prefix(best.tokens, tokens)
        shared = min(common, len(tokens) - 1) // self._grid * self._grid
        if shared <= 0:
            return None
        # Typing and deleting change the end of a prompt: what shares most of its tokens is the same document.
        given_up = 2 * common >= len(best.tokens) and not best.lent
        if given_up:
            self._slots = [slot for slot in self._slots if slot is not best]
        return Hit(best.kept, shared, given_up)

    def store(self, tokens: Sequence[int], kept: Kept, *, lent: bool = False) -> None:
        """Keep what was computed for `tokens`; the longest unused go where the budget does not suffice.

        What is `lent` is still used by who stores it, and never given up until it is given back.
        """
        if not tokens:
            return
        new = tuple(tokens)
        others = [slot for slot in self._slots if slot.tokens != new]
        self._slots = [_Slot(new, kept, lent), *others]
        del self._slots[self._most :]
        while len(self._slots) > 1 and self.bytes > self._budget:
            self._slots.pop()

    def give_back(self, kept: Kept) -> None:
        """Count something as lent no more; it may be kept no more either."""
        for slot in self._slots:
            if slot.kept is kept:
                slot.lent = False

    def clear(self) -> None:
        """Forget everything."""
        self._slots = []

    @property
    def bytes(self) -> int:
        """The memory that everything kept takes."""
        return sum(self._size(slot.kept) for slot in self._slots)

    def check(self) -> None:
        """Assert that no more is kept than allowed, and nothing twice."""
        assert len(self._slots) <= 1 or self.bytes <= self._budget  # noqa: S101, an invariant of ours
        assert len(self._slots) <= self._most  # noqa: S101, the same
        assert len({slot.tokens for slot in self._slots}) == len(self._slots)  # noqa: S101, the same
        assert len({id(slot.kept) for slot in self._slots}) == len(self._slots)  # noqa: S101, the same


def shared_prefix(one: Sequence[int], other: Sequence[int]) -> int:
    """How many tokens two sequences have in common at their beginning."""
    most = min(len(one), len(other))
    # Whole blocks are compared at once: prompts are long, and compared at each key.
    start = 0
    while start < most and tuple(one[start : start + _BLOCK]) == tuple(other[start : start + _BLOCK]):
        start += _BLOCK
    differing = (place for place in range(start, min(start + _BLOCK, most)) if one[place] != other[place])
    return next(differing, min(start + _BLOCK, most))
