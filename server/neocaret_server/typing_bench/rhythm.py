"""How long a programmer waits before each key, drawn with a seed; pure.

Intervals between keys are log-normal, as those of large studies are. Within words the mean is 0.2 s, five keys a
second: between the average of 168,000 volunteers (0.239 s) and their fastest group (0.12 s), Dhakal and others,
"Observations on Typing from 136 Million Keystrokes", CHI 2018, which also has 6.3 % of all keys correct mistakes. That
study is of copied sentences. The longer pauses of one who thinks about code, before a word, a line or another place,
are our assumption.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from typing import Literal

Moment = Literal["in word", "word", "line", "jump", "mistake", "erase", "accept"]
"""What comes next: a key inside a word, the first of a word or a line, the first in another place, the first Backspace
after a mistake, one more Backspace, the key that accepts a suggestion."""


@dataclass(frozen=True, slots=True)
class LogNormal:
    """A distribution of seconds."""

    median: float
    spread: float
    """Standard deviation of the logarithm."""

    def draw(self, source: random.Random) -> float:
        """Return a number of seconds."""
        return self.median * math.exp(self.spread * source.gauss())


PAUSES: dict[Moment, LogNormal] = {
    "in word": LogNormal(0.181, 0.45),
    "word": LogNormal(0.3, 0.6),
    "line": LogNormal(0.9, 0.8),
    "jump": LogNormal(3.0, 0.5),
    "mistake": LogNormal(0.4, 0.4),
    "erase": LogNormal(0.13, 0.3),
    "accept": LogNormal(0.5, 0.4),
}

LONGEST_SECONDS = 15.0
"""Whoever pauses for longer has gone away."""

MISTAKE_SHARE = 0.02
"""Of the letters typed; with one or two more before they are seen, about 6 % of all keys correct something."""


def pause(moment: Moment, source: random.Random, speed: float = 1.0) -> float:
    """Return the seconds before a key; `speed` shortens the pauses of one who thinks, not the rhythm of typing."""
    seconds = min(PAUSES[moment].draw(source), LONGEST_SECONDS)
    return seconds / speed if moment in {"line", "jump"} else seconds
