"""`textDocument/didChange`."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable

from lsprotocol import types

from neocaret_server.documents import Edit, Position
from neocaret_server.server import NeocaretServer

_log = logging.getLogger(__name__)


def handle(ls: NeocaretServer, params: types.DidChangeTextDocumentParams) -> None:
    """Apply the edits in order."""
    change_document(ls, params.text_document.uri, params.content_changes, params.text_document.version)


def change_document(
    ls: NeocaretServer, uri: str, changes: Iterable[types.TextDocumentContentChangeEvent], version: int
) -> None:
    """Apply edits to a document or a notebook's cell."""
    before = ls.documents.get(uri)
    edits = [_edit(change) for change in changes]
    if before is None or not ls.documents.change(uri, edits, version):
        _log.info("a document was changed that is not open")
    elif (document := ls.documents.get(uri)) is not None:
        if ls.last_edits.note(uri, edits, document) == "typing":
            ls.pace.key(time.monotonic())
        ls.requests.changed(document)
        ls.other_files.wait()
        ls.survival.changed(before, edits)
        ls.acceptance.changed(before, document, edits)


def _edit(change: types.TextDocumentContentChangeEvent) -> Edit:
    if isinstance(change, types.TextDocumentContentChangeWholeDocument):
        return Edit(change.text)
    return Edit(change.text, _position(change.range.start), _position(change.range.end))


def _position(position: types.Position) -> Position:
    return Position(position.line, position.character)
