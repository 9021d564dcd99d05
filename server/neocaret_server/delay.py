"""How long a question that nobody asked waits before the model is asked; pure but for the waiting itself.

Who types fast will have typed the next key before an answer comes: a wait saves the work for it. The wait is a share of
the user's own typing interval, and what the model takes anyway counts as waiting. What needs no work of the model, and
what follows a generation that is under way, never waits.
"""

from __future__ import annotations

import asyncio
from collections import deque
from statistics import median
from typing import Final

from neocaret_server.requests import Moment

SHARE: Final = 0.25
"""Of the typing interval."""
MOST_SECONDS = 0.15
"""However slowly somebody types."""
_PAUSE_SECONDS = 1.0
"""A longer interval is thinking, not typing."""
_REMEMBERED = 16


def wait_seconds(delay_ms: int | str, interval: float | None, answer: float | None) -> float:
    """Return how long to wait: what the setting says, or by the intervals and the answers of late, all in seconds.

    Without one or the other it does not wait.
    """
    if not isinstance(delay_ms, str):
        return delay_ms / 1000
    if interval is None or answer is None:
        return 0.0
    return max(0.0, min(MOST_SECONDS, SHARE * interval) - answer)


class Pace:
    """How fast the user types, and how soon the model answers."""

    def __init__(self) -> None:
        self._last_key: float | None = None
        self._intervals: deque[float] = deque(maxlen=_REMEMBERED)
        self._answers: deque[float] = deque(maxlen=_REMEMBERED)

    def key(self, now: float) -> None:
        """Note that something was typed, at a time in seconds."""
        if self._last_key is not None and now - self._last_key < _PAUSE_SECONDS:
            self._intervals.append(now - self._last_key)
        self._last_key = now

    def answered(self, seconds: float) -> None:
        """Note how long the model's work for an answer took."""
        self._answers.append(seconds)

    def wait_seconds(self, delay_ms: int | str) -> float:
        """Return how long to wait now."""
        interval = median(self._intervals) if self._intervals else None
        return wait_seconds(delay_ms, interval, median(self._answers) if self._answers else None)


class Delays:
    """The questions that wait before the model is asked: a newer one ends the wait of the older ones."""

    def __init__(self) -> None:
        self._waiting: dict[tuple[str, str], tuple[Moment, asyncio.Future[None]]] = {}

    async def wait(self, uri: str, channel: str, moment: Moment, seconds: float) -> bool:
        """Wait; False as soon as a newer question has come."""
        if seconds <= 0:
            return True
        superseded: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[uri, channel] = moment, superseded
        try:
            await asyncio.wait([superseded], timeout=seconds)
        finally:
            if self._waiting.get((uri, channel)) == (moment, superseded):
                del self._waiting[uri, channel]
        return not superseded.done()

    def supersede(self, uri: str, channel: str, moment: Moment) -> None:
        """End the waits that a question makes old: those of another moment, and that of its own channel."""
        for (waiting_uri, waiting), (since, superseded) in list(self._waiting.items()):
            if waiting_uri == uri and (since != moment or waiting == channel) and not superseded.done():
                superseded.set_result(None)
