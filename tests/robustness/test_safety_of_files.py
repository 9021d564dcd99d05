"""What a client asks to be written is written in the workspace, whole or not at all, or it is refused with a sentence.

Over a real pipe; `tests/server/test_export.py` has the steps of a write one by one, and the races between them.
"""

from __future__ import annotations

import contextlib
import os
import random
import re
import shutil
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from raw_client import EXPLICIT, SERVER, RawClient, Start, at

EXPORT = "neocaret.exportCompletion"
PATHS = 300
KILLS = 6
MEGABYTES = 4

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="symbolic links, pipes and modes of Unix")


class Folders:
    """A workspace, what is beside it, and a server that has the workspace only."""

    def __init__(self, base: Path) -> None:
        self.inside, self.outside = base / "workspace", base / "outside"
        for folder in (self.inside / "a" / "b", self.outside / "b"):
            folder.mkdir(parents=True)
        (self.outside / "secret").write_text("kept")
        (self.inside / "file").write_text("old")
        (self.inside / "a" / "out").symlink_to(self.outside)
        (self.inside / "out").symlink_to("../outside")
        (self.inside / "secret").symlink_to(self.outside / "secret")
        (self.inside / "in").symlink_to("a")
        (self.inside / "round").symlink_to("round")
        os.mkfifo(self.inside / "pipe")
        self.client = RawClient()
        self.client.initialize(workspaceFolders=[{"uri": self.inside.as_uri(), "name": "w"}])

    def beside(self) -> dict[str, bytes | None]:
        """What is beside the workspace: names and contents."""
        around = [self.inside.parent, *self.outside.rglob("*")]
        names = {str(path) for path in self.inside.parent.iterdir()}
        return {**dict.fromkeys(names), **{str(path): path.read_bytes() for path in around if path.is_file()}}

    def export(self, **argument: Any) -> dict[str, Any]:
        """Ask for an export of "new"; the answer, which must come at once."""
        argument = {"text": "new", **argument}
        answer: dict[str, Any] = self.client.command(EXPORT, argument)
        return answer


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Folders]:
    made = Folders(tmp_path_factory.mktemp("base").resolve())
    yield made
    made.client.close()


SEGMENTS = ["..", ".", "", "a", "b", "out", "in", "file", "secret", "round", "pipe", "new", "%2e%2e", "...", "é", " "]
WAYS = ["path", "absolute", "uri", "encoded"]
MODES: list[dict[str, bool]] = [{}, {"overwrite": True}, {"append": True}]


def named(inside: Path, segments: list[str], way: str) -> dict[str, str]:
    """The same path as a client may say it."""
    if way == "path":
        return {"path": "/".join(segments)}
    path = "/".join([str(inside), *segments])
    if way == "absolute":
        return {"path": path}
    if way == "uri":
        return {"uri": f"file://{quote(path)}"}
    return {"uri": "file:///" + "".join(f"%{byte:02x}" for byte in path.encode()[1:])}


@settings(max_examples=PATHS, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.sampled_from(SEGMENTS), min_size=1, max_size=5), st.sampled_from(WAYS), st.sampled_from(MODES))
def test_nothing_beside_the_workspace_changes(folders: Folders, segments: list[str], way: str, mode: Any) -> None:
    before = folders.beside()
    answer = folders.export(**named(folders.inside, segments, way), **mode)
    assert folders.beside() == before
    if "result" in answer:
        written = Path(answer["result"]["path"])
        assert written.resolve().is_relative_to(folders.inside)
        assert written.read_text().endswith("new")
    else:
        assert answer["error"]["message"].endswith(".")
        assert len(answer["error"]["message"]) < 500


@pytest.mark.parametrize(
    "argument",
    [
        {"path": "nul\0.txt"},
        {"path": "two\nlines"},
        {"path": "x" * 300},
        {"path": "d/" * 5000 + "x"},
        {"path": "é" * 128},
        {"uri": "file://host/etc/passwd"},
        {"uri": "file:////host/share/x"},
        {"uri": "file:///C:/x"},
        {"uri": "file:///c%3A/x"},
        {"uri": "file:x"},
        {"uri": "file:///tmp/%00"},
        {"uri": "file:///tmp/%0a"},
        {"uri": "file:///tmp/%ff%fe"},
        {"uri": "file:///%2e%2e/%2e%2e/etc/passwd"},
        {"uri": "file:///tmp/x?y"},
        {"uri": "http://localhost/x"},
        {"uri": "vscode-remote://host/x"},
        {"uri": "untitled:Untitled-1"},
        {"path": "~/x"},
        {"path": "~root/x"},
        {"path": "$HOME/x"},
        {"path": "file:///etc/passwd"},
        {"path": "\\\\host\\share\\x/y"},
        {"path": "C:\\x/y"},
    ],
)
def test_what_names_no_file_here_is_refused(folders: Folders, argument: dict[str, str]) -> None:
    before = folders.beside()
    assert folders.export(**argument)["error"]["message"].endswith(".")
    assert folders.beside() == before


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "kind", ["pipe", "socket", "/dev/full", "/dev/zero", "/dev/null", "/dev/stdin", "/proc/self/mem"]
)
def test_no_device_and_no_pipe_is_written_or_waited_for(
    folders: Folders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, mode: dict[str, bool]
) -> None:
    target = Path(kind) if kind.startswith("/") else tmp_path / kind
    if kind == "pipe":
        os.mkfifo(target)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as bound:
            monkeypatch.chdir(tmp_path)  # a socket's name is short
            bound.bind("socket")
    if not os.path.lexists(target):
        pytest.skip(f"there is no {target} here")
    began = time.monotonic()
    assert "error" in folders.export(path=str(target), outsideWorkspace=True, **mode)
    assert time.monotonic() - began < 5
    assert not stat.S_ISREG(target.stat().st_mode) or kind.startswith("/proc")


def test_the_permissions_of_an_overwritten_file_are_kept(folders: Folders) -> None:
    for mode in (0o600, 0o640, 0o755):
        target = folders.inside / f"{mode:o}"
        target.write_text("old")
        target.chmod(mode)
        assert "result" in folders.export(path=target.name, overwrite=True)
        assert stat.S_IMODE(target.stat().st_mode) == mode


def test_a_file_larger_than_may_be_leaves_the_old_one(start: Start, tmp_path: Path) -> None:
    client = start(command=(sys.executable, str(SERVER)), folder=tmp_path, largest_file=1_000_000)
    client.initialize(rootUri=tmp_path.as_uri())
    (tmp_path / "x").write_text("old")
    for mode in ({"overwrite": True}, {"append": True}):
        answer = client.command(EXPORT, {"path": "x", "text": "n" * 2_000_000, **mode})
        assert "larger than the file system allows" in answer["error"]["message"]
    assert "error" in client.command(EXPORT, {"path": "y", "text": "n" * 2_000_000})
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("x", "old")]
    assert "result" in client.command(EXPORT, {"path": "x", "text": "new", "overwrite": True})


FULL = 'mount -t tmpfs -o size=256k none "$1" && printf old >"$1/x" && shift && exec "$@"'
READ_ONLY = 'mount -t tmpfs none "$1" && printf old >"$1/x" && mount -o remount,ro "$1" && shift && exec "$@"'


def may_mount() -> bool:
    unshare = shutil.which("unshare")
    if unshare is None:
        return False
    tried = [unshare, "--map-root-user", "--mount", "mount", "-t", "tmpfs", "none", "/mnt"]
    return subprocess.run(tried, capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize(
    ("script", "says"),
    [
        pytest.param(FULL, "the disk is full", id="full"),
        pytest.param(READ_ONLY, "read-only|permission", id="read-only"),
    ],
)
def test_a_real_disk_that_takes_nothing_leaves_the_old_file(
    start: Start, tmp_path: Path, script: str, says: str
) -> None:
    if not may_mount():
        pytest.skip("nothing may be mounted here, not even in a namespace")
    command = [
        shutil.which("unshare") or "",
        "--map-root-user",
        "--mount",
        "/bin/sh",
        "-c",
        script,
        "sh",
        str(tmp_path),
    ]
    client = start(command=(*command, sys.executable, str(SERVER)))
    client.initialize(rootUri=tmp_path.as_uri())
    seen = Path(f"/proc/{client.process.pid}/root{tmp_path}")
    for name, mode in (("x", {"overwrite": True}), ("x", {"append": True}), ("y", {})):
        answer = client.command(EXPORT, {"path": name, "text": "n" * 1_000_000, **mode})
        assert re.search(says, answer["error"]["message"])
        assert [(path.name, path.read_text()) for path in seen.iterdir()] == [("x", "old")]


def sizes(folder: Path) -> list[int]:
    """How large the files are, less those that go meanwhile."""
    found = []
    for path in folder.iterdir():
        with contextlib.suppress(FileNotFoundError):
            found.append(path.stat().st_size)
    return found


def test_a_server_killed_during_exports_leaves_files_whole(start: Start, tmp_path: Path) -> None:
    chance = random.Random(1)  # noqa: S311 - when to kill
    size = MEGABYTES * 1_000_000
    target = tmp_path / "x"
    target.write_text("a" * size)
    for _ in range(KILLS):
        client = start()
        client.initialize(rootUri=tmp_path.as_uri())
        for letter in "bcd":
            argument = {"path": "x", "text": letter * size, "overwrite": True}
            client.request("workspace/executeCommand", {"command": EXPORT, "arguments": [argument]})
        end = time.monotonic() + 60
        # A write has begun when there is another file, or the one has another size.
        while sizes(tmp_path) == [size]:
            assert time.monotonic() < end
        time.sleep(chance.random() * 0.002)
        client.process.kill()
        client.end()
        data = target.read_bytes()
        assert len(data) == size
        assert len(set(data)) == 1
        for left in tmp_path.glob(".neocaret-*"):
            left.unlink()


@pytest.mark.parametrize("where", ["a file in the way", "/proc/nowhere", "no room"])
def test_statistics_that_cannot_be_written_stop_nothing(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    state = Path(where) if where.startswith("/") else tmp_path / "state"
    if where == "a file in the way":
        state.write_text("kept")
    monkeypatch.setenv("NEOCARET_STATE_FOLDER", str(state))
    client = start(command=(sys.executable, str(SERVER)), folder=tmp_path, largest_file=10)
    client.initialize()
    client.open("x = ")
    for version in range(2, 6):
        client.change("x = " + "y" * version, version)
        item = client.ask("textDocument/completion", at(0, 4 + version, **EXPLICIT))["result"]["items"][0]
        client.command("neocaret.accepted", {"completionId": item["data"]["completionId"]})
    client.ask("shutdown", None)
    client.notify("exit", None)
    assert client.end() == 0
    assert "Traceback" not in client.all_errors()
    if where == "a file in the way":
        assert state.read_text() == "kept"
    if where == "no room":
        assert {path.stat().st_size for path in state.glob("*.jsonl")} <= {0}, "never half"
