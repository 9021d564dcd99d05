"""The most similar earlier line of a text, and how it went on: a baseline for models, and what fills their lists.

The similarity of two places is the number of characters before them that agree, going back from each, lines above
included. The caret is aligned with the most similar place in an earlier line; of equally similar ones, with the last.
"""

from __future__ import annotations

from collections.abc import Iterator

MOST_CHARACTERS = 200
"""Of agreement: places that agree in more are equally similar."""


def similar_lines(before: str, count: int) -> list[str]:
    """Return how at most `count` earlier lines went on, the most similar first, each text once and none blank."""
    found: dict[str, None] = {}
    for rest in _rests(before):
        if rest.strip():
            found[rest.rstrip()] = None
        if len(found) == count:
            break
    return list(found)


def _rests(before: str) -> Iterator[str]:
    """Yield the rests of the lines at all places that agree with the end of `before`, the most similar first."""
    # One character short, so that a caret at a line's start is not found to be similar to itself.
    last = max(0, before.rfind("\n"))
    for length in range(_longest_agreement(before, last), 0, -1):
        agreement = before[-length:]
        place = before.rfind(agreement, 0, last)
        while place >= 0:
            begin = place + length
            yield before[begin : before.index("\n", begin)]
            place = before.rfind(agreement, 0, begin - 1)


def _longest_agreement(before: str, last: int) -> int:
    """The length of the longest end of `before` that stands before `last` too; a part of one stands there as well."""
    low, high = 0, min(MOST_CHARACTERS, len(before))
    while low < high:
        middle = (low + high + 1) // 2
        if before.rfind(before[-middle:], 0, last) >= 0:
            low = middle
        else:
            high = middle - 1
    return low
