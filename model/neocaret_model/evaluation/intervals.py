"""Figures with the range that chance leaves them: shares, and ratios of sums."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

Interval = tuple[float, float]
"""Where the true figure lies with a confidence of 95 %."""

_Z = 1.959964
_RESAMPLES = 1000


@dataclass(frozen=True, slots=True)
class Share:
    """So many hits of so many tries."""

    hits: int
    tries: int

    @property
    def value(self) -> float:
        """Between 0 and 1; 0 of no tries."""
        return self.hits / self.tries if self.tries else 0.0

    @property
    def interval(self) -> Interval:
        """Wilson's score interval."""
        return wilson(self.value, self.tries)


def wilson(share: float, tries: int) -> Interval:
    """Wilson's score interval, which holds for few tries and for shares near 0 and 1 too.

    Of a mean of numbers between 0 and 1 that are not only 0 and 1, it is wider than it need be.
    """
    if not tries:
        return 0.0, 1.0
    spread = _Z * math.sqrt(share * (1 - share) / tries + (_Z / (2 * tries)) ** 2)
    middle = share + _Z**2 / (2 * tries)
    scale = 1 + _Z**2 / tries
    return max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale)


def ratio(pairs: Sequence[tuple[float, float]]) -> float:
    """The sum of the first numbers over the sum of the second; 0 where that is 0."""
    below = sum(second for _, second in pairs)
    return sum(first for first, _ in pairs) / below if below else 0.0


def ratio_interval(pairs: Sequence[tuple[float, float]], seed: int = 1) -> Interval:
    """The percentile bootstrap of `ratio` over the pairs, the same for a seed."""
    if not pairs:
        return 0.0, 0.0
    draw = random.Random(seed)  # noqa: S311 - a reproducible resampling, no secret
    ratios = sorted(ratio(draw.choices(pairs, k=len(pairs))) for _ in range(_RESAMPLES))
    return ratios[round(0.025 * (_RESAMPLES - 1))], ratios[round(0.975 * (_RESAMPLES - 1))]
