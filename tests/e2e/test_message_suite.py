"""Thousands of messages, right and wrong ones, over a real pipe: each request gets one answer, the right one.

A share of our own runs with every test; `pytest -m slow` sends them all, and those that are made after the rules of the
lsprotocol project's suite.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any, Literal

import cattrs
import pytest
from lsprotocol import types
from lsprotocol.converters import get_converter
from messages import Message, is_notification, messages
from raw_client import EXPLICIT, RawClient, Start, at
from variants import variants

from neocaret_server.exact import make_exact

Phase = Literal["before initialize", "initialized", "after shutdown"]

TEXT = "import os\n\nvalue = os.pa"
HERE = "file:///untouched.py"
FEW, MANY = 2_000, 25_000
COMMAND = "workspace/executeCommand"
ANSWERED = {"textDocument/completion", "textDocument/inlineCompletion", COMMAND}
TAKEN = {*ANSWERED, "textDocument/didOpen", "textDocument/didChange", "textDocument/didClose"}
OFTEN = sorted({*TAKEN, "initialize"})
INVALID_REQUEST, UNKNOWN_METHOD, INVALID_PARAMS, NOT_INITIALIZED = -32600, -32601, -32602, -32002


def ends_the_phase(body: dict[str, Any], phase: Phase) -> bool:
    """Say whether a message would be obeyed, to the end of what is tested."""
    method = body.get("method")
    if method == "exit" or (method == "initialize" and phase == "before initialize"):
        return True
    return method == "shutdown" and phase == "initialized"


def is_usable(msg_id: Any) -> bool:
    return isinstance(msg_id, int | str) and not isinstance(msg_id, bool)


def codes(message: Message, phase: Phase) -> set[int | None]:
    """Return the codes that are right for a request; None is a result."""
    body = message.body
    method = body.get("method")
    if body.get("jsonrpc") != "2.0" or not isinstance(method, str) or phase == "after shutdown":
        return {INVALID_REQUEST}
    if phase == "before initialize":
        return {NOT_INITIALIZED}
    if method not in ANSWERED:
        return {INVALID_REQUEST if method == "initialize" else UNKNOWN_METHOD}
    # No command has a name that was made up.
    if message.fault == "params" or method == COMMAND:
        return {INVALID_PARAMS}
    return {None, INVALID_PARAMS} if message.fault == "doubtful" else {None}


def client_in(phase: Phase, start: Start) -> RawClient:
    client = start(script={TEXT: ["th"]})
    if phase != "before initialize":
        client.initialize(initializationOptions={"deadlineMs": 0})
        client.open(TEXT, uri=HERE)
    if phase == "after shutdown":
        client.ask("shutdown", None)
    return client


def send_all(client: RawClient, sent: Sequence[Message]) -> None:
    for message in sent:
        client.send_body(json.dumps(message.body).encode())
    client.send(id="the last", method="no/such")
    client.answer("the last", 300)


def leave(client: RawClient, phase: Phase) -> None:
    """See that the server is well, and that it has kept its document; then end it."""
    if phase == "before initialize":
        client.initialize()
    if phase == "initialized":
        items = client.ask("textDocument/completion", at(2, 13, uri=HERE, **EXPLICIT))["result"]["items"]
        assert [item["label"] for item in items] == ["path"]
    if phase != "after shutdown":
        client.ask("shutdown", None)
    client.notify("exit", None)
    assert client.end() == 0
    assert "Traceback" not in client.all_errors()
    client.join()


@pytest.mark.parametrize("phase", ["before initialize", "initialized", "after shutdown"])
@pytest.mark.parametrize("count", [FEW, pytest.param(MANY, marks=pytest.mark.slow)])
def test_each_request_is_answered_once_and_rightly(start: Start, phase: Phase, count: int) -> None:
    client = client_in(phase, start)
    sent = [message for message in messages(count, count, OFTEN) if not ends_the_phase(message.body, phase)]
    send_all(client, sent)
    leave(client, phase)
    asked = {
        message.body["id"]: message
        for message in sent
        if message.kind != "response" and is_usable(message.body.get("id"))
    }
    nameless = sum(message.kind != "response" and "id" in message.body for message in sent) - len(asked)
    nameless += sum("id" not in message.body and is_no_message(message.body) for message in sent)
    answers = [each for each in client.received if "method" not in each]
    counted = Counter(each["id"] for each in answers)
    assert counted[None] == nameless
    assert {msg_id for msg_id in asked if counted[msg_id] != 1} == set()
    answered_by_us = {message.body.get("id") for message in sent if message.kind == "response"}
    assert not answered_by_us & counted.keys() - {None}
    wrong = [
        (asked[each["id"]], each)
        for each in answers
        if each["id"] in asked and each.get("error", {}).get("code") not in codes(asked[each["id"]], phase)
    ]
    assert wrong == []
    assert "/neocaret_server/" not in str(answers)


@pytest.mark.slow
@pytest.mark.parametrize("phase", ["before initialize", "initialized", "after shutdown"])
def test_each_request_of_the_lsprotocol_projects_suite_is_answered_once(start: Start, phase: Phase) -> None:
    sent = [body for body in variants() if not ends_the_phase(body, phase)]
    assert len(sent) > 60_000
    client = client_in(phase, start)
    answered_before = len(client.received)
    for body in sent:
        client.send_body(json.dumps(body).encode())
    client.send(id="the last", method="no/such")
    client.answer("the last", 300)
    # What has params has been a request, though it has lost its method.
    asked = Counter(body["id"] for body in sent if is_usable(body.get("id")) and {"method", "params"} & body.keys())
    answers = [each for each in client.received[answered_before:] if "method" not in each]
    counted = Counter(each["id"] for each in answers)
    assert {msg_id: counted[msg_id] for msg_id in asked} == asked
    assert counted.keys() == {*asked, None, "the last"}
    assert "/neocaret_server/" not in str(answers)
    client.stdin.close()
    assert client.end() == (0 if phase == "after shutdown" else 1)
    assert "Traceback" not in client.all_errors()


def is_no_message(body: dict[str, Any]) -> bool:
    return body.get("jsonrpc") != "2.0"


def test_what_is_made_is_what_it_is_called() -> None:
    converter, exact = get_converter(), get_converter()
    make_exact(exact)
    faults: Counter[str] = Counter()
    for message in messages(7, FEW, OFTEN):
        kind: Any = types.METHOD_TO_TYPES[message.method][0]
        assert is_notification(message.method) == (message.kind == "notification")
        faults[message.fault] += 1
        # Of what the server takes, because lsprotocol refuses some of its own edits.
        if message.method not in TAKEN or message.kind == "response":
            continue
        if message.fault == "none":
            converter.structure({"id": 1, **message.body}, kind)
        if message.fault == "params":
            with pytest.raises(cattrs.BaseValidationError):
                exact.structure(message.body, kind)
    assert faults.keys() == {"none", "params", "doubtful", "envelope"}
    assert min(faults.values()) > FEW / 20
