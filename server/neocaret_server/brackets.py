"""Which brackets are open before a caret, and which a continuation closes that nothing opened; pure, for any language.

Strings and comments are left out by their looks. Where that is not sure, nothing is said.
"""

from __future__ import annotations

import re

MOST_LINES = 200
"""Above the caret: a bracket that was opened before them is not known."""

_CLOSER_OF = {"(": ")", "[": "]", "{": "}"}
_TRIPLE = r'"{3}[\s\S]*?(?:"{3}|\Z)|\'{3}[\s\S]*?(?:\'{3}|\Z)'
_STRING = "|".join(rf"{quote}(?:\\.|[^{quote}\\\n])*(?:{quote}|\\?$)" for quote in "\"'`")
"""Without its end it goes to the end of the line."""
_COMMENT = {"python": r"#[^\n]*", "": r"(?:#|//)[^\n]*"}
# The prose of a docstring at the margin is none.
_STATEMENT = re.compile(r"(?:async def|def|class|import|function|func|fn) \w|from [\w.]+ import |@\w|\w+ = ")
_PATTERNS = {
    language: re.compile(rf"{comment}|{_TRIPLE}|{_STRING}|[()\[\]{{}}]", re.MULTILINE)
    for language, comment in _COMMENT.items()
}


def open_brackets(before: str, language_id: str) -> str | None:
    """Return the brackets that are open at the end of a text, the innermost last; None inside a string or a comment.

    A closing bracket of something opened above what is looked at is passed over.
    """
    text = from_top_level(before)
    opened: list[str] = []
    for found in _pattern(language_id).finditer(text):
        piece = found.group()
        if piece in _CLOSER_OF:
            opened.append(piece)
        elif len(piece) > 1 or piece in "\"'`#":
            if found.end() == len(text) and not _is_closed(piece):
                return None
        elif opened and _CLOSER_OF[opened[-1]] == piece:
            opened.pop()
    return "".join(opened)


def unmatched_closer(text: str, opened: str, language_id: str) -> int | None:
    """Return where the first bracket closes that neither the text nor what is `opened` before it opens, if one does."""
    stack = list(opened)
    for found in _pattern(language_id).finditer(text):
        piece = found.group()
        if piece in _CLOSER_OF:
            stack.append(piece)
        elif piece in ")]}" and (not stack or _CLOSER_OF[stack.pop()] != piece):
            return found.start()
    return None


def from_top_level(before: str) -> str:
    """Return the end of a long text, from a line on that looks like a statement at the top level."""
    lines = before.split("\n")
    if len(lines) <= MOST_LINES:
        return before
    near = lines[-MOST_LINES:]
    first = next((number for number, line in enumerate(near) if _STATEMENT.match(line)), 0)
    return "\n".join(near[first:])


def _pattern(language_id: str) -> re.Pattern[str]:
    return _PATTERNS.get(language_id, _PATTERNS[""])


def _is_closed(piece: str) -> bool:
    """Say whether a string has its end; a comment has it where its line ends."""
    if piece[0] in "#/":
        return False
    quote = piece[:3] if piece[:3] in ('"""', "'''") else piece[0]
    return len(piece) >= 2 * len(quote) and piece.endswith(quote)
