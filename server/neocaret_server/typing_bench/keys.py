"""The keys that write a text in an editor that indents by itself; pure.

Enter indents like the line before, four columns more after a colon, and a blank line loses its indentation again.
Some letters are mistyped, seen one or two keys later, and corrected.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from neocaret_server.typing_bench.rhythm import MISTAKE_SHARE, Moment, pause

_STEP = 4
_LETTERS = "qwertyuiopasdfghjklzxcvbnm"
_WILLING = 0.75
"""How often a suggestion that is right is taken, drawn for each word: the others are overlooked, or typed over."""


@dataclass(frozen=True, slots=True)
class Key:
    """One key: what it takes away before the caret, and what it puts there."""

    text: str
    erases: int
    pause: float
    """Seconds since the key before."""
    done: int | None
    """Characters of the text that stand before the caret after it; None where something else stands there too."""
    willing: bool
    """A suggestion that is shown just before this key is taken, if it is right."""


def keys_of(text: str, line_before: str, source: random.Random, speed: float = 1.0) -> tuple[Key, ...]:
    """Return the keys that write `text` behind `line_before`, the first of them in a new place."""
    return tuple(_Typist(source, speed).write(text, line_before))


class _Typist:
    def __init__(self, source: random.Random, speed: float) -> None:
        self._source = source
        self._speed = speed
        self._willing = False
        self._first = True

    def write(self, text: str, line_before: str) -> Iterator[Key]:
        first, *rest = text.split("\n")
        yield from self._line(first, 0, 0)
        line, done = line_before + first, len(first)
        for content in rest:
            indent = _indent(content)
            done += 1 + len(indent)
            yield from self._enter(line, content, done)
            yield from self._line(content, len(indent), done)
            done += len(content) - len(indent)
            # A blank line keeps what the editor gave it until Enter is pressed again.
            line = content or _given(line)

    def _enter(self, line: str, content: str, done: int) -> Iterator[Key]:
        """Press Enter, and mend the indentation that the editor gives."""
        given, wanted = _given(line), _indent(content)
        yield self._key("\n" + given, len(line) if line.isspace() else 0, "line", done if given == wanted else None)
        while content and given != wanted:
            if wanted.startswith(given):
                text, less = wanted[len(given) :][:_STEP], 0
            else:
                text, less = "", min(_STEP, len(given))
            given = given[: len(given) - less] + text
            moment: Moment = "erase" if less else "in word"
            yield self._key(text, less, moment, done if given == wanted else None)

    def _line(self, content: str, begin: int, done: int) -> Iterator[Key]:
        for place in range(begin, len(content)):
            letter = content[place]
            first = letter.isalnum() and (place == 0 or not content[place - 1].isalnum())
            moment: Moment = "word" if first and place > begin else "in word"
            if letter.isalpha() and self._source.random() < MISTAKE_SHARE:
                yield from self._mistake(content, place, moment, done)
                moment = "in word"
            done += 1
            yield self._key(letter, 0, moment, done)

    def _mistake(self, content: str, place: int, moment: Moment, done: int) -> Iterator[Key]:
        wrong = self._source.choice(_LETTERS.replace(content[place].lower(), ""))
        unseen = content[place + 1 : place + 1 + self._source.randint(0, 2)]
        for letter in wrong + unseen:
            yield self._key(letter, 0, moment, None)
            moment = "in word"
        moment = "mistake"
        for left in range(len(unseen), -1, -1):
            yield self._key("", 1, moment, None if left else done)
            moment = "erase"

    def _key(self, text: str, erases: int, moment: Moment, done: int | None) -> Key:
        if moment in {"word", "line"} or self._first:
            self._willing = self._source.random() < _WILLING
        seconds = pause("jump" if self._first else moment, self._source, self._speed)
        self._first = False
        return Key(text, erases, seconds, done, self._willing)


def _given(line: str) -> str:
    """Return the indentation that an editor gives to the line below."""
    return _indent(line) + (" " * _STEP if line.rstrip().endswith(":") else "")


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip(" \t"))]
