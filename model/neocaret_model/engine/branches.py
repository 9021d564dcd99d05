"""Rows that continue one prefix, each by as many tokens at a time as were guessed right.

    prefix: tokens 0 .. N-1 | a step: row 0, row 0, row 1, row 2 | the next step: row 0, row 1, row 1, row 2 | ...

What the rows write stands behind the prefix in the prefix's own buffer, so that one product of attention serves all of
them: each sees the prefix and its own columns only. A column whose token turns out to be guessed wrong is nobody's.

M tokens fed in a step, C columns.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from neocaret_model.engine.key_values import Prefix, View

_NOBODY = -1


class Branches:
    """The rows of one prefix, which must stay as it is while they grow."""

    def __init__(self, prefix: Prefix, rows: int) -> None:
        self.prefix = prefix
        self.begin = prefix.length
        """The first column of the step under way."""
        self.owners: list[int] = []
        """Of the columns behind the prefix: the number of the row whose each is, or -1."""
        self.positions: list[int] = []
        """Of the tokens in the columns behind the prefix."""
        self._rows = list(range(rows))
        """Their numbers, which they keep when others are dropped."""
        self._lengths = [0] * rows
        """Of what each row has after the prefix, in tokens."""
        self._counts: Sequence[int] = ()
        """How many tokens each row is fed in the step under way."""

    def open_step(self, counts: Sequence[int]) -> list[int]:
        """Make room for so many tokens of each row; returns the positions (M) of them all, row after row."""
        self.begin = self._end
        self._counts = counts
        fed = zip(self._lengths, counts, strict=True)
        positions = [self.prefix.length + length + ahead for length, count in fed for ahead in range(count)]
        self.positions += positions
        self.owners += [row for row, count in zip(self._rows, counts, strict=True) for _ in range(count)]
        self.prefix.reserve(self._end, self.begin)
        return positions

    def view(self, window: int) -> View:
        """Return the view of the step under way, of which each token sees the last `window` ones, itself included."""
        step = self.begin - self.prefix.length
        first = min(max(0, min(self.positions[step:]) - window + 1), self.prefix.length)
        return View(self.begin, first, self._end, self._mask(step, first, window))

    def accept(self, counts: Sequence[int]) -> None:
        """Keep the first so many tokens of what each row was fed in the step under way, and forget the others."""
        column = self.begin - self.prefix.length
        for row, (fed, kept) in enumerate(zip(self._counts, counts, strict=True)):
            self.owners[column + kept : column + fed] = [_NOBODY] * (fed - kept)
            self._lengths[row] += kept
            column += fed
        while self.owners and self.owners[-1] == _NOBODY:  # written over
            self.owners.pop()
            self.positions.pop()

    def keep_rows(self, rows: Sequence[int]) -> None:
        """Drop all rows but these; their columns are not the others' anyway."""
        self._rows = [self._rows[row] for row in rows]
        self._lengths = [self._lengths[row] for row in rows]

    @property
    def _end(self) -> int:
        return self.prefix.length + len(self.owners)

    def _mask(self, step: int, first: int, window: int) -> Tensor | None:
        """M x C from the column `first` on; None where all is seen."""
        owners, positions = torch.tensor(self.owners), torch.tensor(self.positions)
        fed = positions[step:, None]
        own = (owners == owners[step:, None]) & (positions <= fed) & (positions > fed - window)
        before = torch.arange(first, self.prefix.length) > fed - window
        seen = torch.cat([before, own], dim=1)
        if bool(seen.all()):
            return None
        memory = self.prefix.memory
        return torch.zeros(seen.shape, dtype=memory.dtype).masked_fill(~seen, -torch.inf).to(memory.device)
