"""`textDocument/didChange`."""

from __future__ import annotations

import logging

from lsprotocol import types

from neocaret_server.documents import Edit, Position
from neocaret_server.server import NeocaretServer

_log = logging.getLogger(__name__)


def handle(ls: NeocaretServer, params: types.DidChangeTextDocumentParams) -> None:
    """Apply the edits in order."""
    changed = params.text_document
    if not ls.documents.change(changed.uri, map(_edit, params.content_changes), changed.version):
        _log.info("a document was changed that is not open")


def _edit(change: types.TextDocumentContentChangeEvent) -> Edit:
    if isinstance(change, types.TextDocumentContentChangeWholeDocument):
        return Edit(change.text)
    return Edit(change.text, _position(change.range.start), _position(change.range.end))


def _position(position: types.Position) -> Position:
    return Position(position.line, position.character)
