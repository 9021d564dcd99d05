"""The extension's manifest beside what it is made from."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from neocaret_server import __version__
from neocaret_server.app import build_server
from neocaret_server.fake_backend import FakeBackend

EXTENSION = Path(__file__).parents[2] / "editors" / "vscode"
MANIFEST = json.loads((EXTENSION / "package.json").read_text(encoding="utf-8"))


def test_the_settings_are_those_of_the_server() -> None:
    check = [sys.executable, str(EXTENSION / "scripts" / "settings.py"), "--check"]
    done = subprocess.run(check, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_command_of_the_palette_has_a_name_that_the_client_registers() -> None:
    server = build_server(FakeBackend())
    commands = {each["command"] for each in MANIFEST["contributes"]["commands"]}
    assert commands.isdisjoint(server.protocol.fm.commands)


def test_the_version_is_the_servers() -> None:
    assert MANIFEST["version"] == __version__


def test_the_licence_is_the_repositorys() -> None:
    assert (EXTENSION / "LICENSE").read_text() == (EXTENSION.parents[1] / "LICENSE").read_text()
