"""How long what is left of a benchmark will take, by how long the same took so far. No torch."""

from __future__ import annotations

from collections.abc import Sequence

_READ_PER_TOKEN, _READ_PER_PAIR = 1 / 1000, 1 / 900**2
"""How a prompt's length counts beside writing some thirty tokens: by the slowest contestant, the pipeline."""
_MINUTE = 60


def effort(prompt_tokens: int, rows: int) -> float:
    """How long a request of this size takes, in any unit."""
    return rows * (1 + _READ_PER_TOKEN * prompt_tokens + _READ_PER_PAIR * prompt_tokens**2)


class Pace:
    """Knows what is to be done, and sees how fast it is."""

    def __init__(self, efforts: Sequence[float]) -> None:
        """Take all that is to be done."""
        self._left = sum(efforts)
        self._done = 0.0
        self._seconds = 0.0

    def took(self, effort: float, seconds: float) -> None:
        """See how long something took."""
        self._left -= effort
        self._done += effort
        self._seconds += seconds

    def skip(self, effort: float) -> None:
        """See that something is not done at all."""
        self._left -= effort

    def expected_seconds(self, effort: float) -> float:
        """How long something will take; 0 where nothing is known."""
        return effort * self._seconds / self._done if self._done else 0.0

    def left(self) -> str:
        """How long the rest will take, in words; nothing where that is not known."""
        if not self._done:
            return ""
        minutes = round(self.expected_seconds(self._left) / _MINUTE)
        return f"about {minutes} min left" if minutes else "less than a minute left"
