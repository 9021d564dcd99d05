"""Bytes in and out: the base protocol's framing, and standard streams that nothing else can touch.

- The protocol runs over duplicates of descriptors 0 and 1. Descriptor 1 then points at standard error and 0 at
  nothing, so that a print in any library, or a child process, cannot break the stream.
- A daemon thread of its own reads, so that the end of the process never waits for a read.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
import time
from collections.abc import Iterator
from typing import IO, Any, NoReturn

MOST_BYTES = 256 * 1024**2
"""Of one message. A longer one is announced by a broken stream only, and nothing of it is believed."""

_MOST_HEADER_BYTES = 64 * 1024
_FULL_SECONDS = 0.005
# At the end of a line, whatever is before it: behind a message that was longer than announced, its rest is.
_LENGTH = re.compile(rb"(?<!-)content-length[^\S\n]*:\s*(\d+)\s*\Z", re.IGNORECASE)


def take_standard_streams() -> tuple[IO[bytes], IO[bytes]]:
    """Return private streams to the client, and close descriptors 0 and 1 to everyone else."""
    sys.stdout.flush()
    stdin = os.fdopen(os.dup(0), "rb")
    # Without a buffer: a thread that waits in one holds its lock, and then the process cannot end.
    stdout = os.fdopen(os.dup(1), "wb", buffering=0)
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
        while line := stream.readline(_MOST_HEADER_BYTES):
            if found := _LENGTH.search(line):
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


def decoded(body: bytes) -> Any:
    """Return the JSON value that a body is; raises ValueError or RecursionError where it is none."""
    return json.loads(body, parse_constant=_no_number)


def framed(body: bytes) -> bytes:
    """Return a message that has this body."""
    return b"Content-Length: %d\r\n\r\n%s" % (len(body), body)


def write_all(stream: IO[bytes], data: bytes) -> None:
    """Write and flush; also where the stream takes only a part at a time, or, not blocking, none for now."""
    left = memoryview(data)
    while left:
        if written := stream.write(left):
            left = left[written:]
        else:
            time.sleep(_FULL_SECONDS)
    stream.flush()


def _no_number(name: str) -> NoReturn:
    raise ValueError(name)


def _say_broken(length: int) -> None:
    # Imported here, because the greeting reads through this file, and hardly any stream is broken.
    import logging

    logging.getLogger(__name__).error("a message of %d bytes was announced: the stream is broken", length)
