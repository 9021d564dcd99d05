r"""Text as a rope: immutable, and read, searched and edited in logarithmic time; knows no documents.

A balanced binary tree (AVL) with pieces of the text as its leaves, split and joined as in "Just Join for Parallel
Ordered Sets" (arXiv 1602.02120). An edit makes some dozens of new nodes and shares all others with the rope before
it, so that an old version costs nothing to keep.

Only `\n`, `\r\n` and `\r` end a line. No `\r\n` and no surrogate pair lies in two leaves, so that what is counted in
the leaves can be added up: an edit takes in the whole leaves that hold the characters before and after it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice, pairwise
from typing import NamedTuple

from neocaret_server.units import Encoding, index_of, joined, units

LARGEST_LEAF = 1_024
"""Characters."""
NEW_LEAF = 768
"""A larger text is cut into leaves of about so many characters, with room for what is typed."""

LINE_END = re.compile(r"\r\n|\n|\r")


class Leaf(NamedTuple):
    """A piece of text."""

    text: str
    characters: int
    units: int
    """Of the client's encoding."""
    line_ends: int
    height: int = 0


class Branch(NamedTuple):
    """Two ropes, one after the other, whose heights differ by one at most."""

    left: Rope
    right: Rope
    characters: int
    units: int
    line_ends: int
    height: int


Rope = Leaf | Branch

_EMPTY = Leaf("", 0, 0, 0)


def rope_of(text: str, encoding: Encoding) -> Rope:
    """Make a rope of a text; two surrogates that are a pair become one character."""
    return _built(_leaves_of(joined(text), encoding)) or _EMPTY


def replaced(rope: Rope, start: int, end: int, text: str, encoding: Encoding) -> Rope:
    """Return the rope with a text in place of the characters from `start` to `end`."""
    if not rope.characters:
        return rope_of(text, encoding)
    begin, first = _leaf_before(rope, start)
    last_begin, last = _leaf_after(rope, end)
    text = joined(first.text[: start - begin] + text + last.text[end - last_begin :])
    if begin == last_begin and 0 < len(text) <= LARGEST_LEAF:
        return _with_leaf(rope, begin, _leaf(text, encoding))
    middle = _built(_leaves_of(text, encoding))
    left, _ = _split(rope, begin)
    _, right = _split(rope, last_begin + last.characters)
    return _concatenated(_concatenated(left, middle), right) or _EMPTY


def leaves(rope: Rope) -> Iterator[str]:
    """Yield the texts of the leaves in order."""
    waiting = [rope]
    while waiting:
        node = waiting.pop()
        while isinstance(node, Branch):
            waiting.append(node.right)
            node = node.left
        yield node.text


def between(rope: Rope, start: int, end: int) -> str:
    """Return the characters from `start` to `end`, as far as there are any."""
    parts: list[str] = []
    waiting = [(rope, 0)]
    while waiting:
        node, begin = waiting.pop()
        if begin >= end or begin + node.characters <= start:
            continue
        if isinstance(node, Branch):
            waiting.append((node.right, begin + node.left.characters))
            waiting.append((node.left, begin))
        else:
            parts.append(node.text[max(0, start - begin) : end - begin])
    return "".join(parts)


def line_start(rope: Rope, line: int, encoding: Encoding) -> tuple[int, int]:
    """Return how many characters and units stand before a line, which must exist; the first one is 0."""
    characters = before = 0
    if line == 0:
        return characters, before
    while isinstance(rope, Branch):
        if line <= rope.left.line_ends:
            rope = rope.left
        else:
            line -= rope.left.line_ends
            characters, before = characters + rope.left.characters, before + rope.left.units
            rope = rope.right
    end = next(islice(LINE_END.finditer(rope.text), line - 1, None)).end()
    return characters + end, before + units(rope.text[:end], encoding)


def line_stop(rope: Rope, line: int, encoding: Encoding) -> int:
    """Return how many characters stand before the end of a line, its line end not among them."""
    if line == rope.line_ends:
        return rope.characters
    next_line, _ = line_start(rope, line + 1, encoding)
    return next_line - (2 if between(rope, next_line - 2, next_line) == "\r\n" else 1)


def characters_before(rope: Rope, unit: int, encoding: Encoding) -> int:
    """Return how many whole characters stand before a unit; all of them where it is past the end."""
    characters = 0
    while isinstance(rope, Branch):
        if unit < rope.left.units:
            rope = rope.left
        else:
            unit -= rope.left.units
            characters += rope.left.characters
            rope = rope.right
    return characters + index_of(rope.text, unit, encoding)


def same_beginning(rope: Rope, other: Rope, length: int) -> bool:
    """Say whether the first characters of both are the same; quick where one is an edit of the other."""
    shared = _shared(rope, other)
    return between(rope, shared, length) == between(other, shared, length)


def _shared(rope: Rope, other: Rope) -> int:
    """Return how many characters at the beginning are the same because they are the same nodes."""
    if rope is other:
        return rope.characters
    if isinstance(rope, Leaf) or isinstance(other, Leaf):
        return 0
    if rope.left is not other.left:
        return _shared(rope.left, other.left)
    return rope.left.characters + _shared(rope.right, other.right)


def _leaves_of(text: str, encoding: Encoding) -> list[Leaf]:
    count = 1 if len(text) <= LARGEST_LEAF else -(-len(text) // NEW_LEAF)
    edges = [len(text) * number // count for number in range(1, count)]
    edges = [0, *(edge + (text[edge - 1 : edge + 1] == "\r\n") for edge in edges), len(text)]
    return [_leaf(text[start:end], encoding) for start, end in pairwise(edges) if start < end]


def _leaf(text: str, encoding: Encoding) -> Leaf:
    line_ends = text.count("\n") + text.count("\r") - text.count("\r\n")
    return Leaf(text, len(text), units(text, encoding), line_ends)


def _branch(left: Rope, right: Rope) -> Branch:
    return Branch(
        left,
        right,
        left.characters + right.characters,
        left.units + right.units,
        left.line_ends + right.line_ends,
        1 + max(left.height, right.height),
    )


def _built(parts: Sequence[Rope]) -> Rope | None:
    middle = len(parts) // 2
    if not middle:
        return parts[0] if parts else None
    return _concatenated(_built(parts[:middle]), _built(parts[middle:]))


def _concatenated(left: Rope | None, right: Rope | None) -> Rope | None:
    return _join(left, right) if left and right else left or right


def _join(left: Rope, right: Rope) -> Branch:
    if isinstance(left, Branch) and left.height > right.height + 1:
        return _balanced(left.left, _join(left.right, right))
    if isinstance(right, Branch) and right.height > left.height + 1:
        return _balanced(_join(left, right.left), right.right)
    return _branch(left, right)


def _balanced(left: Rope, right: Rope) -> Branch:
    """Join two ropes whose heights differ by two at most."""
    if isinstance(left, Branch) and left.height > right.height + 1:
        if isinstance(left.right, Branch) and left.right.height > left.left.height:
            return _branch(_branch(left.left, left.right.left), _branch(left.right.right, right))
        return _branch(left.left, _branch(left.right, right))
    if isinstance(right, Branch) and right.height > left.height + 1:
        if isinstance(right.left, Branch) and right.left.height > right.right.height:
            return _branch(_branch(left, right.left.left), _branch(right.left.right, right.right))
        return _branch(_branch(left, right.left), right.right)
    return _branch(left, right)


def _split(rope: Rope, characters: int) -> tuple[Rope | None, Rope | None]:
    """Split between two leaves."""
    if characters <= 0:
        return None, rope
    if isinstance(rope, Leaf) or characters >= rope.characters:
        return rope, None
    if characters <= rope.left.characters:
        first, second = _split(rope.left, characters)
        return first, _concatenated(second, rope.right)
    first, second = _split(rope.right, characters - rope.left.characters)
    return _concatenated(rope.left, first), second


def _with_leaf(rope: Rope, begin: int, leaf: Leaf) -> Rope:
    """Put a leaf in place of the one that begins there."""
    if isinstance(rope, Leaf):
        return leaf
    if begin < rope.left.characters:
        return _branch(_with_leaf(rope.left, begin, leaf), rope.right)
    return _branch(rope.left, _with_leaf(rope.right, begin - rope.left.characters, leaf))


def _leaf_before(rope: Rope, place: int) -> tuple[int, Leaf]:
    """Return the leaf that holds the character before a place, or the first one, and where it begins."""
    begin = 0
    while isinstance(rope, Branch):
        if place <= begin + rope.left.characters:
            rope = rope.left
        else:
            begin += rope.left.characters
            rope = rope.right
    return begin, rope


def _leaf_after(rope: Rope, place: int) -> tuple[int, Leaf]:
    """Return the leaf that holds the character after a place, or the last one, and where it begins."""
    begin = 0
    while isinstance(rope, Branch):
        if place < begin + rope.left.characters:
            rope = rope.left
        else:
            begin += rope.left.characters
            rope = rope.right
    return begin, rope
