"""From the text before the caret to the prompt, and back from a continuation to the document; pure.

The cut here is only a cheap one by characters, so that a huge document is never tokenized whole; the model cuts to
its own positions. The left edge lies on a coarse grid, so that it holds still while the user types.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Multiline = Literal["auto", "always", "never"]

MOST_CHARACTERS = 16_384
"""Of a prompt: several times what 2,048 positions hold of ordinary code."""
GRID = 4_096
"""The left edge moves by this many characters at a time."""
NEAR_CHARACTERS = 2 * MOST_CHARACTERS
"""Before the caret: no more is looked at, for the prompt and for what stands before it."""

_LINE_END = re.compile(r"\r\n|\n|\r")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The text around a caret, as far as it is near, and whatever stands in the caret's line behind it left out."""

    before: str
    """The end of the text before the caret: all of it, or the last `NEAR_CHARACTERS` and more."""
    length: int
    """Of all text before the caret."""
    below: str
    """The beginning of the text below the caret's line."""


def build_prompt(around: Surroundings) -> str:
    """Make the prompt of the text before the caret."""
    edge = left_edge(around.length)
    text = around.before[_place_in(around, edge) :]
    return for_model(_at_line_start(text) if edge else text)


def text_elsewhere(around: Surroundings) -> tuple[str, ...]:
    """Take what stands before the prompt and below the caret's line, as far as it is near; no blank text.

    Both hold still while the user types, the former because the prompt's left edge does.
    """
    edge = left_edge(around.length)
    start, end = _place_in(around, max(0, edge - MOST_CHARACTERS)), _place_in(around, edge)
    texts = around.before[start:end], around.below[:MOST_CHARACTERS]
    return tuple(for_model(text) for text in texts if text.strip())


def left_edge(length: int) -> int:
    """Return where a text of this length is cut: 0, or the multiple of `GRID` that leaves at most `MOST_CHARACTERS`."""
    return 0 if length <= MOST_CHARACTERS else -(-(length - MOST_CHARACTERS) // GRID) * GRID


def for_model(text: str) -> str:
    """Give the text the form that models are trained on: a line feed ends lines, and a lone surrogate is U+FFFD."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    # By way of utf-16, because a pair that came in two edits is one character after all.
    return text if _is_whole(text) else text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def for_document(text: str, line_end: str) -> str:
    """Give text of the model the document's own line ends."""
    return text.replace("\r\n", "\n").replace("\n", line_end)


def _place_in(around: Surroundings, place: int) -> int:
    """Return where a place of the whole text is in the text before the caret that is at hand."""
    return place - (around.length - len(around.before))


def _at_line_start(text: str) -> str:
    """Drop the rest of a line that was cut through, unless that takes more than the grid is wide."""
    end = _LINE_END.search(text, 0, GRID)
    return text[end.end() :] if end else text


def _is_whole(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
