"""Which parts of other files are most like the code at a caret: windows of lines, by the identifiers that they share.

The likeness of two texts is the Jaccard index of their identifiers, how many both have over how many either has. One
window of each file is taken, the one most like the code at the caret; of equally like ones, the first. It knows no
files: whoever asks has read them, and left out what must not be read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

LINES = 50
"""Of a window, and of the code at the caret that it is compared with."""
STEP = 25
"""Lines from one window's beginning to the next one's."""
MOST_WINDOWS = 200
"""Of a file: what is below is not looked at."""

_IDENTIFIER = re.compile(r"[^\W\d]\w+")
_KEPT_FILES = 64


@dataclass(frozen=True, slots=True)
class OtherFile:
    """A file beside the one that is edited."""

    path: str
    text: str


@dataclass(frozen=True, slots=True)
class Window:
    """Some lines of a file."""

    path: str
    text: str
    likeness: float
    """0 to 1."""


def related_windows(before: str, others: Iterable[OtherFile], most: int) -> list[Window]:
    """Return at most so many windows of other files that are like the end of `before`, the most alike first."""
    wanted = identifiers("\n".join(before.rsplit("\n", LINES)[-LINES:]))
    best = (_best_window(wanted, other) for other in others)
    related = [window for window in best if window is not None and window.likeness > 0]
    return sorted(related, key=lambda window: -window.likeness)[:most]


def identifiers(text: str) -> frozenset[str]:
    """Return the names and keywords of two characters and more in a text."""
    return frozenset(_IDENTIFIER.findall(text))


def likeness(one: frozenset[str], other: frozenset[str]) -> float:
    """Return the Jaccard index of two sets; 0 where both are empty."""
    either = len(one | other)
    return len(one & other) / either if either else 0.0


def _best_window(wanted: frozenset[str], other: OtherFile) -> Window | None:
    windows = _windows(other.text)
    best = max(windows, key=lambda window: likeness(wanted, window[1]), default=None)
    return None if best is None else Window(other.path, best[0], likeness(wanted, best[1]))


@lru_cache(maxsize=_KEPT_FILES)
def _windows(text: str) -> tuple[tuple[str, frozenset[str]], ...]:
    # Kept, because a file is compared with many carets before it changes.
    return tuple((window, identifiers(window)) for window in _cut(text))


def _cut(text: str) -> Iterator[str]:
    lines = text.split("\n")
    last = max(1, len(lines) - LINES + STEP)
    for start in range(0, min(last, STEP * MOST_WINDOWS), STEP):
        yield "\n".join(lines[start : start + LINES])
