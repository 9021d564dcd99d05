from __future__ import annotations

import asyncio
import io
import os
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
                thread.join()


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
