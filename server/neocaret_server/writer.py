"""What goes out to the client, written by a thread of its own, so that a client that does not read stops nothing.

What such a client leaves unread is kept for it, up to a bound: one that asks on and on and never reads is given up.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
from collections.abc import Callable
from typing import IO

from neocaret_server.stdio import write_all

MOST_UNREAD_BYTES = 64 * 1024**2
"""A day's answers to a client that reads are no more than a few of these."""
_LAST_WORDS_SECONDS = 0.3
_log = logging.getLogger(__name__)


class Writer:
    """Writes whole messages, in order; tells once when the client is gone, and is silent from then on."""

    def __init__(
        self, stream: IO[bytes], on_lost: Callable[[], None], most_unread_bytes: int = MOST_UNREAD_BYTES
    ) -> None:
        """`on_lost` may be called by any thread."""
        self._stream = stream
        self._on_lost = on_lost
        self._most = most_unread_bytes
        self._queue: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._unread = 0
        self._lost = False
        # A daemon, because the end of the process does not wait for a client that does not read.
        self._thread = threading.Thread(target=self._drain, name="neocaret-stdout", daemon=True)
        self._thread.start()

    def write(self, data: bytes) -> None:
        """Send a message; never waits for the client."""
        with self._lock:
            if self._lost:
                return
            self._unread += len(data)
            too_much = self._unread > self._most
        if too_much:
            _log.error("the client leaves more than %d bytes unread, and is given up", self._most)
            self._give_up()
        else:
            self._queue.put(data)

    def close(self, seconds: float = _LAST_WORDS_SECONDS) -> None:
        """Let the last messages out, for so long, and close the stream; what could not be written is given up."""
        self._queue.put(None)
        self._thread.join(seconds)
        self._lost = True
        # Under a write that still waits, the stream cannot be closed.
        if not self._thread.is_alive():
            with contextlib.suppress(OSError, ValueError):
                self._stream.close()

    def _drain(self) -> None:
        while (data := self._queue.get()) is not None and not self._lost:
            try:
                write_all(self._stream, data)
            except (OSError, ValueError):
                self._give_up()
                return
            with self._lock:
                self._unread -= len(data)

    def _give_up(self) -> None:
        with self._lock:
            told, self._lost = self._lost, True
        if not told:
            self._on_lost()
