"""The text in an editor and its carets, edited as an editor does; pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Spot:
    """A place as utf-16 counts it."""

    line: int
    character: int

    @property
    def params(self) -> dict[str, int]:
        """As the protocol has it."""
        return {"line": self.line, "character": self.character}


class Buffer:
    """One document; its carets stand at the passages that are to be written, and move along with the text."""

    def __init__(self, text: str, places: Iterable[int]) -> None:
        self.text = text
        self._places = list(places)

    def caret(self, place: int) -> Spot:
        """Return where a caret stands."""
        return self._spot(self._places[place])

    def line_before(self, place: int) -> str:
        """Return the caret's line up to it."""
        offset = self._places[place]
        return self.text[self.text.rfind("\n", 0, offset) + 1 : offset]

    def offset(self, line: int, character: int) -> int:
        """Return the index of a place in the text."""
        begin = 0
        for _ in range(line):
            begin = self.text.index("\n", begin) + 1
        end = self.text.find("\n", begin)
        content = self.text[begin : len(self.text) if end < 0 else end]
        return begin + len(content.encode("utf-16-le")[: 2 * character].decode("utf-16-le", "ignore"))

    def behind(self, place: int, line: int, character: int) -> str:
        """Return the text from a position to the caret."""
        return self.text[self.offset(line, character) : self._places[place]]

    def edit(self, place: int, text: str, erases: int = 0) -> dict[str, Any]:
        """Replace what stands before a caret; returns the change as `textDocument/didChange` has it."""
        end = self._places[place]
        begin = end - erases
        change = {"range": {"start": self._spot(begin).params, "end": self._spot(end).params}, "text": text}
        self.text = self.text[:begin] + text + self.text[end:]
        shift = len(text) - erases
        self._places = [each + shift if each >= end else each for each in self._places]
        return change

    def _spot(self, offset: int) -> Spot:
        begin = self.text.rfind("\n", 0, offset) + 1
        return Spot(self.text.count("\n", 0, offset), len(self.text[begin:offset].encode("utf-16-le")) // 2)
