"""`neocaret.accepted`: the user has taken a suggestion; editors run it as the command of the item."""

from __future__ import annotations

from typing import Any

from lsprotocol import types

from neocaret_server.arguments import exactly_one, read_arguments
from neocaret_server.rules import Rule
from neocaret_server.server import NeocaretServer

NAME = "neocaret.accepted"

_ARGUMENTS = {"completionId": Rule("text")}


async def handle(ls: NeocaretServer, params: types.ExecuteCommandParams) -> dict[str, Any]:
    """Count it, unless the document's edits have told already."""
    read = read_arguments(NAME, params.arguments, _ARGUMENTS)
    ls.acceptance.accepted(read[exactly_one(NAME, read, "completionId")], ls.documents.get)
    return {}
