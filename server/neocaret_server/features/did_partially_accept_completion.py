"""`textDocument/didPartiallyAcceptCompletion`: the user has taken the beginning of an item, as a word of it."""

from __future__ import annotations

from neocaret_server.features.did_show_completion import completion_id_of
from neocaret_server.server import NeocaretServer

NAME = "textDocument/didPartiallyAcceptCompletion"


def handle(ls: NeocaretServer, params: object) -> None:
    """Count it; `acceptedLength` is in UTF-16 units of what the item inserts, from its beginning."""
    length = params.get("acceptedLength") if isinstance(params, dict) else None
    if type(length) is int and length > 0:
        ls.acceptance.accepted(completion_id_of(params), ls.documents.get, length)
