r"""The text of open documents, as immutable snapshots; knows positions and edits, not the server.

Departures from the usual:
- Only `\n`, `\r\n` and `\r` end a line. Form feeds, U+2028 and the like are ordinary characters, as LSP has it.
- A position past the end of a line or of the document means that end; it is never an error.
- The halves of a surrogate pair that meet, however many edits they came in, are one character; a lone one stays.
- A document is a tuple of lines with their ends. An edit replaces the lines that it touches, so a thousand edits
  in one notification cost a thousand small splices and one new tuple.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

Encoding = Literal["utf-8", "utf-16", "utf-32"]

_LINE_END = re.compile(r"\r\n|\n|\r")
_UTF_8_CONTINUATION = range(0x80, 0xC0)
_HIGH_SURROGATE = range(0xD8, 0xDC)
_LOW_SURROGATE = range(0xDC, 0xE0)


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
    lines: tuple[str, ...]
    """Each with its line end, but for the last, which has none and may be empty."""
    encoding: Encoding = "utf-16"

    @classmethod
    def of(cls, uri: str, language_id: str, version: int, text: str, encoding: Encoding = "utf-16") -> Document:
        """Make a document of its whole text."""
        return cls(uri, language_id, version, tuple(split_lines(_joined(text))), encoding)

    @property
    def text(self) -> str:
        """All of it."""
        return "".join(self.lines)

    def edited(self, edits: Iterable[Edit], version: int) -> Document:
        """Return the document after these edits, each of which counts from the result of the one before."""
        lines = list(self.lines)
        for edit in edits:
            _apply(lines, edit, self.encoding)
        return replace(self, lines=tuple(lines), version=version)

    def place(self, position: Position) -> Place:
        """Return the nearest place that exists."""
        return _place(self.lines, position, self.encoding)

    def character(self, place: Place) -> int:
        """Count the units of the client's encoding before a place."""
        return units(self.lines[place.line][: place.index], self.encoding)

    def before(self, place: Place) -> str:
        """Return all text before a place."""
        return "".join(self.lines[: place.line]) + self.lines[place.line][: place.index]

    def line_before(self, place: Place) -> str:
        """Return the text of the line before a place."""
        return self.lines[place.line][: place.index]

    def line_after(self, place: Place) -> str:
        """Return the text of the line after a place, without its line end."""
        return content(self.lines[place.line])[place.index :]

    def line_end_near(self, line: int) -> str:
        """Return the line end in use there: of the line above, else of the line itself, else a line feed."""
        for near in (line - 1, line):
            if 0 <= near < len(self.lines) and (found := _LINE_END.search(self.lines[near])):
                return found.group()
        return "\n"

    def same_before(self, other: Document, place: Place) -> bool:
        """Say whether both have the same text before a place."""
        return (
            place.line < len(other.lines)
            and self.lines[: place.line] == other.lines[: place.line]
            and self.line_before(place) == other.line_before(place)
        )

    def is_blank(self) -> bool:
        """Say whether there is nothing but white space."""
        return not any(line.strip() for line in self.lines)


class DocumentStore:
    """The documents that are open, by their URI."""

    def __init__(self) -> None:
        self._open: dict[str, Document] = {}
        self._changed_at: dict[str, float] = {}

    def open(self, document: Document) -> None:
        """Take a document in, in place of one under the same URI."""
        self._open[document.uri] = document

    def change(self, uri: str, edits: Iterable[Edit], version: int) -> bool:
        """Apply edits; False where no such document is open."""
        document = self._open.get(uri)
        if document is None:
            return False
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

    def seconds_since_change(self, uri: str) -> float:
        """Return how long ago the document was edited; infinite where it was not."""
        return time.monotonic() - self._changed_at.get(uri, -math.inf)


def split_lines(text: str) -> list[str]:
    """Split into lines that keep their ends; the last has none."""
    lines = []
    start = 0
    for end in _LINE_END.finditer(text):
        lines.append(text[start : end.end()])
        start = end.end()
    lines.append(text[start:])
    return lines


def content(line: str) -> str:
    """Return a line without its end."""
    return line.rstrip("\r\n")


def units(text: str, encoding: Encoding) -> int:
    """Count code units; a lone surrogate is one unit of utf-16 and three of utf-8."""
    if encoding == "utf-32" or text.isascii():
        return len(text)
    if encoding == "utf-16":
        return len(text.encode("utf-16-le", "surrogatepass")) // 2
    return len(text.encode("utf-8", "surrogatepass"))


def index_of(text: str, character: int, encoding: Encoding) -> int:
    """Return the index of the character that holds or begins at a unit; the length where it is past the end."""
    if encoding == "utf-32" or text.isascii():
        return min(character, len(text))
    # Cutting bytes takes a long line a thousandth of the time of a loop over its characters.
    if encoding == "utf-16":
        data = text.encode("utf-16-le", "surrogatepass")
        end = min(2 * character, len(data))
        if _holds(data, end - 2, _HIGH_SURROGATE) and _holds(data, end, _LOW_SURROGATE):
            end -= 2
        return len(data[:end].decode("utf-16-le", "surrogatepass"))
    data = text.encode("utf-8", "surrogatepass")
    end = min(character, len(data))
    while end < len(data) and data[end] in _UTF_8_CONTINUATION:
        end -= 1
    return len(data[:end].decode("utf-8", "surrogatepass"))


def _holds(data: bytes, at: int, surrogate: range) -> bool:
    return 0 <= at < len(data) and data[at + 1] in surrogate


def _joined(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
    return text


def _place(lines: list[str] | tuple[str, ...], position: Position, encoding: Encoding) -> Place:
    if position.line >= len(lines):
        return Place(len(lines) - 1, len(lines[-1]))
    return Place(position.line, index_of(content(lines[position.line]), position.character, encoding))


def _apply(lines: list[str], edit: Edit, encoding: Encoding) -> None:
    if edit.start is None or edit.end is None:
        lines[:] = split_lines(_joined(edit.text))
        return
    places = (_place(lines, edit.start, encoding), _place(lines, edit.end, encoding))
    start, end = sorted(places, key=lambda place: (place.line, place.index))
    first = start.line
    text = lines[start.line][: start.index] + edit.text + lines[end.line][end.index :]
    if first and text.startswith("\n") and lines[first - 1].endswith("\r"):
        # The two have become one line end.
        first -= 1
        text = lines[first] + text
    new = split_lines(_joined(text))
    if end.line + 1 < len(lines):
        # The text ends with a line end, and what follows it is there already.
        new.pop()
    lines[first : end.line + 1] = new
