from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from neocaret_server import parent


def test_this_process_is_alive() -> None:
    assert parent.is_alive(os.getpid())


@pytest.mark.parametrize("process_id", [0, -1, 2**31 - 1, 2**80])
def test_no_process_has_such_a_number(process_id: int) -> None:
    assert not parent.is_alive(process_id)


@pytest.fixture
def process() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield process
    process.kill()
    process.communicate()


@pytest.mark.parametrize("waits", [True, False])
async def test_the_end_of_a_process_is_told(
    process: subprocess.Popen[bytes], waits: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not waits:
        monkeypatch.setattr(parent, "_handle_of", lambda _: None)
        monkeypatch.setattr(parent, "_LOOK_EVERY_SECONDS", 0.01)
    gone: list[bool] = []
    watch = asyncio.ensure_future(parent.watch(process.pid, lambda: gone.append(True)))
    await asyncio.sleep(0.05)
    assert gone == []
    process.kill()
    process.wait()
    await asyncio.wait_for(watch, 5)
    assert gone == [True]


@pytest.mark.skipif(sys.platform != "linux", reason="others have nothing to wait for")
async def test_a_process_that_nobody_has_waited_for_has_ended_at_once(process: subprocess.Popen[bytes]) -> None:
    gone: list[bool] = []
    watch = asyncio.ensure_future(parent.watch(process.pid, lambda: gone.append(True)))
    await asyncio.sleep(0)
    process.kill()
    await asyncio.wait_for(watch, 5)
    assert gone == [True]
    assert parent.is_alive(process.pid)


@pytest.mark.skipif(sys.platform != "linux", reason="others have nothing to wait for")
async def test_a_watch_that_ends_leaves_nothing_open(process: subprocess.Popen[bytes]) -> None:
    before = open_files()
    watch = asyncio.ensure_future(parent.watch(process.pid, lambda: None))
    await asyncio.sleep(0.01)
    assert open_files() == before + 1
    watch.cancel()
    await asyncio.wait([watch])
    assert open_files() == before


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_a_process_that_was_never_seen_is_not_missed() -> None:
    gone: list[bool] = []
    await parent.watch(2**31 - 1, lambda: gone.append(True))
    assert gone == []
