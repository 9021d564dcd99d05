from __future__ import annotations

import asyncio
import io
from collections.abc import Iterator

import pytest

from neocaret_server.inbox import BYTES_BESIDE_BODY, Inbox
from neocaret_server.opening import Message, Opening
from neocaret_server.stdio import framed


class Broken(io.BytesIO):
    """A stream that breaks where another would end."""

    def readline(self, size: int | None = -1, /) -> bytes:
        if line := super().readline(size):
            return line
        raise MemoryError


async def test_the_end_is_told_however_reading_ends() -> None:
    inbox = Inbox(asyncio.get_running_loop())
    opening = Opening(Broken(framed(b"first")), io.BytesIO())
    with pytest.raises(MemoryError):
        await asyncio.to_thread(inbox.fill, opening.messages())
    assert await inbox.get() == Message(b"first")
    assert await inbox.get() is None


@pytest.mark.parametrize("body", [b"five!", b""])
async def test_no_more_is_read_than_there_is_room_for(body: bytes) -> None:
    inbox = Inbox(asyncio.get_running_loop(), most_waiting_bytes=2 * (BYTES_BESIDE_BODY + len(body)))
    read: list[int] = []

    def messages() -> Iterator[Message]:
        for number in range(20):
            read.append(number)
            yield Message(body)

    filling = asyncio.create_task(asyncio.to_thread(inbox.fill, messages()))
    while len(read) < 3:  # noqa: ASYNC110 - a thread reads
        await asyncio.sleep(0.001)
    await asyncio.sleep(0.05)
    # Two wait, and the third is in the hand of the one who reads.
    assert len(read) == 3
    taken = []
    while (message := await inbox.get()) is not None:
        taken.append(message)
    await filling
    assert taken == [Message(body)] * 20


async def test_a_message_larger_than_the_room_is_taken_alone() -> None:
    inbox = Inbox(asyncio.get_running_loop(), most_waiting_bytes=10)
    large = Message(b"x" * 100)
    filling = asyncio.create_task(asyncio.to_thread(inbox.fill, [large, large]))
    assert [await inbox.get() for _ in range(3)] == [large, large, None]
    await filling


async def test_a_loop_that_has_ended_is_no_error() -> None:
    loop = asyncio.new_event_loop()
    loop.close()
    Inbox(loop).fill([Message(b"late")])
