"""Docstrings that stand in the document already; pure.

The n-grams of the document know few docstrings, and make a model say one of them below the next `def`. Of the 450
docstrings of seaborn 0.13.2 and starlette 1.10.0, 15 begin with a line that stands above them in their file.
"""

from __future__ import annotations

import re

_FIRST_LINE = re.compile(r"""^[ \t]*([rR]?("{3}|'{3})[^\s"'].*\S)[ \t]*$""", re.MULTILINE)
_WORD = re.compile(r"\w")


def docstring_lines(text: str) -> frozenset[str]:
    """Return the lines that a text's docstrings begin with, the white space around them left out; no single words."""
    lines = (found.group(1) for found in _FIRST_LINE.finditer(text))
    return frozenset(line for line in lines if " " in line)


def said_docstring(text: str, line_before: str, known: frozenset[str]) -> int | None:
    """Return where a continuation begins to say a docstring of `known`, when it has said its first line.

    Whoever has begun to write one may want the same words for another function. The place holds however the text goes
    on.
    """
    if not known:
        return None
    first, *others = text.split("\n")[:-1] or [""]
    if (line_before + first).strip() in known and not _WORD.search(line_before):
        return 0
    end = len(first)
    for line in others:
        if line.strip() in known:
            return end
        end += len(line) + 1
    return None
