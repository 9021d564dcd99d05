"""`neocaret.clearCache`: forget what was kept of earlier prompts and of what was generated."""

from __future__ import annotations

from typing import Any

from lsprotocol import types

from neocaret_server.arguments import read_arguments
from neocaret_server.server import NeocaretServer

NAME = "neocaret.clearCache"


async def handle(ls: NeocaretServer, params: types.ExecuteCommandParams) -> dict[str, Any]:
    """Clear the model's cache; where no model is loaded there is none."""
    read_arguments(NAME, params.arguments, {})
    ls.kept.clear()
    if ls.model.state == "ready":
        await ls.model.clear_cache()
    return {}
