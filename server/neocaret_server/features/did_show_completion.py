"""`textDocument/didShowCompletion`: the client has shown an item; the name and form of GitHub Copilot's server."""

from __future__ import annotations

from typing import Any

from neocaret_server.server import NeocaretServer

NAME = "textDocument/didShowCompletion"


def handle(ls: NeocaretServer, params: object) -> None:
    """Count it; what names no item of ours is passed over."""
    ls.acceptance.shown(completion_id_of(params))


def completion_id_of(params: object) -> str:
    """Return the id in the item's command, `{item: {command: {arguments: [id]}}}`, or in its `data`; else nothing."""
    item = _member(params, "item")
    arguments = _member(_member(item, "command"), "arguments")
    for given in [*(arguments if isinstance(arguments, list) else []), _member(item, "data")]:
        completion_id = _member(given, "completionId") or given
        if isinstance(completion_id, str):
            return completion_id
    return ""


def _member(of: object, name: str) -> Any:
    return of.get(name) if isinstance(of, dict) else None
