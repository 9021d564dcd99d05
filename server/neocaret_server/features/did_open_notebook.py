"""`notebookDocument/didOpen`."""

from __future__ import annotations

from collections.abc import Sequence

from lsprotocol import types

from neocaret_server.features.did_open import open_document
from neocaret_server.notebooks import Cell
from neocaret_server.server import NeocaretServer


def handle(ls: NeocaretServer, params: types.DidOpenNotebookDocumentParams) -> None:
    """Take the notebook in, and its cells as documents."""
    ls.notebooks.open(params.notebook_document.uri, cells_of(params.notebook_document.cells))
    for opened in params.cell_text_documents:
        open_document(ls, opened)


def cells_of(cells: Sequence[types.NotebookCell]) -> list[Cell]:
    """Reduce cells to what the server keeps of them."""
    return [Cell(cell.document, cell.kind == types.NotebookCellKind.Code) for cell in cells]
