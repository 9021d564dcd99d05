from __future__ import annotations

import io
import os
from typing import IO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neocaret_server.stdio import MOST_BYTES, Writer, read_messages


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


def test_a_lost_client_is_told_once() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    lost: list[bool] = []
    out = Writer(os.fdopen(writer, "wb", buffering=0), lambda: lost.append(True))
    out.write(b"x")
    out.write(b"y")
    out.close()
    assert lost == [True]


def test_nothing_is_written_after_closing() -> None:
    target = io.BytesIO()
    lost: list[bool] = []
    writer = Writer(target, lambda: lost.append(True))
    writer.write(b"x")
    assert target.getvalue() == b"x"
    writer.close()
    writer.write(b"y")
    assert lost == []
