"""Which parts of other files are most like the code at a caret: windows of lines, by the identifiers that they share.

The likeness of two texts is the Jaccard index of their identifiers, how many both have over how many either has. One
window of each file is taken, the one most like the code at the caret; of equally like ones, the first. It knows no
files: whoever asks has read them, and left out what must not be read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

LINES = 50
"""Of a window, and of the code at the caret that it is compared with."""
STEP = 25
"""Lines from one window's beginning to the next one's."""
MOST_WINDOWS = 200
"""Of a file: what is below is not looked at."""
MOST_CHARACTERS = 8_192
"""Of a window: where lines are very long, the rest is left out."""

_IDENTIFIER = re.compile(r"[^\W\d]\w+")


@dataclass(frozen=True, slots=True)
class CutText:
    """A text and the identifiers of its windows, to be compared with many carets."""

    lines: tuple[str, ...]
    identifiers: tuple[frozenset[str], ...]
    """By window, from the top."""


@dataclass(frozen=True, slots=True)
class Window:
    """Some lines of a file."""

    source: str
    """Which file: its path or its URI."""
    text: str
    likeness: float
    """0 to 1."""


def related_windows(before: str, others: Iterable[tuple[str, CutText]], most: int) -> list[Window]:
    """Return at most so many windows of other files that are like the end of `before`.

    The most alike is the last, as text of the document that stands nearest to the caret.
    """
    wanted = identifiers("\n".join(before.rsplit("\n", LINES)[-LINES:]))
    best = (_best_window(wanted, source, text) for source, text in others)
    related = [window for window in best if window.likeness > 0]
    return sorted(related, key=lambda window: -window.likeness)[:most][::-1]


def cut_text(text: str) -> CutText:
    """Cut a text into windows."""
    lines = tuple(text.split("\n"))
    starts = range(0, min(max(1, len(lines) - LINES + STEP), STEP * MOST_WINDOWS), STEP)
    shared: dict[str, str] = {}
    # One string for each name of a text, however many windows have it.
    found = (_IDENTIFIER.findall("\n".join(lines[start : start + LINES])) for start in starts)
    return CutText(lines, tuple(frozenset(shared.setdefault(name, name) for name in names) for names in found))


def identifiers(text: str) -> frozenset[str]:
    """Return the names and keywords of two characters and more in a text."""
    return frozenset(_IDENTIFIER.findall(text))


def likeness(one: frozenset[str], other: frozenset[str]) -> float:
    """Return the Jaccard index of two sets; 0 where both are empty."""
    both = len(one & other)
    return both / (len(one) + len(other) - both) if both else 0.0


def _best_window(wanted: frozenset[str], source: str, text: CutText) -> Window:
    alike = [likeness(wanted, names) for names in text.identifiers]
    best = max(range(len(alike)), key=alike.__getitem__)
    window = "\n".join(text.lines[best * STEP : best * STEP + LINES])
    return Window(source, window[:MOST_CHARACTERS], alike[best])
