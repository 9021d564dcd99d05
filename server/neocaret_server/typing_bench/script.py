"""What is typed, where, and when: passages of real files, cut out of them and written again; pure.

Each file stands open without some of its passages, and its user jumps to where they were and types them, one of them
in two visits with another in between. Files are visited by twos, in turn. A short file is written from nothing.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest

from neocaret_server.typing_bench.keys import Key, keys_of

_PASSAGE = (3, 10)
"""The fewest and the most lines of one."""
_SHORT = 24
"""A file of fewer lines is written whole."""
_BLANK_LINE = re.compile(r"^[ \t]+$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class OpenFile:
    """A file as it is before anything is typed."""

    path: str
    text: str
    places: tuple[int, ...]
    """Where its passages belong, in the order of the file."""


@dataclass(frozen=True, slots=True)
class Visit:
    """A part of a passage, typed in one go."""

    file: int
    place: int
    """Number of the passage; a later visit to it goes on where the earlier one ended."""
    text: str
    keys: tuple[Key, ...]
    closes: bool
    """It is the last one to this file."""

    @property
    def seconds(self) -> float:
        """How long it takes who accepts nothing."""
        return sum(key.pause for key in self.keys)


@dataclass(frozen=True, slots=True)
class Script:
    """All that is typed."""

    files: tuple[OpenFile, ...]
    visits: tuple[Visit, ...]

    @property
    def seconds(self) -> float:
        """How long it takes who accepts nothing."""
        return sum(visit.seconds for visit in self.visits)

    @property
    def characters(self) -> int:
        """Of the text that comes to be."""
        return sum(len(visit.text) for visit in self.visits)


def make_script(sources: Sequence[tuple[str, str]], seconds: float, seed: int, speed: float = 1.0) -> Script:
    """Choose from files, each a path and a text with line feeds, what takes at least `seconds` to type.

    `sources` must hold at least one line that is not blank. The same arguments give the same script.
    """
    source = random.Random(seed)  # noqa: S311 - typing is no secret
    files: list[OpenFile] = []
    visits: list[Visit] = []
    taken = 0.0
    pairs = _pairs(sources, source)
    while taken < seconds:
        for visit in _pair_visits(next(pairs), files, source, speed):
            if taken >= seconds:
                break
            visits.append(_cut(visit, seconds - taken))
            taken += visits[-1].seconds
    return Script(tuple(files), tuple(visits))


def _pair_visits(
    pair: Sequence[tuple[str, str]], files: list[OpenFile], source: random.Random, speed: float
) -> Iterator[Visit]:
    """Add the files to those that there are, and yield the visits to them in turn."""
    plans = []
    for path, text in pair:
        file, parts = _plan(path, text, source)
        plans.append([(len(files), *part, number == len(parts)) for number, part in enumerate(parts, 1)])
        files.append(file)
    for steps in zip_longest(*plans):
        for step in steps:
            if step is not None:
                number, place, text, before, last = step
                yield Visit(number, place, text, keys_of(text, before, source, speed), closes=last)


def _cut(visit: Visit, seconds: float) -> Visit:
    """End a visit where the time is over, and what has been typed is right."""
    gone = 0.0
    for number, key in enumerate(visit.keys, 1):
        gone += key.pause
        if gone >= seconds and key.done is not None:
            return replace(visit, text=visit.text[: key.done], keys=visit.keys[:number])
    return visit


_Part = tuple[int, str, str]
"""Number of the passage, text, and what stands before it on its line."""


def _pairs(sources: Sequence[tuple[str, str]], source: random.Random) -> Iterator[list[tuple[str, str]]]:
    usable = [(path, _BLANK_LINE.sub("", text).strip("\n")) for path, text in sources]
    usable = [each for each in usable if each[1]]
    if not usable:
        raise ValueError("there is nothing to type")
    while True:
        source.shuffle(usable)
        for start in range(0, len(usable), 2):
            yield usable[start : start + 2]


def _plan(path: str, text: str, source: random.Random) -> tuple[OpenFile, list[_Part]]:
    lines = text.split("\n")
    if len(lines) < _SHORT:
        return OpenFile(path, "", (0,)), [(0, text, "")]
    (first, first_end), (second, second_end) = _ranges(len(lines), source)
    kept = lines[:first], lines[first_end:second], lines[second_end:]
    begin = len("\n".join(kept[0]))
    places = (begin, begin + 1 + len("\n".join(kept[1])))
    early, late = (
        "\n" + "\n".join(lines[start:end]).rstrip() for start, end in ((first, first_end), (second, second_end))
    )
    half = early.find("\n", len(early) // 2)
    parts = [(0, early, kept[0][-1])]
    if half > 0:
        parts = [(0, early[:half], kept[0][-1]), (0, early[half:], early[:half].rpartition("\n")[2])]
    parts.insert(1, (1, late, kept[1][-1]))
    return OpenFile(path, "\n".join([*kept[0], *kept[1], *kept[2]]), places), parts


def _ranges(lines: int, source: random.Random) -> tuple[tuple[int, int], tuple[int, int]]:
    """Choose two ranges of lines, with a line before each that stays."""
    middle = lines // 2
    return _range(1, middle, source), _range(middle + 1, lines, source)


def _range(start: int, end: int, source: random.Random) -> tuple[int, int]:
    length = min(source.randint(*_PASSAGE), end - start)
    first = source.randint(start, end - length)
    return first, first + length
