"""How a text longer than the model's positions is scored: in windows that overlap. No tensors.

tokens   0 ....................... first ........ stop
                 |<- at most as many as positions ->|
                                   |<--- scored --->|
         Each token is scored once, and predicted by the tokens before it in its window: by all of them in the
         first window, and by more than half of the positions in the others.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ScoreWindow:
    """Tokens to feed, and those that they predict."""

    start: int
    """The first token to feed."""
    first: int
    """The first token to score."""
    stop: int
    """One past the last token to score; the last one itself is not fed."""


def score_windows(length: int, positions: int) -> Iterator[ScoreWindow]:
    """Yield the windows that score all of `length` tokens but the first, for a model of so many `positions`."""
    first, stop = 1, min(length, positions + 1)
    while first < stop:
        yield ScoreWindow(max(0, stop - 1 - positions), first, stop)
        first, stop = stop, min(length, stop + positions // 2)
