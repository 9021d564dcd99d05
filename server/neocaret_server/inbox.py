"""Messages on their way from the thread that reads them to the loop that handles them."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterable

from neocaret_server.opening import Message

MOST_WAITING_BYTES = 16 * 1024**2
"""Beyond that nothing more is read until some of it is handled; a single message may be larger."""
BYTES_BESIDE_BODY = 512
"""What a message that waits takes beside its body, which may be empty."""


class Inbox:
    """A queue of messages that is bounded by the memory that they take, not by their number."""

    def __init__(self, loop: asyncio.AbstractEventLoop, most_waiting_bytes: int = MOST_WAITING_BYTES) -> None:
        self._loop = loop
        self._most = most_waiting_bytes
        self._queue: asyncio.Queue[Message | None] = asyncio.Queue()
        self._room = threading.Condition()
        self._waiting = 0

    async def get(self) -> Message | None:
        """Return the next message; None once there are no more."""
        message = await self._queue.get()
        if message is not None:
            with self._room:
                self._waiting -= _size(message)
                self._room.notify()
        return message

    def fill(self, messages: Iterable[Message]) -> None:
        """Take all messages, for the loop; blocks, and is for a thread of its own."""
        # The loop may end before the stream does.
        with contextlib.suppress(RuntimeError):
            try:
                for message in messages:
                    self._wait_for_room(_size(message))
                    self._loop.call_soon_threadsafe(self._queue.put_nowait, message)
            finally:
                # Whatever went wrong: nobody else can tell that no more messages come.
                self._loop.call_soon_threadsafe(self._queue.put_nowait, None)

    def _wait_for_room(self, size: int) -> None:
        with self._room:
            self._room.wait_for(lambda: self._waiting < self._most)
            self._waiting += size


def _size(message: Message) -> int:
    return BYTES_BESIDE_BODY + len(message.body)
