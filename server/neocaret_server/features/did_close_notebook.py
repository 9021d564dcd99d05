"""`notebookDocument/didClose`."""

from __future__ import annotations

from lsprotocol import types

from neocaret_server.server import NeocaretServer


def handle(ls: NeocaretServer, params: types.DidCloseNotebookDocumentParams) -> None:
    """Forget the notebook, its cells and what was asked about them."""
    ls.forget_notebook(params.notebook_document.uri)
    for closed in params.cell_text_documents:
        ls.forget_document(closed.uri)
