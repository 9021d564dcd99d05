"""`neocaret/statusChanged`: what a status bar shows, for clients that ask by `statusNotifications` in `initialize`.

Sent a moment after something changed, once for all that changed meanwhile, and never on the path of an answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from neocaret_server.backend import LoadProgress

NAME = "neocaret/statusChanged"
GATHER_SECONDS = 0.1

Status = dict[str, Any]


class StatusChanges:
    """Tells a client of the server's status where it is another than the one told last."""

    def __init__(self, status: Callable[[], Status], send: Callable[[Status], None]) -> None:
        self.on = False
        """Whether the client asked for it."""
        self._status = status
        self._send = send
        self._told: Status | None = None
        self._due: asyncio.TimerHandle | None = None

    def changed(self) -> None:
        """Note that something may have changed; cheap, and from the event loop only."""
        if self.on and self._due is None:
            self._due = asyncio.get_running_loop().call_later(GATHER_SECONDS, self._tell)

    def _tell(self) -> None:
        self._due = None
        status = self._status()
        if status != self._told:
            self._told = status
            self._send(status)


def wants_status(initialization_options: object) -> bool:
    """Say whether a client asks for the notifications."""
    return isinstance(initialization_options, dict) and initialization_options.get("statusNotifications") is True


def progress_of(progress: LoadProgress | None) -> Status | None:
    """Return how far a load is; None where none is under way."""
    if progress is None:
        return None
    return {"message": progress.message, "done": progress.done, "total": progress.total or None}
