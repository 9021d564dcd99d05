r"""Open documents as immutable snapshots: positions and edits as the specification has them; knows no server.

Departures from the usual:
- Only `\n`, `\r\n` and `\r` end a line. Form feeds, U+2028 and the like are ordinary characters, as LSP has it.
- A position past the end of a line or of the document means that end, a negative one the beginning; neither is an
  error.
- The halves of a surrogate pair that meet, however many edits they came in, are one character; a lone one stays.
- The text is a rope (`rope.py`): an edit takes some dozens of microseconds in a document of any size, and whoever
  needs the text near the caret reads no more than that.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace

from neocaret_server import rope as ropes
from neocaret_server.rope import Rope
from neocaret_server.units import Encoding, units


@dataclass(frozen=True, slots=True)
class Position:
    """A place as the client counts it: `character` in units of the negotiated encoding."""

    line: int
    character: int


@dataclass(frozen=True, slots=True)
class Edit:
    """New text for what stands between two positions; for the whole document where `start` is None."""

    text: str
    start: Position | None = None
    end: Position | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a document that exists: an index into a line's characters, before its line end."""

    line: int
    index: int


@dataclass(frozen=True, slots=True)
class Document:
    """One version of one document."""

    uri: str
    language_id: str
    version: int
    rope: Rope
    encoding: Encoding = "utf-16"

    @classmethod
    def of(cls, uri: str, language_id: str, version: int, text: str, encoding: Encoding = "utf-16") -> Document:
        """Make a document of its whole text."""
        return cls(uri, language_id, version, ropes.rope_of(text, encoding), encoding)

    @property
    def text(self) -> str:
        """All of it."""
        return "".join(ropes.leaves(self.rope))

    @property
    def end(self) -> Place:
        """The place after its last character."""
        line = self.rope.line_ends
        return Place(line, self.rope.characters - self._start(line))

    def edited(self, edits: Iterable[Edit], version: int) -> Document:
        """Return the document after these edits, each of which counts from the result of the one before."""
        rope = self.rope
        for edit in edits:
            rope = _applied(rope, edit, self.encoding)
        return replace(self, rope=rope, version=version)

    def place(self, position: Position) -> Place:
        """Return the nearest place that exists."""
        line = max(0, min(position.line, self.rope.line_ends))
        return Place(line, _offset(self.rope, position, self.encoding) - self._start(line))

    def offset(self, place: Place) -> int:
        """Count the characters before a place."""
        return self._start(place.line) + place.index

    def character(self, place: Place) -> int:
        """Count the units of the client's encoding between the line's beginning and a place."""
        return units(self.line_before(place), self.encoding)

    def before(self, place: Place, most: int | None = None) -> str:
        """Return the text before a place: all of it, or the last so many characters."""
        end = self.offset(place)
        return ropes.between(self.rope, 0 if most is None else max(0, end - most), end)

    def head(self, most: int) -> str:
        """Return the first so many characters."""
        return ropes.between(self.rope, 0, most)

    def below(self, place: Place, most: int) -> str:
        """Return the text below the line of a place: the first so many characters."""
        if place.line == self.rope.line_ends:
            return ""
        start = self._start(place.line + 1)
        return ropes.between(self.rope, start, start + most)

    def line_before(self, place: Place) -> str:
        """Return the text of the line before a place."""
        start = self._start(place.line)
        return ropes.between(self.rope, start, start + place.index)

    def line_after(self, place: Place) -> str:
        """Return the text of the line after a place, without its line end."""
        return ropes.between(self.rope, self.offset(place), self._stop(place.line))

    def line_end_near(self, line: int) -> str:
        """Return the line end in use there: of the line above, else of the line itself, else a line feed."""
        for near in (line - 1, line):
            if 0 <= near < self.rope.line_ends:
                return ropes.between(self.rope, self._stop(near), self._start(near + 1))
        return "\n"

    def same_before(self, other: Document, place: Place) -> bool:
        """Say whether both have the same text before a place, in as many lines."""
        end = self.offset(place)
        if place.line > other.rope.line_ends or end > ropes.line_stop(other.rope, place.line, self.encoding):
            return False
        return ropes.same_beginning(self.rope, other.rope, end)

    def is_blank(self) -> bool:
        """Say whether there is nothing but white space."""
        return not any(leaf.strip() for leaf in ropes.leaves(self.rope))

    def _start(self, line: int) -> int:
        return ropes.line_start(self.rope, line, self.encoding)[0]

    def _stop(self, line: int) -> int:
        return ropes.line_stop(self.rope, line, self.encoding)


class DocumentStore:
    """The documents that are open, by their URI."""

    def __init__(self) -> None:
        self._open: dict[str, Document] = {}
        self._changed_at: dict[str, float] = {}

    def open(self, document: Document) -> None:
        """Take a document in, in place of one under the same URI."""
        self._open.pop(document.uri, None)
        self._open[document.uri] = document

    def change(self, uri: str, edits: Iterable[Edit], version: int) -> bool:
        """Apply edits; False where no such document is open."""
        document = self._open.get(uri)
        if document is None:
            return False
        # The last edited is the last of all.
        del self._open[uri]
        self._open[uri] = document.edited(edits, version)
        self._changed_at[uri] = time.monotonic()
        return True

    def close(self, uri: str) -> None:
        """Forget a document, if it is open."""
        self._open.pop(uri, None)
        self._changed_at.pop(uri, None)

    def get(self, uri: str) -> Document | None:
        """Return the newest version, or None where no such document is open."""
        return self._open.get(uri)

    def known(self, uris: Iterable[str]) -> list[Document]:
        """Return the documents among these that are open, in the order of the URIs."""
        return [self._open[uri] for uri in uris if uri in self._open]

    def recent(self) -> list[Document]:
        """Return all documents that are open, the one that was opened or edited last first."""
        return list(reversed(self._open.values()))

    def seconds_since_change(self, uri: str) -> float:
        """Return how long ago the document was edited; infinite where it was not."""
        return time.monotonic() - self._changed_at.get(uri, -math.inf)


def _offset(rope: Rope, position: Position, encoding: Encoding) -> int:
    if position.line > rope.line_ends:
        return rope.characters
    line = max(0, position.line)
    _, before = ropes.line_start(rope, line, encoding)
    place = ropes.characters_before(rope, before + max(0, position.character), encoding)
    return min(place, ropes.line_stop(rope, line, encoding))


def _applied(rope: Rope, edit: Edit, encoding: Encoding) -> Rope:
    if edit.start is None or edit.end is None:
        return ropes.rope_of(edit.text, encoding)
    start = _offset(rope, edit.start, encoding)
    end = start if edit.end == edit.start else _offset(rope, edit.end, encoding)
    start, end = min(start, end), max(start, end)
    return ropes.replaced(rope, start, end, edit.text, encoding)
