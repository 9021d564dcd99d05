"""What is prepared while nothing is asked."""

from __future__ import annotations

import asyncio

from neocaret_server.documents import Document, Place
from neocaret_server.following import CaretAt
from neocaret_server.idle_work import IdleWork


def caret(index: int) -> CaretAt:
    document = Document.of("file:///a.py", "python", 1, "word")
    return CaretAt(document, Place(0, index))


async def test_who_waits_for_the_end_waits_for_what_came_in_its_place_too() -> None:
    work, done = IdleWork(), asyncio.Event()

    async def until_done() -> None:
        await done.wait()

    work.begin(caret(1), until_done)
    waiting = asyncio.ensure_future(work.ended())
    await asyncio.sleep(0)
    work.begin(caret(2), until_done)
    for _ in range(5):
        await asyncio.sleep(0)
    assert not waiting.done()
    done.set()
    async with asyncio.timeout(5):
        await waiting


async def test_nobody_waits_for_what_has_given_way() -> None:
    work = IdleWork()
    await work.ended()
    work.begin(caret(1), lambda: asyncio.sleep(60))
    waiting = asyncio.ensure_future(work.ended())
    await asyncio.sleep(0)
    work.stop()
    async with asyncio.timeout(5):
        await waiting
