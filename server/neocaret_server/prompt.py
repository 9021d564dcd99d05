"""From the text before the caret to the prompt, and back from a continuation to the document; pure.

The cut here is only a cheap one by characters, so that a huge document is never tokenized whole; the model cuts to
its own positions. The left edge lies on a coarse grid, so that it holds still while the user types.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Literal

Multiline = Literal["auto", "always", "never"]

MOST_CHARACTERS = 16_384
"""Of a prompt: several times what 2,048 positions hold of ordinary code."""
GRID = 4_096
"""The left edge moves by this many characters at a time."""

_LINE_END = re.compile(r"\r\n|\n|\r")


def build_prompt(lines_before: Sequence[str], line_before: str) -> str:
    """Make the prompt of the lines above the caret, with their ends, and the caret's own line up to it."""
    length = sum(map(len, lines_before)) + len(line_before)
    edge = left_edge(length)
    text = _tail(lines_before, line_before, length - edge)
    return for_model(_at_line_start(text) if edge else text)


def text_elsewhere(lines_before: Sequence[str], line_before: str, lines_after: Iterable[str]) -> tuple[str, ...]:
    """Take what stands before the prompt and below the caret's line, as far as it is near; no blank text.

    Both hold still while the user types, the former because the prompt's left edge does.
    """
    length = sum(map(len, lines_before)) + len(line_before)
    edge = left_edge(length)
    near = min(edge, MOST_CHARACTERS)
    texts = _tail(lines_before, line_before, length - edge + near)[:near], _head(lines_after, MOST_CHARACTERS)
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


def single_line(multiline: Multiline, line_before: str) -> bool:
    """Say whether a suggestion ends with the caret's line.

    "auto" is several lines where the caret's line is empty but for indentation, or opens a block.
    """
    if multiline != "auto":
        return multiline == "never"
    before = line_before.strip()
    return bool(before) and not before.endswith(":")


def _tail(lines: Sequence[str], last: str, length: int) -> str:
    parts = [last]
    have = len(last)
    for line in reversed(lines):
        if have >= length:
            break
        parts.append(line)
        have += len(line)
    return "".join(reversed(parts))[have - length :]


def _head(lines: Iterable[str], length: int) -> str:
    parts = []
    for line in lines:
        if length <= 0:
            break
        parts.append(line[:length])
        length -= len(line)
    return "".join(parts)


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
