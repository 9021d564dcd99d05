"""Once a document is closed, nothing that the server holds has a line of it."""

from __future__ import annotations

import asyncio
import gc
import json
import types as python_types
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from in_process import Written, load
from lsprotocol import types

from neocaret_server.app import build_server
from neocaret_server.fake_backend import FakeBackend
from neocaret_server.features import completion, inline_completion
from neocaret_server.server import NeocaretServer

URI, OPEN = "file:///w/closed.py", "file:///w/open.py"
TEXT = "private_name = 1\nprivate_other = "
SUGGESTED = "private_suggestion(1)"


@pytest.fixture
async def server() -> AsyncIterator[NeocaretServer]:
    made = build_server(FakeBackend(script={"private_other = ": [SUGGESTED]}))
    made.protocol.set_writer(Written())
    receive(made, "initialize", {"capabilities": {}, "initializationOptions": {"deadlineMs": 0}}, id=0)
    await load(made)
    yield made
    made.model.close(5)


def receive(server: NeocaretServer, method: str, params: Any, **more: Any) -> None:
    server.protocol.receive(json.dumps({"jsonrpc": "2.0", "method": method, "params": params, **more}).encode())


def opened(uri: str, text: str) -> dict[str, Any]:
    return {"textDocument": {"uri": uri, "languageId": "python", "version": 1, "text": text}}


def texts_within(root: object) -> Iterator[str]:
    """Yield all texts that can be reached from an object."""
    seen, left = {id(root)}, [root]
    while left:
        for each in gc.get_referents(left.pop()):
            if isinstance(each, str):
                yield each
            elif id(each) not in seen and not isinstance(each, type | python_types.ModuleType | FakeBackend):
                seen.add(id(each))
                # What a function can reach beside its cells is its module.
                left += [each] if not isinstance(each, python_types.FunctionType) else [each.__closure__ or ()]


def private(server: NeocaretServer) -> list[str]:
    return [text for text in texts_within(server) if "private" in text]


async def test_nothing_of_a_closed_document_is_left(server: NeocaretServer) -> None:
    receive(server, "textDocument/didOpen", opened(URI, TEXT))
    receive(server, "textDocument/didOpen", opened(OPEN, "public = 1\n"))
    where = types.TextDocumentIdentifier(URI), types.Position(1, 16)
    # The model is asked, what it made is offered, and what would follow is being made.
    assert (await completion.handle(server, types.CompletionParams(*where))).items
    by_typing = types.InlineCompletionContext(types.InlineCompletionTriggerKind.Automatic)
    ghost = await inline_completion.handle(server, types.InlineCompletionParams(by_typing, *where))
    assert ghost is not None
    insert = {"start": {"line": 1, "character": 16}, "end": {"line": 1, "character": 16}}
    change = {"textDocument": {"uri": URI, "version": 2}, "contentChanges": [{"range": insert, "text": SUGGESTED}]}
    receive(server, "textDocument/didChange", change)
    await asyncio.sleep(0.4)
    assert server.survival._followed
    assert private(server)
    receive(server, "textDocument/didClose", {"textDocument": {"uri": URI}})
    await asyncio.sleep(0.05)
    gc.collect()
    assert private(server) == []
    assert server.documents.get(OPEN) is not None
