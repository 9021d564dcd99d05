"""`workspace/executeCommand`: each command takes one object and returns one."""

from __future__ import annotations

from typing import Any

from lsprotocol import types

from neocaret_server.errors import InvalidArgumentsError
from neocaret_server.server import NeocaretServer


async def handle(ls: NeocaretServer, params: types.ExecuteCommandParams) -> dict[str, Any]:
    """Run the command of that name."""
    command = ls.protocol.fm.commands.get(params.command)
    if command is None:
        raise InvalidArgumentsError(f"{params.command} is not a command of Neocaret.")
    result: dict[str, Any] = await command(params)
    return result
