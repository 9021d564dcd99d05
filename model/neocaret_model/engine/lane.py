"""Which columns of a memory of fixed size belong to which row of one prefix. No tensors.

    columns of a lane:  unused | prefix, positions 0 .. N-1 | row 1, row 0, free, row 0, ... | scrap
                                                            ^ the middle: columns of the tail are counted from here

All prefixes end at the middle, whatever their length, so that the tokens that a local layer sees stand in the same
columns for every request. A column of the tail belongs to whichever row has written it last, and is free again when its
token turns out to be guessed wrong, or its row leaves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heappop, heappush

FREE = -1
"""Instead of a row: the column belongs to none."""


@dataclass(frozen=True, slots=True)
class Slot:
    """Where a token that is fed goes."""

    row: int
    position: int
    column: int
    """Of the tail."""


class Lane:
    """The tail behind a prefix of so many tokens, shared by rows that are known by their first numbers for good."""

    def __init__(self, length: int, rows: int) -> None:
        self.length = length
        self.owners: list[int] = []
        """By column: the row that sees it, or `FREE`."""
        self.positions: list[int] = []
        """By column: the position of its token."""
        self._rows = list(range(rows))
        self._lengths = [0] * rows
        self._free: list[int] = []
        self._step: list[list[int]] = []
        """The columns of each row in the step under way."""

    def open_step(self, counts: Sequence[int]) -> list[Slot]:
        """Give so many columns to each row, the first free ones; returns them row after row."""
        slots: list[Slot] = []
        self._step = []
        for row, length, count in zip(self._rows, self._lengths, counts, strict=True):
            own = [Slot(row, self.length + length + ahead, self._column()) for ahead in range(count)]
            for slot in own:
                self.owners[slot.column], self.positions[slot.column] = slot.row, slot.position
            self._step.append([slot.column for slot in own])
            slots += own
        return slots

    def accept(self, counts: Sequence[int]) -> None:
        """Keep the first so many columns of each row in the step under way, and free the others."""
        for place, (columns, kept) in enumerate(zip(self._step, counts, strict=True)):
            self._lengths[place] += kept
            for column in columns[kept:]:
                self._release(column)

    def keep(self, rows: Sequence[int]) -> None:
        """Drop all rows but these, by their places among those that are left, and free their columns."""
        left = {self._rows[place] for place in rows}
        for column, owner in enumerate(self.owners):
            if owner != FREE and owner not in left:
                self._release(column)
        self._lengths = [self._lengths[place] for place in rows]
        self._rows = [self._rows[place] for place in rows]

    def check(self) -> None:
        """Assert that each column is free or some row's, and that rows have as many as they have tokens."""
        free = [column for column, owner in enumerate(self.owners) if owner == FREE]
        assert sorted(self._free) == free  # noqa: S101, an invariant of ours
        owned = [self.owners.count(row) for row in self._rows]
        assert owned == self._lengths  # noqa: S101, the same
        assert len(free) + sum(owned) == len(self.owners)  # noqa: S101, the same

    def _column(self) -> int:
        if self._free:
            return heappop(self._free)
        self.owners.append(FREE)
        self.positions.append(0)
        return len(self.owners) - 1

    def _release(self, column: int) -> None:
        self.owners[column] = FREE
        heappush(self._free, column)
