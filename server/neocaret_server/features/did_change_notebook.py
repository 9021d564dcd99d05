"""`notebookDocument/didChange`: cells that come, go and move, and edits of their texts."""

from __future__ import annotations

from lsprotocol import types

from neocaret_server.features.did_change import change_document
from neocaret_server.features.did_open import open_document
from neocaret_server.features.did_open_notebook import cells_of
from neocaret_server.server import NeocaretServer


def handle(ls: NeocaretServer, params: types.DidChangeNotebookDocumentParams) -> None:
    """Apply the change: the order of the cells first, then their kinds and texts."""
    cells = params.change.cells
    if cells is None:
        return
    uri = params.notebook_document.uri
    if cells.structure is not None:
        _restructure(ls, uri, cells.structure)
    ls.notebooks.update(uri, cells_of(cells.data or ()))
    for text in cells.text_content or ():
        change_document(ls, text.document.uri, text.changes, text.document.version)


def _restructure(ls: NeocaretServer, uri: str, structure: types.NotebookDocumentCellChangeStructure) -> None:
    array = structure.array
    ls.notebooks.splice(uri, array.start, array.delete_count, cells_of(array.cells or ()))
    for opened in structure.did_open or ():
        open_document(ls, opened)
    for closed in structure.did_close or ():
        ls.forget_document(closed.uri)
        ls.other_files.forget(uri)
