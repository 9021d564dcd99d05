"""`neocaret.pause`: nothing for a while, and the model's memory given back."""

from __future__ import annotations

import os
from typing import Any

from lsprotocol import types

from neocaret_server.arguments import read_arguments
from neocaret_server.process_use import resident_bytes
from neocaret_server.rules import Rule
from neocaret_server.server import NeocaretServer

NAME = "neocaret.pause"

_ARGUMENTS = {"minutes": Rule("number", 0, 100_000)}
_MIB = 1024**2


async def handle(ls: NeocaretServer, params: types.ExecuteCommandParams) -> dict[str, Any]:
    """Pause; return the MiB that the process has less now, or null where the system does not tell."""
    read = read_arguments(NAME, params.arguments, _ARGUMENTS)
    ls.pause.begin(read.get("minutes"))
    before = resident_bytes(os.getpid())
    await ls.model.pause()
    after = resident_bytes(os.getpid())
    freed = None if before is None or after is None else max(0, before - after)
    return {"minutes": read.get("minutes"), "freedMb": None if freed is None else round(freed / _MIB)}
