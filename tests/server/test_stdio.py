from __future__ import annotations

import io
from typing import IO, Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neocaret_server.stdio import MOST_BYTES, decoded, read_messages, write_all


def stream(data: bytes) -> IO[bytes]:
    return io.BytesIO(data)


@given(st.lists(st.binary(max_size=50)))
def test_what_is_framed_is_read(bodies: list[bytes]) -> None:
    data = b"".join(b"Content-Length: %d\r\n\r\n%s" % (len(body), body) for body in bodies)
    assert list(read_messages(stream(data))) == bodies


@pytest.mark.parametrize(
    "header",
    [
        b"content-length: 2\r\n",
        b"CONTENT-LENGTH:2\r\n",
        b"Content-Length:   2  \r\n",
        b"Content-Type: application/vscode-jsonrpc; charset=utf-8\r\nContent-Length: 2\r\n",
        b"Content-Length: 2\r\nX-Other: 5\r\n",
        b"nonsense\r\n\r\nContent-Length: 2\r\n",
        b"Content-Length: -5\r\nContent-Length: 2\r\n",
    ],
)
def test_headers_in_any_form(header: bytes) -> None:
    assert list(read_messages(stream(header + b"\r\n{}"))) == [b"{}"]


@pytest.mark.parametrize("data", [b"", b"Content-Length: 5\r\n\r\n{}", b"Content-Length: 5", b"\r\n", b"\xff\x00"])
def test_a_stream_that_ends_early_has_no_message(data: bytes) -> None:
    assert list(read_messages(stream(data))) == []


class Unread(io.BytesIO):
    """A stream of headers whose bodies nobody may ask for."""

    def read(self, size: int | None = -1, /) -> bytes:
        raise AssertionError(size)


@pytest.mark.parametrize("length", [b"%d" % (MOST_BYTES + 1), b"99999999999999", b"9" * 20, b"9" * 5000])
def test_a_message_of_any_length_is_not_believed(length: bytes) -> None:
    assert list(read_messages(Unread(b"Content-Length: " + length + b"\r\n\r\n{}"))) == []
    after = b"\r\n\r\nContent-Length: 2\r\n\r\n{}"
    assert list(read_messages(stream(b"Content-Length: " + length + after))) == []


@given(st.binary())
def test_no_bytes_break_the_reader(data: bytes) -> None:
    list(read_messages(stream(data)))


@pytest.mark.parametrize(
    "broken",
    [
        b'Content-Length: 5\r\n\r\n{"too": "long"}',
        b"Content-Length: 2\r\r{}",
        b"no header at all",
        b"Content-Length 2\r\n\r\n{}",
        b"x" * 200_000,
        b"x" * 200_000 + b"\r\n\r\n",
    ],
)
def test_the_message_behind_a_broken_one_is_read(broken: bytes) -> None:
    after = b"Content-Length: 2\r\n\r\n[]"
    assert list(read_messages(stream(broken + after)))[-1] == b"[]"


def test_a_header_of_another_name_is_none() -> None:
    data = b"X-Content-Length: 5\r\nContent-Length: 2\r\nOld-content-length: 7\r\n\r\n{}"
    assert list(read_messages(stream(data))) == [b"{}"]


class Lines(io.BytesIO):
    """A stream that tells how much of a line was asked for."""

    asked: int | None = -1

    def readline(self, size: int | None = -1, /) -> bytes:
        self.asked = size
        return super().readline(size)


def test_a_line_without_an_end_is_never_held_whole() -> None:
    lines = Lines(b"x" * 1_000_000)
    assert list(read_messages(lines)) == []
    assert lines.asked == 64 * 1024


@pytest.mark.parametrize("body", [b"NaN", b'{"a": Infinity}', b"[-Infinity]", b"{", b"[" * 100_000, b"\xff", b""])
def test_what_is_not_json_is_not_decoded(body: bytes) -> None:
    with pytest.raises((ValueError, RecursionError)):
        decoded(body)


class Slow(io.RawIOBase):
    """A stream that takes three bytes at a time, and none at every other."""

    def __init__(self) -> None:
        self.taken = b""
        self._full = False

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int | None:
        self._full = not self._full
        if self._full:
            return None
        self.taken += bytes(data[:3])
        return len(data[:3])


def test_all_is_written_to_a_stream_that_takes_little() -> None:
    slow = Slow()
    write_all(cast("IO[bytes]", slow), b"twelve bytes")
    assert slow.taken == b"twelve bytes"
