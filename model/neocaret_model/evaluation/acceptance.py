"""Characters saved by suggestions, for a user who types lines of held-out files and accepts what is right.

The user types the part of a line behind its indentation. Before each character the first suggestion is looked at, as
ghost text shows it:

- It is exactly the rest of the line: it is accepted whole, by one keystroke.
- It begins with words that the line goes on with: they are accepted one by one, a keystroke each. A word is a run of
  word characters or of other ones, with the white space before it, and must end in suggestion and line alike.
- Neither, or accepting would take as many keystrokes as typing: the next character is typed, one keystroke.

Saved are the characters less the keystrokes. The user reads everything, waits for every suggestion and mistypes
nothing, so this is the most that the first suggestions can save.
"""

from __future__ import annotations

import re
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from neocaret_model.evaluation.carets import Caret
from neocaret_model.evaluation.intervals import Interval, ratio, ratio_interval
from neocaret_model.evaluation.suggestions import Suggest

_WORD = re.compile(r"\s*(?:\w+|[^\w\s]+)")


@dataclass(frozen=True, slots=True)
class TypedLine:
    """How one line came to be."""

    characters: int
    keystrokes: int
    accepted: int
    """Characters that were not typed."""
    waits_ms: tuple[float, ...]
    """Of each time that a suggestion was looked at."""


@dataclass(frozen=True, slots=True)
class TypingReport:
    """All lines together."""

    lines: tuple[TypedLine, ...]

    @property
    def characters(self) -> int:
        """Of all lines, behind their indentation."""
        return sum(line.characters for line in self.lines)

    @property
    def keystrokes(self) -> int:
        """Typed characters and acceptances."""
        return sum(line.keystrokes for line in self.lines)

    @property
    def saved_per_keystroke(self) -> float:
        """Characters saved over keystrokes: 0 is no help, 1 is two characters for each keystroke."""
        return ratio(self._saved)

    @property
    def interval(self) -> Interval:
        """Of `saved_per_keystroke`, by a bootstrap over the lines."""
        return ratio_interval(self._saved)

    @property
    def completed(self) -> float:
        """The share of the characters that were accepted and not typed."""
        return ratio([(line.accepted, line.characters) for line in self.lines])

    @property
    def asked(self) -> int:
        """How often a suggestion was looked at."""
        return sum(len(line.waits_ms) for line in self.lines)

    @property
    def median_ms(self) -> float:
        """Of the waits for a suggestion, in a line that is being typed."""
        return statistics.median(wait for line in self.lines for wait in line.waits_ms)

    @property
    def _saved(self) -> list[tuple[float, float]]:
        return [(line.characters - line.keystrokes, line.keystrokes) for line in self.lines]


def measure_typing(
    suggest: Suggest,
    carets: Sequence[Caret],
    before_each: Callable[[], None],
    progress: Callable[[int, int], None],
) -> TypingReport:
    """Type the line behind each caret; `before_each` is called before each, `progress` told how many are done."""
    lines: list[TypedLine] = []
    for caret in carets:
        before_each()
        lines.append(_type(suggest, caret))
        progress(len(lines), len(carets))
    return TypingReport(tuple(lines))


def _type(suggest: Suggest, caret: Caret) -> TypedLine:
    before, line = caret.before, caret.rest
    typed = keystrokes = accepted = 0
    waits: list[float] = []
    while typed < len(line):
        began = time.perf_counter()
        suggestions = suggest(caret.file.path, before + line[:typed])
        waits.append((time.perf_counter() - began) * 1000)
        characters, keys = accept(suggestions[0], line[typed:]) if suggestions else (0, 0)
        if characters > keys:
            accepted += characters
        else:
            characters = keys = 1
        typed += characters
        keystrokes += keys
    return TypedLine(len(line), keystrokes, accepted, tuple(waits))


def accept(suggestion: str, rest: str) -> tuple[int, int]:
    """Return how many characters of a suggestion can be accepted for the `rest` of a line, and by how many keys."""
    if suggestion.rstrip() == rest:
        return len(rest), 1
    ends = {word.end() for word in _WORD.finditer(rest)}
    characters = keys = 0
    for word in _WORD.finditer(suggestion):
        if word.end() not in ends or suggestion[: word.end()] != rest[: word.end()]:
            break
        characters, keys = word.end(), keys + 1
    return characters, keys
