"""`neocaret.exportCompletion`: write a continuation, or any text, to a file, and have the client show it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from lsprotocol import types

from neocaret_server.arguments import exactly_one, read_arguments
from neocaret_server.errors import InvalidArgumentsError, RequestFailedError
from neocaret_server.export import ExportError, WriteMode, path_from_uri, resolve_target, write_text
from neocaret_server.rules import Rule
from neocaret_server.server import NeocaretServer

NAME = "neocaret.exportCompletion"

_FLAG = Rule("flag")
_TEXT = Rule("text")
_ARGUMENTS = {
    "path": _TEXT,
    "uri": _TEXT,
    "completionId": _TEXT,
    "text": _TEXT,
    "includePrompt": _FLAG,
    "overwrite": _FLAG,
    "append": _FLAG,
    "outsideWorkspace": _FLAG,
}


async def handle(ls: NeocaretServer, params: types.ExecuteCommandParams) -> dict[str, Any]:
    """Write the file on a worker thread; return where it is and how many bytes were written."""
    read = read_arguments(NAME, params.arguments, _ARGUMENTS)
    mode = _mode(read)
    where = exactly_one(NAME, read, "path", "uri")
    text = _text(ls, read)
    outside = read.get("outsideWorkspace", False)
    try:
        path = path_from_uri(read["uri"]) if where == "uri" else read["path"]
        async with ls.writing:
            target, size = await asyncio.to_thread(_write, path, ls.roots(), outside, text, mode)
    except ExportError as error:
        raise RequestFailedError(str(error)) from error
    uri = target.as_uri()
    if ls.client.shows_documents:
        ls.window_show_document(types.ShowDocumentParams(uri, take_focus=True))
    return {"uri": uri, "path": str(target), "bytes": size}


def _mode(read: dict[str, Any]) -> WriteMode:
    if read.get("overwrite") and read.get("append"):
        raise InvalidArgumentsError(f'{NAME} takes "overwrite" or "append", not both.')
    return "overwrite" if read.get("overwrite") else "append" if read.get("append") else "create"


def _text(ls: NeocaretServer, read: dict[str, Any]) -> str:
    if exactly_one(NAME, read, "completionId", "text") == "text":
        if read.get("includePrompt"):
            raise InvalidArgumentsError(f'{NAME} takes "includePrompt" only with "completionId".')
        text: str = read["text"]
        return text
    offer = ls.offers.find(read["completionId"])
    if offer is None:
        raise RequestFailedError(f'"{read["completionId"]}" is not a completion that was offered lately.')
    return offer.before + offer.text if read.get("includePrompt") else offer.text


def _write(path: str, roots: list[Path], outside: bool, text: str, mode: WriteMode) -> tuple[Path, int]:
    target = resolve_target(path, roots, outside_allowed=outside)
    return target, write_text(target, text, mode)
