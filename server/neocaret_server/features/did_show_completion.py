"""`textDocument/didShowCompletion`: the client has shown an item; the name and form of GitHub Copilot's server."""

from __future__ import annotations

from typing import Any

from neocaret_server.server import NeocaretServer

NAME = "textDocument/didShowCompletion"


def handle(ls: NeocaretServer, params: Any) -> None:
    """Count it; what names no item of ours is passed over."""
    ls.acceptance.shown(completion_id_of(params))


def completion_id_of(params: Any) -> str:
    """Return the id in the item's command, `{item: {command: {arguments: [id]}}}`, or in its `data`; else nothing."""
    item = getattr(params, "item", None)
    arguments = getattr(getattr(item, "command", None), "arguments", None)
    for given in [*(arguments if isinstance(arguments, list) else []), getattr(item, "data", None)]:
        completion_id = getattr(given, "completionId", given)
        if isinstance(completion_id, str):
            return completion_id
    return ""
