"""A thing that is prepared while nothing is asked: it gives way to whatever is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from neocaret_server.following import CaretAt


class IdleWork:
    """What is prepared for a caret that may come."""

    def __init__(self) -> None:
        self._at: CaretAt | None = None
        self._task: asyncio.Task[None] | None = None

    def begin(self, at: CaretAt, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Work for a caret in place of what there was, unless that is for the same text before it."""
        if self._at is None or not _same(self._at, at):
            self.stop()
            self._at = at
            self._task = asyncio.ensure_future(work())

    async def ended(self) -> None:
        """Wait until it is done, or has given way, and so for what was begun in its place."""
        while (task := self._task) is not None and not task.done():
            await asyncio.wait([task])

    def stop(self) -> None:
        """Give way, within a step of the model; what is begun later begins anew."""
        self._at = None
        if self._task is not None:
            self._task.cancel()
            self._task = None


def _same(one: CaretAt, other: CaretAt) -> bool:
    if one.document.uri != other.document.uri or one.place != other.place:
        return False
    return one.document.same_before(other.document, one.place)
