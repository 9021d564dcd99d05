"""What the editor asks for, put into the text that is learned.

- A share of the files begins with its path as a comment, as the prompt builder's do.
- A share is indented by two spaces, or by tabs.
- In a share of the examples, imports that stand together change places: packages sort theirs, users do not.
- A text is cut at random places and its pieces are encoded apart. A prompt ends anywhere, in mid-word too, and its last
  token is then one that the whole text would not have: a model that never saw such an end cannot go on from it.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass

from neocaret_model.training.corpus import Document
from neocaret_model.training.recipe import Shaping

_INDENTATION = re.compile(r"^(?: {4})+", re.MULTILINE)
_IMPORTS = re.compile(r"^(?:(?:import (?!__)|from (?!__)[\w.]+ import )[^(\\\n]*\n){2,}", re.MULTILINE)
_LINE_START_SHARE = 0.4
"""Of the cuts, how many come right after a line end or after the indentation; the others come anywhere."""


@dataclass(frozen=True, slots=True)
class ShapedText:
    """One document as it is learned."""

    header: str
    """Its path comment without a line end, or nothing."""
    pieces: tuple[str, ...]
    """The text in pieces that are encoded apart; with a header, the first begins with the line end."""


def shape(document: Document, shaping: Shaping, seed: int) -> ShapedText:
    """Give a document its shape; the same for a seed."""
    chance = random.Random(f"{seed} {document.source} {document.path}")  # noqa: S311 - reproducible, no secret
    text = document.text
    header = ""
    if document.is_code:
        text = _indented(text, shaping, chance)
        if document.is_example and chance.random() < shaping.unsorted_imports_share:
            text = _IMPORTS.sub(lambda found: _shuffled(found.group(), chance), text)
        if chance.random() < shaping.path_comment_share:
            header = f"# {document.path}"
            text = "\n" + text
    return ShapedText(header, tuple(_cut(text, shaping.characters_between_cuts, chance)))


def _indented(text: str, shaping: Shaping, chance: random.Random) -> str:
    drawn = chance.random()
    if drawn < shaping.two_spaces_share:
        unit = "  "
    elif drawn < shaping.two_spaces_share + shaping.tabs_share:
        unit = "\t"
    else:
        return text
    return _INDENTATION.sub(lambda found: unit * (len(found.group()) // 4), text)


def _shuffled(lines: str, chance: random.Random) -> str:
    each = lines.splitlines(keepends=True)
    chance.shuffle(each)
    return "".join(each)


def _cut(text: str, distance: int, chance: random.Random) -> list[str]:
    pieces = []
    begin = 0
    while distance:
        end = begin + 1 + int(chance.expovariate(1 / distance))
        if end < len(text) and chance.random() < _LINE_START_SHARE:
            end = _line_start(text, end, chance)
        if end >= len(text):
            break
        pieces.append(text[begin:end])
        begin = end
    return [*pieces, text[begin:]]


def _line_start(text: str, place: int, chance: random.Random) -> int:
    end = text.find("\n", place)
    if end < 0:
        return len(text)
    start = end + 1
    if chance.random() < 0.5:  # noqa: PLR2004 - a coin
        while start < len(text) and text[start] in " \t":
            start += 1
    return start
