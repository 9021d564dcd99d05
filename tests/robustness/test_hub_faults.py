"""A hub that is not there, says nothing, or sends more than the disk takes; `tests/model/test_hub.py` has the rest."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
from raw_client import Start

SIZE, ROOM = 3_000_000, 1_000_000
SECONDS = 60


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.fixture
def silent() -> Iterator[str]:
    """A hub that takes connections, and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def wait_for(client: Any, state: str) -> Any:
    end = time.monotonic() + SECONDS
    while (status := client.command("neocaret.status")["result"])["state"] != state:
        assert time.monotonic() < end, status
        time.sleep(0.05)
    return status


def with_hub(start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, endpoint: str) -> Any:
    monkeypatch.setenv("HF_ENDPOINT", endpoint)
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    client = start(command=(sys.executable, "-P", "-m", "neocaret_server"))
    client.initialize(wait_until_ready=False, initializationOptions={"model": "someone/no-such-model"})
    return client


def choose_bundled(client: Any) -> None:
    client.notify("workspace/didChangeConfiguration", {"settings": {"neocaret": {"model": "bundled"}}})
    wait_for(client, "ready")


def test_a_hub_that_is_not_there_is_told(start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    client = with_hub(start, tmp_path, monkeypatch, "http://127.0.0.1:9")
    assert "did not deliver" in wait_for(client, "failed")["lastError"]
    choose_bundled(client)


@pytest.mark.slow  # it waits until the hub is given up
def test_a_hub_that_says_nothing_is_given_up(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, silent: str
) -> None:
    client = with_hub(start, tmp_path, monkeypatch, silent)
    assert "did not deliver" in wait_for(client, "failed")["lastError"]


FETCH = """
import resource, sys
from pathlib import Path
from neocaret_model.fetching import Remote, fetch
url, target, size, room = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
if room:
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
try:
    fetch(Remote(url, "no hash", size), target, lambda _: None, lambda: False)
except OSError as error:
    sys.exit(f"OSError {error.errno}")
"""


class File(BaseHTTPRequestHandler):
    """A file of bytes that say where they are; parts of it are sent."""

    asked: ClassVar[list[str | None]]

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class calls it that
        pass

    def do_GET(self) -> None:
        wanted = self.headers.get("Range")
        self.asked.append(wanted)
        start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted else 0
        self.send_response(206 if wanted else 200)
        self.send_header("Content-Length", str(SIZE - start))
        self.end_headers()
        try:
            self.wfile.write(content()[start:])
        except ConnectionError:
            return


def content() -> bytes:
    return b"".join(b"%09d\n" % number for number in range(SIZE // 10))


@pytest.mark.skipif(sys.platform == "win32", reason="limits of Unix")
def test_a_slow_hub_is_waited_for_as_long_as_something_comes(tmp_path: Path) -> None:
    class Slow(File):
        asked: ClassVar[list[str | None]] = []

        def do_GET(self) -> None:
            self.asked.append(self.headers.get("Range"))
            self.send_response(200)
            self.send_header("Content-Length", str(SIZE))
            self.end_headers()
            for begin in range(0, SIZE, SIZE // 20):
                time.sleep(0.1)  # longer in all than a silence may be
                self.wfile.write(content()[begin : begin + SIZE // 20])

    with ThreadingHTTPServer(("127.0.0.1", 0), Slow) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        target = tmp_path / "model.safetensors"
        url = f"http://127.0.0.1:{server.server_address[1]}/x"
        done = subprocess.run(
            [sys.executable, "-c", FETCH, url, str(target), str(SIZE), "0"],
            env={**os.environ, "HF_HUB_DOWNLOAD_TIMEOUT": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        server.shutdown()
    assert target.read_bytes() == content()
    assert Slow.asked == [None], "in one piece"


@pytest.mark.skipif(sys.platform == "win32", reason="limits of Unix")
def test_a_full_disk_keeps_what_has_come_for_the_next_time(tmp_path: Path) -> None:
    class Bound(File):
        asked: ClassVar[list[str | None]] = []

    with ThreadingHTTPServer(("127.0.0.1", 0), Bound) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        target = tmp_path / "model.safetensors"
        command = [
            sys.executable,
            "-c",
            FETCH,
            f"http://127.0.0.1:{server.server_address[1]}/x",
            str(target),
            str(SIZE),
        ]
        full = subprocess.run([*command, str(ROOM)], capture_output=True, text=True, check=False)
        assert "OSError 27" in full.stderr
        assert not target.exists(), "never half"
        done = subprocess.run([*command, "0"], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        server.shutdown()
    assert target.read_bytes() == content()
    first, second = Bound.asked
    assert first is None
    assert second is not None
    assert 0 < int(second.removeprefix("bytes=").removesuffix("-")) <= ROOM
