"""`textDocument/didClose`."""

from __future__ import annotations

from lsprotocol import types

from neocaret_server.server import NeocaretServer


def handle(ls: NeocaretServer, params: types.DidCloseTextDocumentParams) -> None:
    """Forget the document and what was asked about it."""
    ls.forget_document(params.text_document.uri)
