"""More than anybody asks: large documents, long lines, many changes during one generation, a pipe that is not read.

`tests/e2e/test_wire.py` has 200 requests at once over 20 documents, and clients that read late, for a second and, with
`-m slow`, for ten, or never.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from raw_client import AUTOMATIC, EXPLICIT, RawClient, Start, at

COMPLETION = "textDocument/completion"
REAL = (sys.executable, "-P", "-m", "neocaret_server")
URI = "file:///large.py"
CHANGES = 1000
SECONDS = 3


def edit(line: int, character: int, text: str) -> dict[str, Any]:
    place = {"line": line, "character": character}
    return {"range": {"start": place, "end": place}, "text": text}


def change(client: RawClient, version: int, *changes: dict[str, Any]) -> None:
    document = {"uri": URI, "version": version}
    client.notify("textDocument/didChange", {"textDocument": document, "contentChanges": list(changes)})


@pytest.fixture(scope="module")
def texts() -> dict[str, str]:
    source = "".join(sorted(path.read_text() for path in Path(__file__).parent.glob("*.py")))
    long_line = "data = [" + "1234567, " * 115_000
    return {
        "5 MB": source * (5_000_000 // len(source) + 1),
        "a line of 1 MB": f"import json\n{long_line}",
        "a million lines": "\n" * 1_000_000,
        "5 MB without Latin letters": "名前 = 'é🎉'\n" * 400_000,
    }


@pytest.mark.parametrize("name", ["5 MB", "a line of 1 MB", "a million lines", "5 MB without Latin letters"])
def test_a_large_document_is_typed_into_and_completed(start: Start, texts: dict[str, str], name: str) -> None:
    client = start(command=REAL)
    client.initialize(initializationOptions={"largestFile": 0, "maxNewTokens": 4, "candidates": 1})
    text = texts[name]
    client.open(text, URI)
    lines = text.split("\n")
    line, end = len(lines) - 1, len(lines[-1].encode("utf-16-le")) // 2
    typed = "x = "
    slowest = 0.0
    for version, letter in enumerate(typed, 2):
        change(client, version, edit(line, end + version - 2, letter))
        began = time.monotonic()
        answer = client.ask(COMPLETION, at(line, end + version - 1, URI, **AUTOMATIC))
        slowest = max(slowest, time.monotonic() - began)
        assert "result" in answer
    answer = client.answer(client.request(COMPLETION, at(line, end + len(typed), URI, **EXPLICIT)), 60)
    assert "result" in answer
    began = time.monotonic()
    assert client.command("neocaret.status")["result"]["state"] == "ready"
    assert time.monotonic() - began < 2
    assert slowest < SECONDS


def test_a_document_may_change_a_thousand_times_during_one_generation(start: Start) -> None:
    client = start(otherwise=["a b c d e f g h"], token_seconds=0.25)
    client.initialize(initializationOptions={"deadlineMs": 0})
    client.open("x = ", URI)
    under_way = client.request(
        "workspace/executeCommand", {"command": "neocaret.generate", "arguments": [{"prompt": "y", "candidates": 1}]}
    )
    asked = []
    for version in range(2, CHANGES + 2):
        change(client, version, edit(0, version + 2, "y"))
        asked.append(client.request(COMPLETION, at(0, version + 3, URI, **AUTOMATIC)))
    for each in (*asked, under_way):
        client.answer(each, 60)
    client.ask("shutdown", None)
    client.notify("exit", None)
    assert client.end() == 0
    client.join()
    answered = Counter(each["id"] for each in client.received if "method" not in each)
    assert {answered[each] for each in (*asked, under_way)} == {1}
