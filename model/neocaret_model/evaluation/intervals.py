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
        """Wilson's score interval, which holds for few tries and for shares near 0 and 1 too."""
        if not self.tries:
            return 0.0, 1.0
        spread = _Z * math.sqrt(self.value * (1 - self.value) / self.tries + (_Z / (2 * self.tries)) ** 2)
        middle = self.value + _Z**2 / (2 * self.tries)
        scale = 1 + _Z**2 / self.tries
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
