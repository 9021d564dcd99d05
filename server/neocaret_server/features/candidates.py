"""`neocaret.candidates`: all that was offered last, whole, to be looked at and chosen from."""

from __future__ import annotations

from itertools import count, takewhile
from typing import Any

from lsprotocol import types

from neocaret_server.arguments import read_arguments
from neocaret_server.server import NeocaretServer

NAME = "neocaret.candidates"


async def handle(ls: NeocaretServer, params: types.ExecuteCommandParams) -> dict[str, Any]:
    """Return their texts, best first, each with the id by which it is exported; none before the first offer."""
    read_arguments(NAME, params.arguments, {})
    ids = (f"{ls.offers.newest}:{number}" for number in count(1))
    found = takewhile(lambda each: each[1] is not None, ((one, ls.offers.find(one)) for one in ids))
    return {"candidates": [{"id": one, "text": offer.text} for one, offer in found if offer is not None]}
