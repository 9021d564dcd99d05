from __future__ import annotations

import asyncio
import io
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from neocaret_server.app import build_server, serve
from neocaret_server.fake_backend import FakeBackend
from neocaret_server.opening import Opening


@pytest.fixture
def editor() -> Iterator[subprocess.Popen[bytes]]:
    """A process that lives until it is killed."""
    editor = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield editor
    editor.kill()
    editor.communicate()


@pytest.fixture
def silent() -> Iterator[Opening]:
    """The opening of a client that says nothing."""
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb") as stdin:
        yield Opening(stdin, io.BytesIO())
        os.close(writer)
        for thread in threading.enumerate():
            if thread.name.startswith("neocaret-"):
                thread.join(20)


async def test_a_server_that_nobody_speaks_to_ends_with_its_editor(
    silent: Opening, editor: subprocess.Popen[bytes]
) -> None:
    serving = asyncio.create_task(serve(build_server(FakeBackend()), silent, editor.pid))
    # The server looks at the process before it is gone.
    for _ in range(3):
        await asyncio.sleep(0)
    editor.kill()
    editor.wait()
    async with asyncio.timeout(10):
        assert await serving == 1


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Interrupts that are not ignored, as programs ignore them that a shell has started in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
@pytest.mark.skipif(sys.platform == "win32", reason="signals of a terminal")
async def test_an_interrupt_that_another_thread_gets_wakes_the_loop(silent: Opening) -> None:
    serving = asyncio.create_task(serve(build_server(FakeBackend()), silent))
    await asyncio.sleep(0.01)
    interrupt = threading.Timer(0.1, lambda: signal.pthread_kill(threading.get_ident(), signal.SIGINT))
    interrupt.start()
    async with asyncio.timeout(10):
        assert await serving == 130
    interrupt.join()
