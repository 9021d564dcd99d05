"""Where a continuation of several lines ends: with its block, and before what stands beneath it already; pure."""

from __future__ import annotations

from difflib import SequenceMatcher

SIMILAR = 0.9
"""Lines at least as similar (twice what they share over what both have) are the same line, changed a little."""

_CLOSERS = frozenset(")]}'\"")


def within_block(text: str, line_before: str) -> str:
    """End a continuation before its first line outside the block that the caret stands in, or has just opened.

    A line that begins with a closing bracket or quote ends what was begun inside.
    """
    least = _indentation(line_before) + line_before.rstrip().endswith(":")
    lines = text.split("\n")
    for number, line in enumerate(lines[1:], 1):
        if line.strip() and _indentation(line) < least and line.lstrip()[0] not in _CLOSERS:
            return "\n".join(lines[:number]).rstrip()
    return text


def before_next_line(text: str, line_before: str, below: str) -> str:
    """End a continuation before the line that comes next in the document anyway; it may be the first, and all goes.

    A line without letters, a closing bracket say, counts only where the continuation ends with it and it is the same.
    """
    following = next((line.strip() for line in below.splitlines() if line.strip()), "")
    if not following:
        return text
    lines = text.split("\n")
    whole = [line_before + lines[0], *lines[1:]]
    for number, line in enumerate(whole):
        if _is_same(line.strip(), following, at_end=number == len(whole) - 1):
            return "\n".join(lines[:number]).rstrip()
    return text


def repeats_line_above(text: str, before: str) -> bool:
    """Say whether a continuation makes of the caret's line what the line above it says already.

    `before` is the text before the caret.
    """
    above, _, line = before.rpartition("\n")
    made = (line + text.partition("\n")[0]).strip()
    return _has_letters(made) and made == above.rstrip().rpartition("\n")[2].strip()


def _is_same(line: str, following: str, *, at_end: bool) -> bool:
    if not _has_letters(following):
        return at_end and line == following
    matcher = SequenceMatcher(None, line, following, autojunk=False)
    return matcher.real_quick_ratio() >= SIMILAR and matcher.quick_ratio() >= SIMILAR and matcher.ratio() >= SIMILAR


def _has_letters(line: str) -> bool:
    return any(map(str.isalpha, line))


def _indentation(line: str) -> int:
    return len(line) - len(line.lstrip(" \t"))
