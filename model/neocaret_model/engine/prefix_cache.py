"""Which earlier prompt a new one shares its beginning with. Policy only: it never looks into what it keeps.

A hit compares tokens, never hashes. Two limits keep a reused prefix right:

- the last token of the prompt is always left to be fed, as the model must give its logits;
- a prefix ends on the grid of the prefill's chunks, which starts at position 0: the chunks computed after it then have
  the same shapes as in a cold run, and give the same bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Kept = TypeVar("Kept")


@dataclass(frozen=True, slots=True)
class Hit(Generic[Kept]):
    """A kept prompt that begins like the new one."""

    kept: Kept
    kept_tokens: int
    """How many tokens the kept thing covers."""
    shared_tokens: int
    """How many of them can be reused: on the grid, and fewer than the new prompt has."""


@dataclass(slots=True)
class _Slot(Generic[Kept]):
    tokens: tuple[int, ...]
    kept: Kept


class PrefixCache(Generic[Kept]):
    """The last few prompts, the most recently used first."""

    def __init__(self, slots: int, grid: int) -> None:
        self._capacity = slots
        self._grid = grid
        self._slots: list[_Slot[Kept]] = []

    def find(self, tokens: Sequence[int]) -> Hit[Kept] | None:
        """The kept prompt that shares the longest usable beginning with `tokens`, if any does."""
        best = max(self._slots, key=lambda slot: shared_prefix(slot.tokens, tokens), default=None)
        if best is None:
            return None
        shared = min(shared_prefix(best.tokens, tokens), len(tokens) - 1) // self._grid * self._grid
        return Hit(best.kept, len(best.tokens), shared) if shared > 0 else None

    def store(self, tokens: Sequence[int], kept: Kept) -> None:
        """Keep what was computed for `tokens`, instead of what it outgrows or else of the longest unused."""
        new = tuple(tokens)
        others = [slot for slot in self._slots if not self._outgrown(slot.tokens, new)]
        self._slots = [_Slot(new, kept), *others][: self._capacity]

    def clear(self) -> None:
        """Forget everything."""
        self._slots = []

    def check(self) -> None:
        """Assert that no more is kept than allowed, and nothing twice."""
        assert len(self._slots) <= self._capacity  # noqa: S101, an invariant of ours
        assert len({slot.tokens for slot in self._slots}) == len(self._slots)  # noqa: S101, the same

    def _outgrown(self, old: tuple[int, ...], new: tuple[int, ...]) -> bool:
        # Typing and deleting change the end of a prompt: what shares most of its tokens is the same document.
        return 2 * shared_prefix(old, new) >= len(old)


def shared_prefix(one: Sequence[int], other: Sequence[int]) -> int:
    """How many tokens two sequences have in common at their beginning."""
    length = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        length += 1
    return length
