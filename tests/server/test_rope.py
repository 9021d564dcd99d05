"""The rope's own laws: balance, sums, cuts, and how much of it an edit makes anew."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neocaret_server import rope as ropes
from neocaret_server.rope import LARGEST_LEAF, Branch, Leaf, Rope, leaves, replaced, rope_of, same_beginning
from neocaret_server.units import units

TEXTS = st.lists(st.sampled_from(["a", "\n", "\r", "\r\n", "😀", "é"]), max_size=40).map("".join)
CUTS = st.tuples(st.integers(0, 60), st.integers(0, 60), TEXTS)


def nodes(rope: Rope) -> Iterator[Rope]:
    yield rope
    if isinstance(rope, Branch):
        yield from nodes(rope.left)
        yield from nodes(rope.right)


def assert_sound(rope: Rope) -> None:
    for node in nodes(rope):
        text = "".join(leaves(node))
        assert node.characters == len(text)
        assert node.units == units(text, "utf-16")
        assert node.line_ends == text.count("\n") + text.count("\r") - text.count("\r\n")
        if isinstance(node, Branch):
            assert abs(node.left.height - node.right.height) <= 1
            assert node.height == 1 + max(node.left.height, node.right.height)
    texts = list(leaves(rope))
    assert all(texts) or texts == [""]
    assert not any(one.endswith("\r") and two.startswith("\n") for one, two in pairwise(texts))


@given(TEXTS, st.lists(CUTS, max_size=12))
def test_a_rope_is_sound_after_every_edit(text: str, cuts: list[tuple[int, int, str]]) -> None:
    with patch.object(ropes, "LARGEST_LEAF", 3), patch.object(ropes, "NEW_LEAF", 2):
        rope = rope_of(text, "utf-16")
        for one, two, new in cuts:
            start, end = sorted((min(one, len(text)), min(two, len(text))))
            rope = replaced(rope, start, end, new, "utf-16")
            text = text[:start] + new + text[end:]
            assert "".join(leaves(rope)) == text
            assert_sound(rope)


@pytest.mark.parametrize("text", ["x = compute(1)\n" * 340_000, "x" * 1_000_000, "😀" * 300_000])
@pytest.mark.parametrize("new", ["y", "y\n", "y" * 3 * LARGEST_LEAF, ""])
def test_an_edit_of_a_huge_text_makes_few_nodes(text: str, new: str) -> None:
    rope = rope_of(text, "utf-16")
    before = {id(node) for node in nodes(rope)}
    for place in (0, 7, len(text) // 2, len(text) - 1):
        edited = replaced(rope, place, place + 1, new, "utf-16")
        made = [node for node in nodes(edited) if id(node) not in before]
        assert len(made) < 8 * rope.height
        assert edited.characters == rope.characters - 1 + len(new)


def test_typing_does_not_leave_a_leaf_for_each_key() -> None:
    rope = rope_of("a" * 10_000, "utf-16")
    for key in range(5_000):
        rope = replaced(rope, 5_000 + key, 5_000 + key, "b", "utf-16")
    count = sum(isinstance(node, Leaf) for node in nodes(rope))
    assert count < 3 * 15_000 / LARGEST_LEAF
    assert rope.height <= 1.45 * math.log2(count) + 2


def test_what_two_versions_share_is_not_read_to_compare_them(monkeypatch: pytest.MonkeyPatch) -> None:
    old = rope_of("x = 1\n" * 100_000, "utf-16")
    new = replaced(old, 500_000, 500_000, "y", "utf-16")
    lengths: list[int] = []

    def watched(rope: Rope, start: int, end: int) -> str:
        lengths.append(end - start)
        return between(rope, start, end)

    between = ropes.between
    monkeypatch.setattr(ropes, "between", watched)
    assert same_beginning(old, new, 500_000)
    assert not same_beginning(old, new, 500_001)
    assert max(lengths) <= LARGEST_LEAF
