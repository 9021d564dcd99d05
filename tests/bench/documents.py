"""What edits of a huge document take, beside pygls' own `TextDocument`: `pytest tests/bench/documents.py`.

With pytest-benchmark, as `micro.py`; each group is one question asked of both in the same run. The peer takes seconds
for what it is slow at, so that each of its rounds is a single call. It is no part of an ordinary test run.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any

import pytest
from lsprotocol import types
from pygls.workspace import TextDocument

from neocaret_server.documents import Document, Edit, Position

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("pytest_benchmark") is None, reason="pytest-benchmark is not installed"
)

Benchmark = Any
"""The fixture: calls a function many times, and returns what it returns."""
Apply = Callable[[], str]
"""Applies all edits of a notification, and returns what stands before the last of them."""

URI = "file:///x.py"
LINE = "    value = compute(other, 1234)\n"
TEXTS = {"5 MB": LINE * 150_000, "a line of 1 MB": "x = '" + "é" * 1_000_000 + "'\n"}


def places(text: str, count: int) -> list[tuple[int, int]]:
    """So many places, far apart where there are lines, and near the end of a line that is alone."""
    lines = text.count("\n")
    return [(place * 7919 % lines, 10) for place in range(count)] if lines > 1 else [(0, 900_000)] * count


def ours(text: str, where: list[tuple[int, int]]) -> Apply:
    document = Document.of(URI, "python", 1, text)
    edits = [Edit("y", Position(*place), Position(*place)) for place in where]

    def apply() -> str:
        edited = document.edited(edits, 2)
        return edited.before(edited.place(Position(*where[-1])), 80)

    return apply


def pygls(text: str, where: list[tuple[int, int]]) -> Apply:
    document = TextDocument(URI, text, version=1, position_codec=None)
    edits = [
        types.TextDocumentContentChangePartial(types.Range(types.Position(*place), types.Position(*place)), "y")
        for place in where
    ]

    def apply() -> str:
        for edit in edits:
            document.apply_change(edit)
        line, character = where[-1]
        return document.lines[line][max(0, character - 80) : character]

    return apply


@pytest.mark.parametrize("document", [ours, pygls])
@pytest.mark.parametrize("edits", [1, 1000])
@pytest.mark.parametrize("text", TEXTS)
def test_a_notification_is_applied(
    benchmark: Benchmark, text: str, edits: int, document: Callable[[str, list[tuple[int, int]]], Apply]
) -> None:
    benchmark.group = f"{text}, edits: {edits}"
    if document is pygls and edits > 1 and text == "a line of 1 MB":
        pytest.skip("takes minutes")
    apply = document(TEXTS[text], places(TEXTS[text], edits))
    slow = document is pygls and edits > 1
    assert benchmark.pedantic(apply, rounds=1 if slow else 20, warmup_rounds=0 if slow else 1)
