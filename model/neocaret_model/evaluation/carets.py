"""Where carets stand: six kinds of places in code, drawn evenly, the same for every model and machine.

- `line start`: before a line that is not indented.
- `indent`: after the indentation of a line that is.
- `word`: inside a name or a keyword.
- `(`, `.`, `=`: right after that operator.

All of them lie in code, none in a comment or inside a string, and something follows on the caret's line.
"""

from __future__ import annotations

import hashlib
import heapq
import io
import itertools
import tokenize
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from neocaret_model.evaluation.source_files import SourceFile

CaretKind = Literal["line start", "indent", "word", "(", ".", "="]
KINDS: tuple[CaretKind, ...] = get_args(CaretKind)

EACH_KIND = tuple((kind,) for kind in KINDS)
LINES: tuple[tuple[CaretKind, ...], ...] = (("line start", "indent"),)
"""Groups of kinds to draw from evenly."""

_OPERATORS: dict[str, CaretKind] = {"(": "(", ".": ".", "=": "="}
_NO_CODE = frozenset({tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT})


@dataclass(frozen=True, slots=True)
class Caret:
    """A place in a file."""

    kind: CaretKind
    file: SourceFile
    offset: int
    """Characters before it."""

    @property
    def before(self) -> str:
        """The file's text up to the caret."""
        return self.file.text[: self.offset]

    @property
    def rest(self) -> str:
        """What follows on the caret's line, without the white space at its end."""
        end = self.file.text.find("\n", self.offset)
        return self.file.text[self.offset : None if end < 0 else end].rstrip()


def draw_carets(
    files: Sequence[SourceFile],
    count: int,
    seed: int,
    progress: Callable[[int, int], None],
    groups: tuple[tuple[CaretKind, ...], ...] = EACH_KIND,
) -> list[Caret]:
    """Draw `count` carets, as many of each group; fewer where the files do not have them. By file and offset.

    A caret's place in the draw is a hash of seed, path and offset: no random generator, so no version of one.
    `progress` is told how many files are done, and of how many.
    """
    drawn: list[list[Caret]] = [[] for _ in groups]
    for done, file in enumerate(files, start=1):
        carets = list(carets_of(file))
        for number, kinds in enumerate(groups):
            found = (caret for caret in carets if caret.kind in kinds)
            quota = count // len(groups) + (number < count % len(groups))
            # File by file, since a package has a caret for every other character.
            drawn[number] = heapq.nsmallest(quota, (*drawn[number], *found), key=lambda caret: _place(seed, caret))
        progress(done, len(files))
    return sorted(itertools.chain(*drawn), key=lambda caret: (caret.file.path, caret.offset))


def _place(seed: int, caret: Caret) -> bytes:
    return hashlib.sha256(f"{seed} {caret.file.path} {caret.offset}".encode()).digest()


def carets_of(file: SourceFile) -> Iterator[Caret]:
    """Yield every place for a caret but the very beginning of the file; none of a file that is no Python."""
    lines = file.text.split("\n")
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line) + 1)
    for token in _code_tokens(file.text):
        row, column = token.start
        for kind, place in _places(token, lines[row - 1]):
            caret = Caret(kind, file, starts[row - 1] + column + place)
            if caret.offset and caret.rest:
                yield caret


def _places(token: tokenize.TokenInfo, line: str) -> Iterator[tuple[CaretKind, int]]:
    """Yield the kinds of places at a token, and where they are from its beginning."""
    before = line[: token.start[1]]
    if not before:
        yield "line start", 0
    elif before.isspace():
        yield "indent", 0
    if token.type == tokenize.NAME:
        yield from (("word", place) for place in range(1, len(token.string)))
    elif token.type == tokenize.OP and token.string in _OPERATORS:
        yield _OPERATORS[token.string], 1


def _code_tokens(text: str) -> list[tokenize.TokenInfo]:
    """List the tokens that are code; an f-string is one token or many by Python's version, and here its first one."""
    found: list[tokenize.TokenInfo] = []
    depth = 0
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            name = tokenize.tok_name[token.type]
            if depth == 0 and token.type not in _NO_CODE and token.string:
                found.append(token)
            depth += name.endswith("STRING_START") - name.endswith("STRING_END")
    except (tokenize.TokenError, SyntaxError):
        return []
    return found
