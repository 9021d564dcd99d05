"""Servers over a real pipe, in the folder and under the limits that a test wants."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent / "support"))
sys.path.insert(0, str(Path(__file__).parents[1] / "e2e"))

from raw_client import SERVER, RawClient, Start

IN_FOLDER = """
import os, resource, sys
folder, largest, *command = sys.argv[1:]
os.chdir(folder)
if int(largest):
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(largest), int(largest)))
os.execv(command[0], command)
"""
FAKE = (sys.executable, str(SERVER))


@pytest.fixture
def start() -> Iterator[Start]:
    """Start servers; whatever they do, they are gone afterwards.

    `command` is the scripted server's where none is given, `folder` the working directory, and `largest_file` how
    many bytes a file may have.
    """
    clients: list[RawClient] = []

    def started(
        *, command: tuple[str, ...] = FAKE, folder: Path | None = None, largest_file: int = 0, **options: Any
    ) -> RawClient:
        if folder is None and command == FAKE:
            clients.append(RawClient(**options))
        else:
            launcher = [sys.executable, "-I", "-c", IN_FOLDER, str(folder or Path.cwd()), str(largest_file)]
            clients.append(RawClient([*launcher, *command]))
        return clients[-1]

    yield started
    for client in clients:
        client.close()
