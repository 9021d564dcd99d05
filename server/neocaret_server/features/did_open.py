"""`textDocument/didOpen`."""

from __future__ import annotations

from lsprotocol import types

from neocaret_server.documents import Document
from neocaret_server.server import NeocaretServer


def handle(ls: NeocaretServer, params: types.DidOpenTextDocumentParams) -> None:
    """Take the document in."""
    open_document(ls, params.text_document)


def open_document(ls: NeocaretServer, opened: types.TextDocumentItem) -> None:
    """Take a document or a notebook's cell in."""
    ls.last_edits.forget(opened.uri)
    document = Document.of(opened.uri, opened.language_id, opened.version, opened.text, ls.encoding)
    ls.documents.open(document)
    # Where the caret is, nobody has said yet.
    ls.other_files.look(document.uri, document.end.line)
