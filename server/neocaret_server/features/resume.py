"""`neocaret.resume`: end a pause, and load the model again."""

from __future__ import annotations

from typing import Any

from lsprotocol import types

from neocaret_server.arguments import read_arguments
from neocaret_server.server import NeocaretServer

NAME = "neocaret.resume"


async def handle(ls: NeocaretServer, params: types.ExecuteCommandParams) -> dict[str, Any]:
    """Begin to load, and answer at once; the status tells when it is done."""
    read_arguments(NAME, params.arguments, {})
    ls.pause.end()
    ls.in_background(ls.model.wake())
    return {}
