"""Whether an indentation that ends a prompt is where the next line begins, or may still be on its way. No tensors.

Somebody who stands below a block, at the level of a line above or of a block around it, went there to begin a line.
At any other place, and below a line that opens a block, they may have pressed the space bar twice of four times.
"""

from __future__ import annotations

import re

_OPENS = re.compile(r"[:(\[{]\s*(?:#.*)?\Z")


def is_whole(above: str, indentation: str) -> bool:
    """Say whether an indentation, of one character or more, is that of a block which the lines `above` are in."""
    if not indentation:
        return False
    nearest = True
    narrowest: int | None = None
    for line in reversed(above.split("\n")):
        text = line.lstrip(" \t")
        if not text:
            continue
        if nearest and _OPENS.search(text):
            return False
        nearest = False
        width = len(line) - len(text)
        if narrowest is None or width < narrowest:
            if line[:width] == indentation:
                return True
            narrowest = width
        if not narrowest:
            break
    return False
