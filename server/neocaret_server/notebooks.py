"""The notebooks that are open: which cells they have, in order. The cells' texts are documents like all others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell, by the URI of its document."""

    uri: str
    is_code: bool


class Neighbours(NamedTuple):
    """The cells of code around a cell, by their URIs and in order."""

    above: tuple[str, ...] = ()
    beneath: tuple[str, ...] = ()


class Notebooks:
    """The notebooks that are open, by their URI."""

    def __init__(self) -> None:
        self._cells: dict[str, list[Cell]] = {}

    def open(self, uri: str, cells: Sequence[Cell]) -> None:
        """Take a notebook in, in place of one under the same URI."""
        self._cells[uri] = list(cells)

    def splice(self, uri: str, start: int, deleted: int, cells: Sequence[Cell]) -> None:
        """Put cells in place of so many others; nothing where no such notebook is open."""
        if (present := self._cells.get(uri)) is not None:
            present[start : start + deleted] = cells

    def update(self, uri: str, cells: Sequence[Cell]) -> None:
        """Take over what kind these cells are now."""
        kinds = {cell.uri: cell for cell in cells}
        self._cells[uri] = [kinds.get(cell.uri, cell) for cell in self._cells.get(uri, [])]

    def close(self, uri: str) -> tuple[str, ...]:
        """Forget a notebook, if it is open; return the URIs of its cells."""
        return tuple(cell.uri for cell in self._cells.pop(uri, []))

    def holding(self, cell_uri: str) -> str | None:
        """Return the URI of the notebook that a document is a cell of; None where it is none."""
        return next((uri for uri, cells in self._cells.items() if any(cell.uri == cell_uri for cell in cells)), None)

    def by_cell(self) -> dict[str, str]:
        """Return the URI of the notebook of each cell."""
        return {cell.uri: uri for uri, cells in self._cells.items() for cell in cells}

    def code_of(self, uri: str) -> tuple[str, ...]:
        """Return the URIs of a notebook's cells of code, in order; none where no such notebook is open."""
        return _code(self._cells.get(uri, []))

    def neighbours(self, cell_uri: str) -> Neighbours:
        """Return the cells of code around a document; none where it is no cell."""
        cells = self._cells.get(self.holding(cell_uri) or "", [])
        place = next((number for number, cell in enumerate(cells) if cell.uri == cell_uri), 0)
        return Neighbours(_code(cells[:place]), _code(cells[place + 1 :]))


def _code(cells: Sequence[Cell]) -> tuple[str, ...]:
    return tuple(cell.uri for cell in cells if cell.is_code)
