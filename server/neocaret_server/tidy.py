"""From raw continuations to the ones worth offering; pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

from neocaret_server.backend import Candidate
from neocaret_server.trigger import CLOSERS

_OPENERS = frozenset("([{")
_BRACKETS = frozenset(")]}")
_QUOTE = re.compile(r"\"{3}|'{3}|`{3}|[\"'`]")
_BRACKET_OR_STRING = re.compile(r"""[()\[\]{}]|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'""")


def offered(
    candidates: Iterable[Candidate], similar_lines: Iterable[str], *, single_line: bool, most: int, line_after: str = ""
) -> list[str]:
    """Tidy the candidates, and fill the list up to `most` with how similar lines of the document went on.

    The rows of a model that is sure all say the same: a copied line is then the better alternative. Where the model
    has nothing to say, nothing is copied.
    """
    texts = tidy(candidates, single_line=single_line, line_after=line_after)
    if not texts or not single_line:
        return texts
    copied = (_trim(text, single_line, line_after) for text in similar_lines)
    return list(dict.fromkeys([*texts, *(text for text in copied if text.strip())]))[: max(most, len(texts))]


def tidy(candidates: Iterable[Candidate], *, single_line: bool, line_after: str = "") -> list[str]:
    """Trim each continuation, and drop the blank, the cancelled and the repeated ones, keeping the order.

    `line_after` is the rest of the caret's line.
    """
    texts = [candidate.text for candidate in candidates if candidate.finish_reason != "cancelled"]
    trimmed = (_trim(text, single_line, line_after) for text in texts)
    return list(dict.fromkeys(text for text in trimmed if text.strip()))


def up_to_closer(text: str, line_after: str) -> str:
    """End a continuation before the bracket or quote that stands after the caret already.

    Editors close what is opened at once, and a model that reads only what is before the caret closes it again. Where
    the line goes on with anything but closers, the text stays whole.
    """
    after = line_after.lstrip()
    if not CLOSERS.issuperset(after.replace(" ", "").replace("\t", "")):
        return text
    if quote := _QUOTE.match(after):
        found = re.search(rf"(?<!\\){quote.group()}", text)
        return text[: found.start()] if found else text
    end = _first_unopened(text)
    return text[:end] if after and text[end : end + 1] == after[0] else text


def _trim(text: str, single_line: bool, line_after: str) -> str:
    text = text.replace("\r\n", "\n")
    text = text.partition("\n")[0] if single_line else text
    ended = up_to_closer(text, line_after)
    # The white space before a closer belongs to it: it may be a line of its own.
    return ended if len(ended) < len(text) else text.rstrip()


def _first_unopened(text: str) -> int:
    """Return where the first bracket closes that nothing in the text opens, strings aside; its length without one."""
    depth = 0
    for found in _BRACKET_OR_STRING.finditer(text):
        if found.group() in _OPENERS:
            depth += 1
        elif found.group() in _BRACKETS:
            if depth == 0:
                return found.start()
            depth -= 1
    return len(text)
