from __future__ import annotations

import asyncio
import os
import subprocess
import sys

import pytest

from neocaret_server import parent


def test_this_process_is_alive() -> None:
    assert parent.is_alive(os.getpid())


@pytest.mark.parametrize("process_id", [0, -1, 2**31 - 1, 2**80])
def test_no_process_has_such_a_number(process_id: int) -> None:
    assert not parent.is_alive(process_id)


async def test_the_end_of_a_process_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parent, "_LOOK_EVERY_SECONDS", 0.01)
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)  # noqa: ASYNC220 - short
    gone: list[bool] = []
    watch = asyncio.ensure_future(parent.watch(process.pid, lambda: gone.append(True)))
    await asyncio.sleep(0.05)
    assert gone == []
    process.kill()
    process.communicate()
    await asyncio.wait_for(watch, 5)
    assert gone == [True]


async def test_a_process_that_was_never_seen_is_not_missed() -> None:
    gone: list[bool] = []
    await parent.watch(2**31 - 1, lambda: gone.append(True))
    assert gone == []
