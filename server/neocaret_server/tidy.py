"""From raw continuations to the ones worth offering; pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from neocaret_server.backend import Candidate
from neocaret_server.brackets import open_brackets, unmatched_closer
from neocaret_server.docstrings import docstring_lines, said_docstring
from neocaret_server.endings import (
    before_next_line,
    repeated_lines,
    repeats_line_above,
    unlike_line_above,
    within_block,
)
from neocaret_server.syntax import breaks_syntax
from neocaret_server.trigger import CLOSERS

_OPENERS = frozenset("([{")
_BRACKETS = frozenset(")]}")
_QUOTE = re.compile(r"\"{3}|'{3}|`{3}|[\"'`]")
_BRACKET_OR_STRING = re.compile(r"""[()\[\]{}]|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'""")


@dataclass(frozen=True)
class CaretText:
    """The text around a caret: what a continuation is measured by."""

    before: str = ""
    """Before the caret, as far as it is near."""
    line_after: str = ""
    """The rest of the caret's line."""
    below: str = ""
    """The lines below it."""
    language_id: str = "python"

    @property
    def line_before(self) -> str:
        """The caret's line up to the caret."""
        return self.before.rpartition("\n")[2]

    @cached_property
    def docstrings(self) -> frozenset[str]:
        """The lines that Python's docstrings around it begin with."""
        return docstring_lines(f"{self.before}\n{self.below}") if self.language_id == "python" else frozenset()


def offered(
    candidates: Iterable[Candidate], similar_lines: Iterable[str], caret: CaretText, *, single_line: bool, most: int
) -> list[str]:
    """Tidy the candidates, and fill the list up to `most` with how similar lines of the document went on.

    The rows of a model that is sure all say the same: a copied line is then the better alternative. Where the model
    has nothing to say, nothing is copied. What breaks the syntax comes last, and so does the line above once more, of
    which the beginning alone is offered.
    """
    texts = tidy(candidates, caret, single_line=single_line)
    if texts and single_line:
        copied = _distinct(similar_lines, caret, single_line)
        texts = list(dict.fromkeys([*texts, *copied]))[: max(most, len(texts))]
    if len(texts) > 1:
        texts.sort(key=lambda text: _is_doubtful(text, caret))
    return _distinct_texts(unlike_line_above(text, caret.before) for text in texts)


def tidy(candidates: Iterable[Candidate], caret: CaretText, *, single_line: bool) -> list[str]:
    """Trim each continuation, and drop the blank, the cancelled and the equal ones, keeping the order."""
    texts = (candidate.text for candidate in candidates if candidate.finish_reason != "cancelled")
    return _distinct(texts, caret, single_line)


def up_to_closer(text: str, line_after: str) -> str:
    """End a continuation before the bracket or quote that stands after the caret already.

    Editors close what is opened at once, and a model that reads only what is before the caret closes it again. Where
    the line goes on with anything but closers, the text stays whole.
    """
    after = line_after.lstrip()
    if not is_closed_by(line_after):
        return text
    if quote := _QUOTE.match(after):
        found = re.search(rf"(?<!\\){quote.group()}", text)
        return text[: found.start()] if found else text
    end = _first_unopened(text)
    return text[:end] if after and text[end : end + 1] == after[0] else text


def is_closed_by(line_after: str) -> bool:
    """Say whether a line goes on with nothing but closers."""
    return CLOSERS.issuperset(line_after.replace(" ", "").replace("\t", ""))


def _is_doubtful(text: str, caret: CaretText) -> bool:
    if repeats_line_above(text, caret.before):
        return True
    return caret.language_id == "python" and breaks_syntax(text, caret.before, caret.line_after)


def _distinct(texts: Iterable[str], caret: CaretText, single_line: bool) -> list[str]:
    opened = open_brackets(caret.before, caret.language_id)
    return _distinct_texts(_trim(text, caret, opened, single_line) for text in texts)


def _distinct_texts(texts: Iterable[str]) -> list[str]:
    alike: dict[str, str] = {}
    for text in texts:
        if text.strip():
            # What differs in white space alone is no choice.
            alike.setdefault("".join(text.split()), text)
    return list(alike.values())


def _trim(text: str, caret: CaretText, opened: str | None, single_line: bool) -> str:
    text = text.replace("\r\n", "\n")
    text = text.partition("\n")[0] if single_line else within_block(text, caret.line_before)
    # The line end makes whole what a text ends with.
    text = text[: repeated_lines(text + "\n", caret.line_before)]
    text = text[: said_docstring(text + "\n", caret.line_before, caret.docstrings)]
    text = before_next_line(text, caret.line_before, caret.below)
    ended = up_to_closer(text, caret.line_after)
    # The white space before a closer belongs to it: it may be a line of its own.
    if len(ended) < len(text):
        return ended
    end = None if opened is None else unmatched_closer(text, opened, caret.language_id)
    return text[:end].rstrip()


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
