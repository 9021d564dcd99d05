"""Rows that continue one prefix, each by as many tokens at a time as were guessed right.

    prefix: tokens 0 .. N-1 | a step: row 0, row 0, row 1, row 2 | the next step: row 0, row 1, row 1, row 2 | ...

What the rows write stands behind the prefix in the prefix's own buffer, so that one product of attention serves all of
them: a mask lets each see the prefix and its own columns only. A column whose token turns out to be guessed wrong is
hidden from its row as well.

B rows, M tokens fed in a step, C columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor

from neocaret_model.engine.key_values import Prefix, View


class Branches:
    """The rows of one prefix, which must stay as it is while they grow."""

    def __init__(self, prefix: Prefix, rows: int) -> None:
        self.prefix = prefix
        self._lengths = [0] * rows
        """Of what each row has after the prefix, in tokens."""
        self._counts: tuple[int, ...] = ()
        """How many tokens each row is fed in the step under way."""
        self._begin = self._end = prefix.length
        """The columns of the step under way."""
        self._positions: list[int] = []
        """Of the tokens in the columns behind the prefix."""
        self._hidden = torch.zeros(rows, 0, dtype=prefix.memory.dtype, device=prefix.memory.device)
        """B x C: minus infinity where a row does not see a column of an earlier step."""
        self._all_seen = True

    def open_step(self, counts: Sequence[int]) -> list[int]:
        """Make room for so many tokens of each row; returns the positions (M) of them all, row after row."""
        self._counts = tuple(counts)
        self._begin, self._end = self._end, self._end + sum(counts)
        self.prefix.reserve(self._end, self._begin)
        fed = zip(self._lengths, counts, strict=True)
        positions = [self.prefix.length + length + ahead for length, count in fed for ahead in range(count)]
        self._positions[self._begin - self.prefix.length :] = positions
        return positions

    def view(self, window: int) -> View:
        """Return the view of the step under way, of which each token sees the last `window` ones, itself included."""
        positions = self._positions[self._begin - self.prefix.length :]
        first = min(max(0, min(positions) - window + 1), self.prefix.length)
        mask = self._mask(first)
        if max(positions) - window >= first:
            mask = self._windowed(mask, first, positions, window)
        return View(self._begin, first, self._end, mask)

    def accept(self, counts: Sequence[int]) -> None:
        """Keep the first so many tokens of what each row was fed in the step under way, and forget the others."""
        seen = torch.full((len(counts), sum(self._counts)), -torch.inf)
        column = 0
        for row, (fed, kept) in enumerate(zip(self._counts, counts, strict=True)):
            seen[row, column : column + kept] = 0.0
            column += fed
            self._lengths[row] += kept
        # What is forgotten at the very end is written over.
        self._end -= self._counts[-1] - counts[-1]
        self._hide(seen[:, : self._end - self._begin])
        del self._positions[self._end - self.prefix.length :]

    def keep_rows(self, rows: Sequence[int]) -> None:
        """Drop all rows but these; their columns are hidden from the others anyway."""
        self._lengths = [self._lengths[row] for row in rows]
        self._hidden = self._hidden[torch.tensor(list(rows), device=self._hidden.device)]

    def _hide(self, seen: Tensor) -> None:
        if len(self._lengths) == 1 and self._all_seen:
            return
        self._all_seen = False
        if self._hidden.shape[1] < self._end:
            grown = self._hidden.new_zeros(len(self._lengths), max(self.prefix.capacity, self._end))
            grown[:, : self._hidden.shape[1]] = self._hidden
            self._hidden = grown
        self._hidden[:, self._begin : self._end] = seen

    def _mask(self, first: int) -> Tensor | None:
        """M x C from the column `first` on, but for the window; None where all is seen."""
        fed = sum(self._counts)
        if fed == 1 and self._all_seen:
            return None
        rows, among_themselves = _causal_blocks(self._counts)
        mask = self._hidden.new_zeros(fed, self._end - first)
        if not self._all_seen:
            mask[:, : self._begin - first] = self._hidden[:, first : self._begin][rows]
        mask[:, self._begin - first :] = among_themselves
        return mask

    def _windowed(self, mask: Tensor | None, first: int, positions: list[int], window: int) -> Tensor:
        columns = [*range(first, self.prefix.length), *self._positions]
        device = self._hidden.device
        queries = torch.tensor(positions, device=device)[:, None]
        passed = torch.tensor(columns, device=device)[None] <= queries - window
        if mask is None:
            mask = self._hidden.new_zeros(passed.shape)
        return mask.masked_fill(passed, -torch.inf)


@lru_cache(maxsize=256)
def _causal_blocks(counts: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """For rows fed so many tokens each: the row of each token (M), and what they hide from each other (M x M)."""
    rows = torch.tensor([row for row, count in enumerate(counts) for _ in range(count)])
    hidden = torch.full((len(rows), len(rows)), -torch.inf).triu(1)
    hidden[rows[:, None] != rows[None]] = -torch.inf
    return rows, hidden
