from __future__ import annotations

import asyncio
import threading

from neocaret_server.workers import Workers


def test_the_end_does_not_wait_for_a_disk_that_does_not_answer() -> None:
    answers = threading.Event()

    async def ask_the_disk() -> None:
        asyncio.get_running_loop().set_default_executor(Workers())
        asyncio.get_running_loop().run_in_executor(None, answers.wait)
        await asyncio.sleep(0)

    ended = threading.Thread(target=asyncio.run, args=(ask_the_disk(),))
    ended.start()
    ended.join(30)
    still_waiting = ended.is_alive()
    answers.set()
    assert not still_waiting


def test_what_is_nearly_done_is_waited_for() -> None:
    done: list[int] = []

    async def write() -> None:
        asyncio.get_running_loop().set_default_executor(Workers())
        asyncio.get_running_loop().run_in_executor(None, done.append, 1)
        await asyncio.sleep(0)

    asyncio.run(write())
    assert done == [1]
