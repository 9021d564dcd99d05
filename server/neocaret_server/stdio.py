"""Bytes in and out: the base protocol's framing, and standard streams that nothing else can touch.

- The protocol runs over duplicates of descriptors 0 and 1. Descriptor 1 then points at standard error and 0 at
  nothing, so that a print in any library, or a child process, cannot break the stream.
- A daemon thread of its own reads, so that the end of the process never waits for a read.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Callable, Iterator
from typing import IO

MOST_BYTES = 256 * 1024**2
"""Of one message. A longer one is announced by a broken stream only, and nothing of it is believed."""

_LENGTH = re.compile(rb"\s*content-length\s*:\s*(\d+)\s*", re.IGNORECASE)


def take_standard_streams() -> tuple[IO[bytes], IO[bytes]]:
    """Return private streams to the client, and close descriptors 0 and 1 to everyone else."""
    sys.stdout.flush()
    stdin = os.fdopen(os.dup(0), "rb")
    stdout = os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return stdin, stdout


def read_messages(stream: IO[bytes]) -> Iterator[bytes]:
    """Yield the body of each message until the stream ends; lines that are no header are passed over."""
    length: int | None = None
    # A stream that breaks has ended.
    with contextlib.suppress(OSError, ValueError):
        while line := stream.readline():
            if found := _LENGTH.fullmatch(line):
                length = int(found[1])
                if length > MOST_BYTES:
                    _say_broken(length)
                    return
            elif length is not None and not line.strip():
                body = stream.read(length)
                if len(body) < length:
                    return
                yield body
                length = None


def framed(body: bytes) -> bytes:
    """Return a message that has this body."""
    return b"Content-Length: %d\r\n\r\n%s" % (len(body), body)


class Writer:
    """Writes whole messages; tells once when the client is gone, and is silent from then on."""

    def __init__(self, stream: IO[bytes], on_lost: Callable[[], None]) -> None:
        self._stream = stream
        self._on_lost = on_lost
        self._lost = False

    def write(self, data: bytes) -> None:
        """Write and flush."""
        if self._lost:
            return
        try:
            self._stream.write(data)
            self._stream.flush()
        except (OSError, ValueError):
            self._lost = True
            self._on_lost()

    def close(self) -> None:
        """Close the stream; what could not be written is given up."""
        self._lost = True
        with contextlib.suppress(OSError, ValueError):
            self._stream.close()


def _say_broken(length: int) -> None:
    # Imported here, because the greeting reads through this file, and hardly any stream is broken.
    import logging

    logging.getLogger(__name__).error("a message of %d bytes was announced: the stream is broken", length)
