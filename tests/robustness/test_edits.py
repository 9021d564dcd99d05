"""After random edits at random places, over a real pipe and in each encoding, the server's document is the client's."""

from __future__ import annotations

import json
import random
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from raw_client import EXPLICIT, RawClient, Start, at

RECORDING = Path(__file__).with_name("recording_server.py")
URI = "file:///edited.py"
EDITS, AT_ONCE = 400, 8
LONGEST = 2000
PIECES = [
    "x",
    "name = ",
    "\n",
    "\r\n",
    "\r",
    "    ",
    "é",
    "漢字",
    "🎉",
    "\u2028",
    "\x0c",
    "\x85",
    "\0",
    "e\u0301",
    "\t",
]
UNITS = {"utf-8": 1, "utf-16": 2, "utf-32": 4}


def place(text: str, index: int, encoding: str) -> dict[str, int]:
    """Where an index of a text is, as the protocol says it."""
    ends = [end.end() for end in re.finditer(r"\r\n|\n|\r", text) if end.end() <= index]
    begin = ends[-1] if ends else 0
    character = len(text[begin:index].encode(encoding if encoding == "utf-8" else f"{encoding}-le")) // UNITS[encoding]
    return {"line": len(ends), "character": character}


def within_a_line_end(text: str, index: int) -> bool:
    return text[index - 1 : index + 1] == "\r\n"


def edited(chance: random.Random, text: str, encoding: str) -> tuple[str, dict[str, Any]]:
    """A text after a random edit, and the edit."""
    first, last = sorted(chance.randint(0, len(text)) for _ in range(2))
    last = last if len(text) > LONGEST else min(last, first + chance.randint(0, 5))
    first, last = (each + within_a_line_end(text, each) for each in (first, last))
    new = "".join(chance.choices(PIECES, k=chance.randint(0, 12)))
    change = {"range": {"start": place(text, first, encoding), "end": place(text, last, encoding)}, "text": new}
    return text[:first] + new + text[last:], change


def seen_by_the_model(client: RawClient, record: Path, text: str, encoding: str) -> str:
    end = place(text, len(text), encoding)
    client.ask("textDocument/completion", at(end["line"], end["character"], URI, **EXPLICIT))
    prompt: str = json.loads(record.read_text().splitlines()[-1])[0]
    return prompt


@pytest.mark.parametrize("encoding", UNITS)
def test_the_document_is_the_clients_after_random_edits(start: Start, tmp_path: Path, encoding: str) -> None:
    chance = random.Random(1)  # noqa: S311 - edits, no secret
    record = tmp_path / "prompts"
    client = start(command=(sys.executable, str(RECORDING), str(record)))
    client.initialize(capabilities={"general": {"positionEncodings": [encoding]}})
    text = "".join(chance.choices(PIECES, k=300))
    client.open(text, URI)
    for version in range(2, 2 + EDITS // AT_ONCE):
        changes = []
        for _ in range(AT_ONCE):
            text, change = edited(chance, text, encoding)
            changes.append(change)
        client.notify(
            "textDocument/didChange", {"textDocument": {"uri": URI, "version": version}, "contentChanges": changes}
        )
        # What a model has learned from knows line feeds only.
        lines = text.replace("\r\n", "\n").replace("\r", "\n")
        assert seen_by_the_model(client, record, text, encoding) == lines
