"""A pause that the user asked for: nothing is suggested, and the model's memory is given back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

_MINUTE = 60.0


class Pause:
    """It lasts for its time, or until the user resumes; then the next question loads the model, be it another one."""

    def __init__(self, on_change: Callable[[], None] = lambda: None) -> None:
        self.on = False
        self._on_change = on_change
        self._end: asyncio.TimerHandle | None = None

    def begin(self, minutes: float | None) -> None:
        """Pause from now on, for so long, or without an end."""
        self.end()
        self.on = True
        self._on_change()
        if minutes is not None:
            self._end = asyncio.get_running_loop().call_later(minutes * _MINUTE, self.end)

    def end(self) -> None:
        """End it, if there is one."""
        if self.on:
            self.on = False
            self._on_change()
        if self._end is not None:
            self._end.cancel()
            self._end = None
