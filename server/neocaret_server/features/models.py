"""`neocaret.models`: what can be loaded by name."""

from __future__ import annotations

import dataclasses
from typing import Any

from lsprotocol import types

from neocaret_server.arguments import read_arguments
from neocaret_server.backend import BackendError
from neocaret_server.errors import RequestFailedError
from neocaret_server.server import NeocaretServer

NAME = "neocaret.models"


async def handle(ls: NeocaretServer, params: types.ExecuteCommandParams) -> dict[str, Any]:
    """Return each model's name, size and licence, and whether it is here already."""
    read_arguments(NAME, params.arguments, {})
    try:
        models = await ls.model.models()
    except BackendError as error:
        raise RequestFailedError(str(error)) from error
    return {"models": [dataclasses.asdict(model) for model in models]}
