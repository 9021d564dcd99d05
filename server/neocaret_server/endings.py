"""Where a continuation of several lines ends: with its block, and before what stands beneath it already; pure."""

from __future__ import annotations

import re
from difflib import SequenceMatcher

SIMILAR = 0.9
"""Lines at least as similar (twice what they share over what both have) are the same line, changed a little."""

_MOST_COMPARED = 400
"""Characters of a line: comparing takes the square of them, and all wait for it; longer lines are the same or not."""
_LONGEST_PERIOD = 4
"""Lines that repeat together."""
_FIRST_NAME = re.compile(r"[^\n\w]*\w+(?:[.(\[{ ]|->|::)")
_CLOSERS = frozenset(")]}'\"")


def within_block(text: str, line_before: str) -> str:
    """End a continuation before its first line outside the block that the caret stands in, or has just opened."""
    end = block_end(text, line_before)
    return text if end is None else text[:end].rstrip()


def block_end(text: str, line_before: str) -> int | None:
    """Return where a continuation leaves the block that the caret stands in, or has just opened, if it does.

    A line that begins with a closing bracket or quote ends what was begun inside. The place holds however the text
    goes on.
    """
    first, *rest = text.split("\n")
    # Where the caret's line is blank, the continuation may indent it further.
    line = line_before if line_before.strip() or not first.strip() else line_before + first
    least = _indentation(line) + line_before.rstrip().endswith(":")
    end = len(first)
    for each in rest:
        if each.strip() and _indentation(each) < least and each.lstrip()[0] not in _CLOSERS:
            return end
        end += 1 + len(each)
    return None


def before_next_line(text: str, line_before: str, below: str) -> str:
    """End a continuation before the line that comes next in the document anyway; it may be the first, and all goes.

    A line without letters, a closing bracket say, counts only where the continuation ends with it and it is the same.
    """
    following = following_line(below)
    end = next_line_start(text, line_before, following)
    if end is not None:
        return text[:end].rstrip()
    *lines, last = text.rstrip().split("\n")
    whole = last if lines else line_before + last
    if following and _is_same(whole.strip(), following, at_end=True):
        return "\n".join(lines).rstrip()
    return text


def next_line_start(text: str, line_before: str, following: str) -> int | None:
    """Return where a continuation comes to the line that follows in the document, once it has come to that line's end.

    `following` is that line, its white space left out, or nothing. The place holds however the text goes on.
    """
    if not following:
        return None
    end, before = 0, line_before
    for line in text.split("\n")[:-1]:
        if _is_same((before + line).strip(), following, at_end=False):
            return max(0, end - 1)
        end, before = end + len(line) + 1, ""
    return None


def following_line(below: str) -> str:
    """Return the first line of a text that says something, its white space left out; nothing where there is none."""
    return next((line.strip() for line in below.splitlines() if line.strip()), "")


def repeated_lines(text: str, line_before: str) -> int | None:
    """Return where a continuation begins to say its last lines once more, when it has said them.

    Small models do so without end; in written code 1 line of 2,000 is the line above it, and hardly ever more of them
    come again at once. The place holds however the text goes on.
    """
    lines = (line_before + text).split("\n")[:-1]
    for end in range(2, len(lines) + 1):
        for period in range(1, min(_LONGEST_PERIOD, end // 2) + 1):
            again = lines[end - period : end]
            if lines[end - 2 * period : end - period] == again and _has_letters("".join(again)):
                return len("\n".join(lines[: end - period])) - len(line_before)
    return None


def repeats_line_above(text: str, before: str) -> bool:
    """Say whether a continuation makes of the caret's line what the line above it says already.

    `before` is the text before the caret.
    """
    above, _, line = before.rpartition("\n")
    made = (line + text.partition("\n")[0]).strip()
    return _has_letters(made) and made == above.rstrip().rpartition("\n")[2].strip()


def unlike_line_above(text: str, before: str) -> str:
    """Return of a continuation that makes the line above once more what may be right of it: its first name.

    Lines that follow each other begin alike, but 1 of 2,000 is the same. Any other continuation stays whole.
    """
    if not repeats_line_above(text, before):
        return text
    name = _FIRST_NAME.match(text)
    return name.group() if name else ""


def _is_same(line: str, following: str, *, at_end: bool) -> bool:
    if not _has_letters(following):
        return at_end and line == following
    if line == following or max(len(line), len(following)) > _MOST_COMPARED:
        return line == following
    matcher = SequenceMatcher(None, line, following, autojunk=False)
    return matcher.real_quick_ratio() >= SIMILAR and matcher.quick_ratio() >= SIMILAR and matcher.ratio() >= SIMILAR


def _has_letters(line: str) -> bool:
    return any(map(str.isalpha, line))


def _indentation(line: str) -> int:
    return len(line) - len(line.lstrip(" \t"))
