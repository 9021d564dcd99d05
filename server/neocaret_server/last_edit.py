"""What the last change of a document was: somebody typing, deleting, or pasting several lines; pure.

A change is what one notification brings. Where the caret stands behind it, it tells whether a suggestion is welcome.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from neocaret_server.documents import Document, Edit, Place

EditKind = Literal["typing", "deletion", "paste"]

_MOST_CHARACTERS = 16_384
"""Of a pasted text that is kept: a suggestion is never as long."""


@dataclass(frozen=True, slots=True)
class LastEdit:
    """The last change of a document."""

    kind: EditKind
    end: int
    """The offset behind it."""
    text: str = ""
    """What was pasted, as far as it may be a suggestion that was accepted."""


class LastEdits:
    """The last change of each open document."""

    def __init__(self) -> None:
        self._by_uri: dict[str, LastEdit] = {}

    def note(self, uri: str, edits: Sequence[Edit], after: Document) -> EditKind | None:
        """Take a change in, given the document after it; returns what kind it was."""
        edit = last_edit(edits, after)
        if edit is None:
            self.forget(uri)
            return None
        self._by_uri[uri] = edit
        return edit.kind

    def at(self, document: Document, place: Place) -> LastEdit | None:
        """Return the last change of a document where it ended at a place, and None elsewhere."""
        edit = self._by_uri.get(document.uri)
        return edit if edit is not None and edit.end == document.offset(place) else None

    def forget(self, uri: str) -> None:
        """Forget a document, if it is known."""
        self._by_uri.pop(uri, None)


def last_edit(edits: Sequence[Edit], after: Document) -> LastEdit | None:
    """Return what a change was, given the document after it; None where it replaced the whole text, or changed nothing.

    The end is that of the last edit: of several carets, editors name the first in the document last.
    """
    if not edits or any(edit.start is None for edit in edits):
        return None
    kind = kind_of(edits)
    last = edits[-1]
    if kind is None or last.start is None or last.end is None:
        return None
    start = min(last.start, last.end, key=lambda position: (position.line, position.character))
    end = after.offset(after.place(start)) + len(last.text)
    return LastEdit(kind, end, last.text[:_MOST_CHARACTERS] if kind == "paste" else "")


def kind_of(edits: Sequence[Edit]) -> EditKind | None:
    """Say what edits are that come together; None where they change nothing.

    A line end with indentation, or with a closing bracket beneath it, is what editors make of the Enter key.
    """
    if all(not edit.text for edit in edits):
        return "deletion" if any(edit.start != edit.end for edit in edits) else None
    return "paste" if any(_has_several_lines(edit.text) for edit in edits) else "typing"


def same_text(one: str, other: str) -> bool:
    """Say whether two texts are the same but for indentation, line ends, and how their first lines begin."""
    first, second = _lines(one), _lines(other)
    if not first or len(first) != len(second):
        return False
    return first[1:] == second[1:] and (first[0].endswith(second[0]) or second[0].endswith(first[0]))


def _has_several_lines(text: str) -> bool:
    return len(_lines(text)) > 1


def _lines(text: str) -> list[str]:
    """The lines that say something, their indentation left out."""
    return [line.strip() for line in text.splitlines() if any(map(str.isalnum, line))]
