"""The text around a caret, from the document and, in a notebook, from the cells before and after it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from neocaret_server.documents import Document, Place
from neocaret_server.prompt import MOST_CHARACTERS, NEAR_CHARACTERS, Surroundings

_BETWEEN_CELLS = "\n\n"


def surroundings(
    document: Document, line: int, line_before: str, above: Sequence[Document] = (), beneath: Iterable[Document] = ()
) -> Surroundings:
    """Take the text around a caret.

    Args:
        document: where the caret is.
        line: the caret's line.
        line_before: that line up to the caret.
        above: the cells of code before the document, in order.
        beneath: those after it.
    """
    start = Place(line, 0)
    before = document.before(start, NEAR_CHARACTERS) + line_before
    length = document.offset(start) + len(line_before)
    below = document.below(start, MOST_CHARACTERS)
    for cell in reversed(above):
        if len(before) < NEAR_CHARACTERS:
            before = cell.before(cell.end, NEAR_CHARACTERS) + _BETWEEN_CELLS + before
        length += cell.offset(cell.end) + len(_BETWEEN_CELLS)
    for cell in beneath:
        if len(below) >= MOST_CHARACTERS:
            break
        below += _BETWEEN_CELLS + cell.head(MOST_CHARACTERS)
    return Surroundings(before, length, below)
