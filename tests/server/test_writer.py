from __future__ import annotations

import io
import os
import threading
import time

import pytest

from neocaret_server.writer import Writer


class Kept(io.BytesIO):
    """A stream that can be looked at when it is closed."""

    def close(self) -> None:
        self.was = self.getvalue()
        super().close()


class Unread(io.BytesIO):
    """A client that does not read before it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.may_read = threading.Event()

    def write(self, data: object, /) -> int:
        self.may_read.wait()
        return super().write(bytes(memoryview(data)))  # type: ignore[arg-type]  # as the stream's own


def writer_to(stream: io.BytesIO, most: int = 1000) -> tuple[Writer, list[bool]]:
    lost: list[bool] = []
    return Writer(stream, lambda: lost.append(True), most), lost


def test_messages_are_written_in_order_before_the_end() -> None:
    stream = Kept()
    writer, lost = writer_to(stream)
    for digit in b"0123456789":
        writer.write(bytes([digit]))
    writer.close()
    writer.write(b"y")
    assert stream.was == b"0123456789"
    assert lost == []


def test_a_lost_client_is_told_once() -> None:
    reader, out = os.pipe()
    os.close(reader)
    lost: list[bool] = []
    writer = Writer(os.fdopen(out, "wb", buffering=0), lambda: lost.append(True))
    writer.write(b"x")
    writer.write(b"y")
    writer.close()
    assert lost == [True]


def test_nobody_waits_for_a_client_that_does_not_read() -> None:
    stream = Unread()
    writer, lost = writer_to(stream)
    for _ in range(100):
        writer.write(b"0123456789")
    began = time.monotonic()
    writer.close(0.05)
    assert time.monotonic() - began < 5
    assert lost == []
    stream.may_read.set()


def test_a_client_that_reads_late_gets_everything() -> None:
    stream = Unread()
    writer, lost = writer_to(stream)
    for _ in range(100):
        writer.write(b"0123456789")
    threading.Timer(0.05, stream.may_read.set).start()
    while len(stream.getvalue()) < 1000:
        time.sleep(0.001)
    writer.write(b"more")
    writer.close(10)
    assert lost == []


def test_a_client_that_never_reads_is_given_up(caplog: pytest.LogCaptureFixture) -> None:
    stream = Unread()
    writer, lost = writer_to(stream)
    for _ in range(103):
        writer.write(b"0123456789")
    assert lost == [True]
    assert "more than 1000 bytes unread" in caplog.text
    writer.close(0.01)
    stream.may_read.set()
