"""The server's life under the packed extension in a real VS Code: where it is found, crashes, and is not started."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from embedded_vscode import CodeServer, Window, missing, python_extension, scripted
from waiting import wait_for

_LACKING = missing()
pytestmark = pytest.mark.skipif(_LACKING is not None, reason=str(_LACKING))
_RESTARTS = 5

Open = Callable[..., tuple[CodeServer, Window]]


@pytest.fixture
def open_editor(tmp_path: Path) -> Iterator[Open]:
    """Start an editor with a Python file in its workspace."""
    running: list[CodeServer | Window] = []

    def open_one(*others: Path, **settings: Any) -> tuple[CodeServer, Window]:
        server = CodeServer(tmp_path, *others, **settings)
        running.append(server)
        (server.workspace / "a.py").write_text("x = 1\n")
        window = Window(server.address)
        running.append(window)
        return server, window

    yield open_one
    for one in reversed(running):
        one.close()


def program(folder: Path, **script: Any) -> Path:
    """Write a server into a folder of programs."""
    folder.mkdir(parents=True)
    return scripted(folder, **script)


def starts(path: Path) -> list[int]:
    """Return the processes of all starts of a program."""
    started = path.with_name("started")
    return [int(pid) for pid in started.read_text().split()] if started.exists() else []


def test_the_server_is_looked_for_in_the_documented_order(tmp_path: Path, open_editor: Open) -> None:
    named, selected, another, on_path = (
        program(tmp_path / name / "bin") for name in ("named", "selected", "another", "path")
    )
    (tmp_path / "empty" / "bin").mkdir(parents=True)
    selection = tmp_path / "selection"
    selection.write_text(str(tmp_path / "selected"))
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / ".profile").write_text(f"PATH=$PATH:{on_path.parent}\n")
    server, window = open_editor(python_extension(tmp_path, selection), neocaret__server__path=str(named))
    window.do("open", str(server.workspace / "a.py"))
    wait_for(lambda: starts(named))
    assert not starts(selected)
    server.settings(neocaret__server__path="")
    wait_for(lambda: starts(selected))
    assert not starts(on_path)
    selection.write_text(str(tmp_path / "another"))
    wait_for(lambda: starts(another))
    assert not starts(on_path)
    selection.write_text(str(tmp_path / "empty"))
    wait_for(lambda: starts(on_path))
    on_path.unlink()
    window.do("palette", "Neocaret: Restart")
    window.see("messages", lambda messages: any("has found no server" in one for one in messages))
    assert [len(starts(each)) for each in (named, selected, another, on_path)] == [1, 1, 1, 1]


def test_a_server_that_crashes_again_and_again_is_given_up(tmp_path: Path, open_editor: Open) -> None:
    path = program(tmp_path / "bin", load_seconds=1)
    server, window = open_editor(neocaret__server__path=str(path))
    window.do("open", str(server.workspace / "a.py"))
    for count in range(1, _RESTARTS + 2):
        wait_for(lambda count=count: len(starts(path)) == count)  # type: ignore[misc]
        window.see("status", lambda text: "loading" in text)
        window.see("status", lambda text: text == " Neocaret")
        os.kill(starts(path)[-1], signal.SIGKILL)
    window.see("status", lambda text: "stopped" in text)
    messages = window.see("messages")
    assert len(messages) == 1, messages
    assert "crashed again and again" in messages[0]
    time.sleep(1)
    window.picture("crashed")
    assert len(starts(path)) == _RESTARTS + 1
    window.do("clickButton", "Restart")
    wait_for(lambda: len(starts(path)) == _RESTARTS + 2)
    window.see("status", lambda text: text.strip() == "Neocaret")


def test_a_program_that_is_no_server_is_told_in_one_message(tmp_path: Path, open_editor: Open) -> None:
    path = tmp_path / "neocaret"
    path.write_text(f"#!/bin/sh\necho $$ >> '{tmp_path}/started'\necho 'ImportError: it is broken' >&2\nexit 1\n")
    path.chmod(0o755)
    server, window = open_editor(neocaret__server__path=str(path))
    window.do("open", str(server.workspace / "a.py"))
    window.see("status", lambda text: "failed" in text)
    messages = window.see("messages")
    time.sleep(2)
    assert window.do("messages") == messages == [f"Neocaret: {path} did not start as a server."]
    assert len(starts(path)) == 1
    window.do("clickButton", "Show Log")
    window.see("log", lambda lines: any("ImportError: it is broken" in line for line in lines))
    window.picture("no-program")


def test_the_status_bar_says_what_the_server_does(tmp_path: Path, open_editor: Open) -> None:
    path = program(tmp_path / "bin", script={"y = ": ["2"]}, load_seconds=6, token_seconds=2)
    slow = path.with_name("slow")  # so that its start is seen
    slow.write_text(f'#!/bin/sh\nsleep 8\nexec {path} "$@"\n')
    slow.chmod(0o755)
    server, window = open_editor(neocaret__server__path=str(slow), neocaret__popup=False)
    window.do("open", str(server.workspace / "a.py"))
    window.see("status", lambda text: text.endswith("starting"))
    window.see("status", lambda text: re.search(r"loading [1-9]0 %$", text) is not None)
    window.see("status", lambda text: text == " Neocaret")
    assert not window.do("statusTurns")
    window.do("keys", "Control+End")
    window.do("type", "y = ")
    window.see("statusTurns")
    window.see("ghost", lambda text: text == "2")
    assert not window.do("statusTurns")
    window.do("keys", "Control+Home", "ArrowRight")
    window.do("type", "y")
    window.see("status", lambda text: text.endswith("middle of line"))


def test_a_workspace_that_is_not_trusted_has_no_server(tmp_path: Path, open_editor: Open) -> None:
    path = program(tmp_path / "bin")
    server, window = open_editor(trusting=False, neocaret__server__path=str(path))
    window.see("dialog", lambda parts: any("trust the authors" in one for one in parts))
    window.picture("trust")
    window.do("clickDialog", "No, I don't trust the authors")
    window.do("open", str(server.workspace / "a.py"))
    time.sleep(5)
    window.picture("untrusted")
    assert not starts(path)
    assert window.do("status") == ""


def test_a_failed_installation_is_told_and_leaves_nothing(tmp_path: Path, open_editor: Open) -> None:
    server, window = open_editor(neocaret__server__package="/nowhere/neocaret")
    window.do("open", str(server.workspace / "a.py"))
    window.see("buttons", lambda labels: "Install..." in labels)
    time.sleep(1)
    window.do("clickButton", "Install...")
    window.see("dialog", lambda parts: any("makes a Python environment" in one for one in parts))
    window.do("clickDialog", "Install for NVIDIA GPU")
    window.see("messages", lambda messages: any("failed" in one and "neocaret.server.path" in one for one in messages))
    window.picture("failed-installation")
    own = tmp_path / "data" / "User" / "globalStorage" / "neocaret.neocaret" / "server"
    wait_for(lambda: not own.exists())
    assert "no server" in window.do("status")
