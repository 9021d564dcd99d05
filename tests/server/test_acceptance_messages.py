"""What clients tell of suggestions, as the bytes that they send: shown, accepted in part, accepted."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest
from in_process import Written, load
from lsprotocol import types

from neocaret_server.app import build_server
from neocaret_server.fake_backend import FakeBackend
from neocaret_server.features import completion
from neocaret_server.server import NeocaretServer
from neocaret_server.settings import Settings

URI = "file:///w/x.py"
SHOWN, PARTLY = "textDocument/didShowCompletion", "textDocument/didPartiallyAcceptCompletion"


@pytest.fixture
def written() -> Written:
    return Written()


@pytest.fixture
async def server(written: Written) -> AsyncIterator[NeocaretServer]:
    made = build_server(FakeBackend(script={"x = ": ["compute(first)"]}))
    made.protocol.set_writer(written)
    receive(made, id=0, method="initialize", params={"capabilities": {}})
    await load(made)
    opened = {"uri": URI, "languageId": "python", "version": 1, "text": "x = "}
    receive(made, method="textDocument/didOpen", params={"textDocument": opened})
    yield made
    made.model.close(5)


def receive(server: NeocaretServer, **message: Any) -> None:
    server.protocol.receive(json.dumps({"jsonrpc": "2.0", **message}).encode())


async def offered(server: NeocaretServer) -> str:
    """Have something offered; return its id."""
    server.settings = Settings(deadline_ms=0)
    params = types.CompletionParams(types.TextDocumentIdentifier(URI), types.Position(0, 4))
    (item, *_) = (await completion.handle(server, params)).items
    assert isinstance(item.data, dict)
    return str(item.data["completionId"])


def items(completion_id: str) -> list[dict[str, Any]]:
    """Return an item as GitHub Copilot's clients send it back, and as ours was."""
    command = {"title": "Accepted", "command": "neocaret.accepted"}
    return [
        {"insertText": "x", "command": {**command, "arguments": [completion_id]}},
        {"insertText": "x", "command": {**command, "arguments": [{"completionId": completion_id}]}},
        {"label": "x", "data": {"completionId": completion_id}},
        {"label": "x", "data": completion_id, "command": None},
    ]


@pytest.mark.parametrize("form", range(4))
async def test_each_form_of_an_item_is_counted(server: NeocaretServer, form: int) -> None:
    item = items(await offered(server))[form]
    receive(server, method=SHOWN, params={"item": item})
    receive(server, method=SHOWN, params={"item": item})
    counts = server.statistics.today()
    assert (counts["offered"], counts["shown"], counts["accepted"]) == (1, 1, 0)
    receive(server, method=PARTLY, params={"item": item, "acceptedLength": len("compute")})
    counts = server.statistics.today()
    assert (counts["accepted"], counts["shownAccepted"], counts["characters"]) == (1, 1, len("compute") - 1)


@pytest.mark.parametrize(
    "params",
    [None, 5, [], {}, {"item": None}, {"item": {"command": 5}}, {"item": {"command": {"arguments": {}}}}]
    + [{"item": {"data": "9:9"}, "acceptedLength": length} for length in (None, True, -1, 1.5, 2**70, "1")],
)
async def test_what_names_no_item_is_passed_over(
    server: NeocaretServer, written: Written, params: Any, caplog: pytest.LogCaptureFixture
) -> None:
    await offered(server)
    before = len(written.bodies)
    with caplog.at_level(logging.WARNING):
        for method in (SHOWN, PARTLY):
            receive(server, method=method, params=params)
            receive(server, method=method)
    assert (caplog.messages, len(written.bodies)) == ([], before)
    assert server.statistics.today()["shown"] == 0


async def test_whoever_asks_for_an_answer_to_them_gets_one(server: NeocaretServer, written: Written) -> None:
    for number, method in enumerate((SHOWN, PARTLY), 1):
        receive(server, id=number, method=method, params={"item": {}})
    assert [body["id"] for body in written.bodies if body.get("id") in {1, 2}] == [1, 2]
