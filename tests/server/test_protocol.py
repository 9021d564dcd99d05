"""The message layer without a process: raw messages in, what is sent out."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lsprotocol import types

from neocaret_server.app import build_server
from neocaret_server.fake_backend import FakeBackend
from neocaret_server.protocol import Protocol, largest_that_fits


class Sent:
    """A writer that keeps what is written."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []

    def write(self, data: bytes) -> None:
        self.messages.append(json.loads(data.split(b"\r\n\r\n", 1)[1]))

    def close(self) -> None:
        return

    async def arrived(self, count: int) -> None:
        while len(self.messages) < count:  # noqa: ASYNC110 - the writer is not async
            await asyncio.sleep(0)


def started(initialize: bool = True) -> tuple[Protocol, Sent]:
    protocol = build_server(FakeBackend()).protocol
    sent = Sent()
    protocol.set_writer(sent)
    if initialize:
        send(protocol, id=0, method="initialize", params={"capabilities": {}})
        sent.messages.clear()
    return protocol, sent


def send(protocol: Protocol, **message: Any) -> None:
    protocol.receive(json.dumps({"jsonrpc": "2.0", **message}).encode())


def codes(sent: Sent) -> list[tuple[Any, int | None]]:
    return [(message["id"], message.get("error", {}).get("code")) for message in sent.messages]


def test_what_is_not_json_is_answered_without_an_id() -> None:
    protocol, sent = started()
    for body in (b"", b"{", b"\xff\xfe", b"[" * 100_000, b'{"jsonrpc": "2.0", "id": 1, "method": "x", "params": NaN}'):
        protocol.receive(body)
    assert codes(sent) == [(None, -32700)] * 5


@pytest.mark.parametrize(
    ("message", "msg_id"),
    [
        ([], None),
        ("x", None),
        (5, None),
        ({"id": 3, "method": "shutdown"}, 3),
        ({"jsonrpc": "1.0", "id": "a", "method": "shutdown"}, "a"),
        ({"jsonrpc": "2.0", "id": 4, "method": 5}, 4),
        ({"jsonrpc": "2.0", "id": 5, "params": {}}, 5),
        ({"jsonrpc": "2.0", "id": None, "method": "shutdown"}, None),
        ({"jsonrpc": "2.0", "id": [1], "method": "shutdown"}, None),
        ({"jsonrpc": "2.0", "id": True, "method": "shutdown"}, None),
        ({"jsonrpc": "2.0", "id": 1.5, "method": "shutdown"}, None),
    ],
)
def test_what_is_no_request_is_refused(message: Any, msg_id: Any) -> None:
    protocol, sent = started()
    protocol.receive(json.dumps(message).encode())
    assert codes(sent) == [(msg_id, -32600)]


def test_requests_before_initialize_are_refused_and_notifications_dropped() -> None:
    protocol, sent = started(initialize=False)
    send(protocol, id=1, method="shutdown")
    send(protocol, id=2, method="textDocument/completion", params={"wrong": 1})
    send(protocol, method="textDocument/didOpen", params={})
    assert codes(sent) == [(1, -32002), (2, -32002)]


def test_a_second_initialize_is_refused() -> None:
    protocol, sent = started()
    send(protocol, id=1, method="initialize", params={"capabilities": {}})
    assert codes(sent) == [(1, -32600)]


def test_a_refused_initialize_can_be_repeated() -> None:
    protocol, sent = started(initialize=False)
    send(protocol, id=1, method="initialize", params={"capabilities": {}, "processId": "x"})
    send(protocol, id=2, method="initialize", params={"capabilities": {}})
    assert codes(sent) == [(1, -32602), (2, None)]


@pytest.mark.parametrize("root", ["rootUri", "rootPath"])
@pytest.mark.parametrize("where", ["file://[", "http://[x/y", "//", "//host", "/a\ud800"])
def test_a_root_that_is_none_does_not_cost_the_rest(root: str, where: str) -> None:
    protocol, sent = started(initialize=False)
    send(protocol, id=1, method="initialize", params={"capabilities": {}, root: where})
    assert codes(sent) == [(1, None)]


def test_the_root_is_known_by_its_uri_and_by_its_path() -> None:
    for params in ({"rootUri": "file:///a"}, {"rootPath": "/a"}, {"rootUri": "file:///a", "rootPath": "/b"}):
        protocol, _ = started(initialize=False)
        send(protocol, id=1, method="initialize", params={"capabilities": {}, **params})
        assert protocol.workspace.root_uri == "file:///a"


def initialize_that_was_answered(protocol: Protocol, **params: Any) -> list[int]:
    """Let the protocol handle it; return the exit codes that it asked for."""
    told: list[int] = []
    protocol.on_exit = told.append
    message = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"capabilities": {}, **params}}
    protocol.receive_answered(json.dumps(message).encode())
    return told


def test_an_initialize_that_was_answered_is_obeyed_and_not_answered_again() -> None:
    protocol, sent = started(initialize=False)
    assert initialize_that_was_answered(protocol, initializationOptions={"candidates": "x"}) == []
    assert [message.get("method") for message in sent.messages] == ["window/showMessage"]
    sent.messages.clear()
    send(protocol, id=1, method="initialize", params={"capabilities": {}})
    send(protocol, id=2, method="shutdown")
    assert codes(sent) == [(1, -32600), (2, None)]


def test_an_initialize_that_was_answered_and_cannot_be_obeyed_ends_the_process(
    caplog: pytest.LogCaptureFixture,
) -> None:
    protocol, sent = started(initialize=False)
    assert initialize_that_was_answered(protocol, processId="x") == [1]
    assert sent.messages == []
    assert "could not be obeyed" in caplog.text


def test_after_shutdown_requests_are_refused() -> None:
    protocol, sent = started()
    send(protocol, id=1, method="shutdown")
    send(protocol, id=2, method="shutdown")
    send(protocol, id=3, method="no/such/thing")
    assert codes(sent) == [(1, None), (2, -32600), (3, -32600)]
    assert sent.messages[0]["result"] is None


async def test_shutdown_answers_what_waits_and_begins_nothing_new() -> None:
    server = build_server(FakeBackend())
    sent = Sent()
    server.protocol.set_writer(sent)
    capabilities = {"workspace": {"configuration": True}}
    send(server.protocol, id=1, method="initialize", params={"capabilities": capabilities})
    send(server.protocol, method="initialized", params={})
    command = {"command": "neocaret.status", "arguments": [{}]}
    send(server.protocol, id=2, method="workspace/executeCommand", params=command)
    send(server.protocol, id=3, method="shutdown")
    await sent.arrived(3)
    assert codes(sent) == [(1, None), (3, None), (2, -32800)]
    await asyncio.sleep(0.01)
    assert server.model.state == "starting"
    assert server.protocol._request_futures == {}


async def test_what_is_done_leaves_nothing_behind() -> None:
    protocol, sent = started()
    send(protocol, method="workspace/didChangeConfiguration", params={"settings": None})
    send(protocol, id=1, method="workspace/executeCommand", params={"command": "neocaret.status"})
    await sent.arrived(1)
    assert protocol._request_futures == {}
    assert protocol._result_types == {}


def test_unknown_methods_are_refused_and_unknown_notifications_ignored() -> None:
    protocol, sent = started()
    send(protocol, id=1, method="textDocument/hover", params={"type_name": 1})
    send(protocol, id=2, method="$/nonsense")
    send(protocol, id=3, method="exit")
    send(protocol, method="$/nonsense", params={"type_name": "x y", "1": 2})
    send(protocol, method="textDocument/didSave", params=7)
    assert codes(sent) == [(1, -32601), (2, -32601), (3, -32601)]


def test_a_notification_that_asks_for_an_answer_is_refused_and_does_nothing() -> None:
    server = build_server(FakeBackend())
    sent = Sent()
    server.protocol.set_writer(sent)
    send(server.protocol, id=0, method="initialize", params={"capabilities": {}})
    sent.messages.clear()
    send(server.protocol, id=1, method="textDocument/didOpen", params=OPEN)
    send(server.protocol, id=2, method="initialized", params={})
    send(server.protocol, id=3, method="$/cancelRequest", params={"id": 1})
    send(server.protocol, id=4, method="$/setTrace", params={"value": "off"})
    assert codes(sent) == [(1, -32601), (2, -32601), (3, -32601), (4, -32601)]
    assert server.documents.get("file:///x.py") is None


def test_a_request_that_asks_for_no_answer_is_ignored() -> None:
    protocol, sent = started()
    send(protocol, method="shutdown")
    send(protocol, method="initialize", params={"capabilities": {}})
    send(protocol, id=1, method="shutdown")
    assert codes(sent) == [(1, None)]


@pytest.mark.parametrize(
    "params",
    [
        None,
        5,
        [],
        {},
        {"textDocument": {"uri": "x"}},
        {"textDocument": {"uri": "x"}, "position": {"line": "a", "character": 0}},
        {"textDocument": {"uri": "x"}, "position": {"line": -1, "character": 0}},
        {"textDocument": {"uri": "x"}, "position": {"line": 2**40, "character": 0}},
        {"textDocument": None, "position": {"line": 0, "character": 0}},
        {"textDocument": {"uri": None}, "position": {"line": 0, "character": 0}},
        {"textDocument": {"uri": "x"}, "position": {"line": "0", "character": 0}},
        {"textDocument": {"uri": "x"}, "position": {"line": True, "character": 0}},
        {"textDocument": {"uri": "x"}, "position": {"line": 0.5, "character": 0}},
        {"textDocument": {"uri": "x"}, "position": {"line": 0, "character": 0}, "workDoneToken": [1]},
        {"textDocument": {"uri": "x"}, "position": {"line": 0, "character": 0}, "context": {"triggerKind": 9}},
    ],
)
def test_invalid_params_are_answered(params: Any) -> None:
    protocol, sent = started()
    send(protocol, id=1, method="textDocument/completion", params=params)
    send(protocol, method="textDocument/didChange", params=params)
    assert codes(sent) == [(1, -32602)]
    assert sent.messages[0]["error"]["message"].startswith("textDocument/completion: ")


def test_what_is_wrong_is_named() -> None:
    protocol, sent = started()
    send(protocol, id=1, method="textDocument/completion", params={"textDocument": {"uri": "x"}})
    assert "position" in sent.messages[0]["error"]["message"]


def test_an_answer_to_nothing_is_ignored() -> None:
    protocol, sent = started()
    ids: tuple[Any, ...] = (1, "x", None, [], {})
    for msg_id in ids:
        send(protocol, id=msg_id, result=None)
        send(protocol, id=msg_id, error={"code": 1, "message": "x"})
        protocol.receive(json.dumps({"id": msg_id}).encode())
    assert sent.messages == []


async def test_an_answer_with_the_id_of_a_running_request_is_not_taken_for_one() -> None:
    protocol, sent = started()
    command = {"command": "neocaret.status", "arguments": [{}]}
    send(protocol, id="a", method="workspace/executeCommand", params=command)
    send(protocol, id="a", result=5)
    await sent.arrived(1)
    assert sent.messages[0]["result"]["state"] == "starting"


async def test_an_id_that_is_in_use_is_refused() -> None:
    protocol, sent = started()
    command = {"command": "neocaret.status", "arguments": [{}]}
    send(protocol, id=1, method="workspace/executeCommand", params=command)
    send(protocol, id=1, method="workspace/executeCommand", params=command)
    assert codes(sent) == [(1, -32600)]


async def test_a_failure_inside_shows_no_traceback(caplog: pytest.LogCaptureFixture) -> None:
    server = build_server(FakeBackend())
    sent = Sent()
    server.protocol.set_writer(sent)

    async def broken(_params: types.HoverParams) -> None:
        raise RuntimeError("/secret/path")

    server.feature(types.TEXT_DOCUMENT_HOVER)(broken)
    send(server.protocol, id=0, method="initialize", params={"capabilities": {}})
    where = {"textDocument": {"uri": "x"}, "position": {"line": 0, "character": 0}}
    send(server.protocol, id=1, method="textDocument/hover", params=where)
    await sent.arrived(2)
    assert sent.messages[1]["error"]["code"] == -32603
    assert "/secret" not in json.dumps(sent.messages)
    assert "/secret" in caplog.text


def test_an_unknown_capability_does_not_cost_the_known_ones() -> None:
    server = build_server(FakeBackend())
    sent = Sent()
    server.protocol.set_writer(sent)
    capabilities = {
        "general": {"positionEncodings": ["utf-7", "utf-8"]},
        "textDocument": {
            "completion": {
                "completionItem": {"snippetSupport": True, "insertTextModeSupport": {"valueSet": [1, 99]}},
                "completionItemKind": {"valueSet": [1, 99]},
            }
        },
        "workspace": {"workspaceEdit": {"failureHandling": "nonsense"}, "configuration": True},
        "window": {"showMessage": 5, "workDoneProgress": True},
        "unheardOf": {"a": 1},
    }
    send(server.protocol, id=1, method="initialize", params={"capabilities": capabilities})
    assert sent.messages[0]["result"]["capabilities"]["positionEncoding"] == "utf-8"
    assert server.client.snippets
    assert server.client.as_is
    assert server.client.configuration
    assert server.client.progress


@pytest.mark.parametrize("capabilities", [None, 5, "x", []])
def test_capabilities_of_the_wrong_kind_are_none(capabilities: Any) -> None:
    protocol, sent = started(initialize=False)
    send(protocol, id=1, method="initialize", params={"capabilities": capabilities})
    assert codes(sent) == [(1, None)]


@pytest.mark.parametrize("trace", ["loud", 5, {}, []])
def test_a_trace_that_is_not_known_is_left_out(trace: Any) -> None:
    protocol, sent = started(initialize=False)
    send(protocol, id=1, method="initialize", params={"capabilities": {"window": {}}, "trace": trace})
    assert codes(sent) == [(1, None)]


@pytest.mark.parametrize("name", ["locale", "workDoneToken"])
def test_what_a_server_can_do_without_is_left_out_where_it_does_not_fit(name: str) -> None:
    protocol, sent = started(initialize=False)
    send(protocol, id=1, method="initialize", params={"capabilities": {"window": {}}, name: [1]})
    assert codes(sent) == [(1, None)]


@pytest.mark.parametrize(
    ("info", "name"),
    [
        ({"version": "1"}, ""),
        ("Neovim", ""),
        (5, ""),
        ([], ""),
    ],
)
def test_client_information_that_does_not_fit_is_left_out(info: Any, name: str) -> None:
    server = build_server(FakeBackend())
    sent = Sent()
    server.protocol.set_writer(sent)
    params = {"capabilities": {"window": {"workDoneProgress": True}}, "clientInfo": info}
    send(server.protocol, id=1, method="initialize", params=params)
    assert codes(sent) == [(1, None)]
    assert server.client.progress
    assert server.client.name == name


OPEN = {"textDocument": {"uri": "file:///x.py", "languageId": "python", "version": 1, "text": "old"}}
START = {"line": 0, "character": 0}


def changed_text(*changes: Any) -> str | None:
    """Open a document and change it; return its text, or None where it is unknown by then."""
    server = build_server(FakeBackend())
    server.protocol.set_writer(Sent())
    send(server.protocol, id=1, method="initialize", params={"capabilities": {}})
    send(server.protocol, method="textDocument/didOpen", params=OPEN)
    params = {"textDocument": {"uri": "file:///x.py", "version": 2}, "contentChanges": changes}
    send(server.protocol, method="textDocument/didChange", params=params)
    document = server.documents.get("file:///x.py")
    send(server.protocol, method="textDocument/didOpen", params=OPEN)
    assert server.documents.get("file:///x.py") is not None
    return document.text if document is not None else None


@pytest.mark.parametrize(
    "change",
    [
        {"range": None, "text": "new"},
        {"range": None, "rangeLength": None, "text": "new"},
        {"range": {"start": START, "end": {"line": 0, "character": 3}}, "rangeLength": None, "text": "new"},
    ],
)
def test_a_range_that_is_null_is_the_whole_document(change: Any) -> None:
    assert changed_text(change) == "new"


@pytest.mark.parametrize("text", [None, 5, [], {}, True])
def test_a_text_that_is_none_becomes_no_text(text: Any) -> None:
    assert changed_text({"text": text}) is None
    server = build_server(FakeBackend())
    server.protocol.set_writer(Sent())
    send(server.protocol, id=1, method="initialize", params={"capabilities": {}})
    send(
        server.protocol, method="textDocument/didOpen", params={"textDocument": {**OPEN["textDocument"], "text": text}}
    )
    assert server.documents.get("file:///x.py") is None


@pytest.mark.parametrize("change", [5, {}, {"range": {"start": START}, "text": "x"}, {"range": 5, "text": "x"}])
def test_a_document_whose_change_does_not_fit_is_forgotten_until_it_is_opened_again(
    caplog: pytest.LogCaptureFixture, change: Any
) -> None:
    assert changed_text({"text": "new"}, change) is None
    assert "ignoring textDocument/didChange" in caplog.text


def test_the_largest_part_that_fits() -> None:
    def fits(value: Any) -> bool:
        return isinstance(value, dict) and all(
            isinstance(each, int) or (isinstance(each, list) and 9 not in each) or each == {} or fits(each)
            for each in value.values()
        )

    assert largest_that_fits({"a": 1, "b": "x", "c": [1, 9], "d": {"e": "x", "f": 2}}, fits) == {
        "a": 1,
        "c": [1],
        "d": {"f": 2},
    }


def test_exit_is_told_with_its_code() -> None:
    for shutdown, code in ((False, 1), (True, 0)):
        protocol, _ = started()
        told: list[int] = []
        protocol.on_exit = told.append
        if shutdown:
            send(protocol, id=1, method="shutdown")
        send(protocol, method="exit")
        assert told == [code]


def test_exit_before_initialize_is_obeyed() -> None:
    protocol, _ = started(initialize=False)
    told: list[int] = []
    protocol.on_exit = told.append
    send(protocol, method="exit")
    assert told == [1]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
METHODS = st.sampled_from(["shutdown", "textDocument/hover", "$/cancelRequest", "$/x", "initialize", "exit"])


@settings(max_examples=50)
@given(st.lists(st.tuples(st.one_of(st.integers(), st.text(max_size=3)), METHODS | st.text(max_size=5), JSON)))
def test_every_request_with_a_usable_id_gets_exactly_one_answer(requests: list[tuple[Any, str, Any]]) -> None:
    protocol, sent = started()
    for msg_id, method, params in requests:
        send(protocol, id=msg_id, method=method, params=params)
    assert [message["id"] for message in sent.messages] == [msg_id for msg_id, _, _ in requests]


@settings(max_examples=50)
@given(JSON)
def test_nothing_breaks_the_layer(message: Any) -> None:
    protocol, _ = started()
    protocol.handle_message(message)


def test_messages_are_left_to_be_structured_later() -> None:
    protocol, _ = started()
    assert protocol.structure_message({"jsonrpc": "2.0"}) == {"jsonrpc": "2.0"}
