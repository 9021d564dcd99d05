"""The first message of the client, read and where possible answered while the server is still being imported."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import IO, NamedTuple

from neocaret_server.greeting import answer_to
from neocaret_server.stdio import framed, read_messages, write_all


class Message(NamedTuple):
    """What the client sent; a dataclass would be slower to import than the whole greeting."""

    body: bytes
    answered: bool = False
    """The client has its answer already."""


class Opening:
    """The streams of one client, whose first message is waited for from now on."""

    def __init__(self, stdin: IO[bytes], stdout: IO[bytes]) -> None:
        self.stdout = stdout
        """Nobody else may write before the first message has been taken."""
        self._bodies = read_messages(stdin)
        self._first: bytes | None = None
        self._answered = False
        # Of its own, because a client may be slow to speak, or gone, and the server watches for that.
        self._greeting = threading.Thread(target=self._greet, name="neocaret-greeting", daemon=True)
        self._greeting.start()

    def messages(self) -> Iterator[Message]:
        """Yield each message until the stream ends; blocks, and is for one thread."""
        self._greeting.join()
        if self._first is not None:
            yield Message(self._first, self._answered)
        for body in self._bodies:
            yield Message(body)

    def _greet(self) -> None:
        self._first = next(self._bodies, None)
        if self._first is None or (answer := answer_to(self._first)) is None:
            return
        # Where the client is gone, the server will see for itself.
        with contextlib.suppress(OSError, ValueError):
            write_all(self.stdout, framed(answer))
            self._answered = True
