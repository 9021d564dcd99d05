"""Whether a suggestion has one line or several, by what the caret's line looks like; pure, for any language.

Several where a block begins that has nothing yet, or on a blank line between statements; one inside an expression, a
string or a comment, and wherever a line is under way.
"""

from __future__ import annotations

import re

from neocaret_server.brackets import open_brackets

_BRACES_ARE_EXPRESSIONS = frozenset({"python", "json", "jsonc"})
_BLOCK_OPENERS = {"python": re.compile(r":$"), "": re.compile(r"(?:[:{]|\b(?:do|then|else|begin))$")}


def several_lines(above: str, line_before: str, below: str, language_id: str) -> bool:
    """Decide for a caret: `above` is the text before its line, `below` that after it, as far as they are near."""
    line = line_before.strip()
    if line and not _opens_block(line, language_id):
        return False
    opened = open_brackets(above + line_before, language_id)
    if opened is None or _in_expression(opened, language_id):
        return False
    return not line or not has_body(line_before, below)


def in_brackets(before: str, language_id: str) -> bool:
    """Say whether a caret is inside brackets that hold an expression; False where that is not sure."""
    return _in_expression(open_brackets(before, language_id) or "", language_id)


def has_body(line_before: str, below: str) -> bool:
    """Say whether the next line that says something is indented further than the caret's line."""
    following = next((line for line in below.splitlines() if line.strip()), "")
    return _indentation(following) > _indentation(line_before)


def _opens_block(line: str, language_id: str) -> bool:
    return _BLOCK_OPENERS.get(language_id, _BLOCK_OPENERS[""]).search(line) is not None


def _in_expression(opened: str, language_id: str) -> bool:
    """Say whether the innermost bracket holds an expression; in most languages braces hold statements."""
    return opened[-1:] in ("(", "[") or (opened[-1:] == "{" and language_id in _BRACES_ARE_EXPRESSIONS)


def _indentation(line: str) -> int:
    return len(line) - len(line.lstrip(" \t"))
