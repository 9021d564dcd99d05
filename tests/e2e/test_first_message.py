"""`initialize` is answered before the server is imported, and all that comes behind it is handled as ever."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from raw_client import EXPLICIT, RawClient, Start, at

from neocaret_server.stdio import framed

HELD_BACK = Path(__file__).with_name("held_back.py")
COMPLETION = "textDocument/completion"
STATUS = {"command": "neocaret.status", "arguments": [{}]}
DOCUMENT = {"uri": "file:///x.py", "languageId": "python", "version": 1, "text": "x = "}


def message(method: str, params: Any = None, msg_id: Any = None) -> bytes:
    known = {} if msg_id is None else {"id": msg_id}
    return framed(json.dumps({"jsonrpc": "2.0", **known, "method": method, "params": params}).encode())


INITIALIZE = message("initialize", {"capabilities": {}}, "first")


def held_back(start: Start, gate: Path) -> RawClient:
    return start(command=[sys.executable, "-P", str(HELD_BACK), str(gate)])


def answers(client: RawClient) -> Counter[Any]:
    """Count the answers that an ended server has given, by their ids."""
    client.join()
    return Counter(each["id"] for each in client.received if "method" not in each)


def test_the_answer_needs_nothing_heavy(start: Start, tmp_path: Path) -> None:
    client = held_back(start, tmp_path / "gate")
    client.send_bytes(INITIALIZE)
    assert client.answer("first")["result"]["serverInfo"]["name"] == "neocaret"
    client.send_bytes(message("workspace/executeCommand", STATUS, "second"))
    (tmp_path / "gate").touch()
    assert client.answer("second")["result"]["state"] == "starting"
    client.send_bytes(message("shutdown", None, "third"))
    assert client.answer("third")["result"] is None
    client.notify("exit", None)
    assert client.end() == 0
    assert client.all_errors() == ""
    assert answers(client) == {"first": 1, "second": 1, "third": 1}


def test_all_of_one_write_is_handled_in_order(start: Start) -> None:
    client = start(script={"x = ": ["1"]})
    client.send_bytes(
        INITIALIZE
        + message("initialized", {})
        + message("textDocument/didOpen", {"textDocument": DOCUMENT})
        + message("workspace/executeCommand", STATUS, "status")
        + message("initialize", {"capabilities": {}}, "again")
    )
    assert client.answer("again")["error"]["code"] == -32600
    while client.command("neocaret.status")["result"]["state"] != "ready":
        pass
    assert [item["label"] for item in client.ask(COMPLETION, at(0, 4, **EXPLICIT))["result"]["items"]] == ["1"]
    client.send_bytes(message(COMPLETION, at(0, 4, **EXPLICIT), "asked") + message("shutdown", None, "done"))
    client.notify("exit", None)
    assert client.end() == 0
    counted = answers(client)
    assert counted.keys() >= {"first", "status", "again", "asked", "done"}
    assert set(counted.values()) == {1}


def test_pieces_of_the_first_message_are_one(start: Start) -> None:
    client = start()
    for byte in INITIALIZE:
        client.send_bytes(bytes([byte]))
    assert "result" in client.answer("first")


@pytest.mark.parametrize(("shutdown", "code"), [(True, 0), (False, 1)])
@pytest.mark.parametrize("by", ["exit", "end of input"])
def test_a_client_that_leaves_at_once_is_answered_and_obeyed(start: Start, shutdown: bool, code: int, by: str) -> None:
    client = start()
    asked = message("shutdown", None, "last") if shutdown else b""
    client.send_bytes(INITIALIZE + asked + (message("exit") if by == "exit" else b""))
    if by == "end of input":
        client.stdin.close()
    assert client.end() == code
    assert client.all_errors() == ""
    assert answers(client) == ({"first": 1, "last": 1} if shutdown else {"first": 1})


@pytest.mark.parametrize("sent", [b"", INITIALIZE[:10], INITIALIZE[:-1], message("exit")])
def test_a_client_that_leaves_before_it_has_begun(start: Start, sent: bytes) -> None:
    client = start()
    client.send_bytes(sent)
    client.stdin.close()
    assert client.end() == 1
    assert client.all_errors() == ""
    assert answers(client) == {}


def test_an_announced_first_message_that_is_too_long_ends_the_process(start: Start) -> None:
    client = start()
    client.send_bytes(b"Content-Length: 99999999999999\r\n\r\n")
    assert client.end() == 1
    assert client.all_errors().strip().endswith("a message of 99999999999999 bytes was announced: the stream is broken")


@pytest.mark.parametrize("more", [{}, {"processId": os.getpid()}, {"initializationOptions": {"candidates": 2}}])
def test_the_first_answer_is_that_of_the_server_itself(start: Start, more: Any) -> None:
    params = {"capabilities": {"general": {"positionEncodings": ["utf-32"]}}, **more}
    greeted = start().ask("initialize", params)["result"]
    client = start()
    assert client.ask("initialize", {**params, "processId": "nonsense"})["error"]["code"] == -32602
    assert client.ask("initialize", params)["result"] == greeted


def test_what_the_settings_are_told_about_comes_after_the_greeting(start: Start) -> None:
    client = start()
    client.ask("initialize", {"capabilities": {}, "initializationOptions": {"candidates": "many"}})
    assert "neocaret.candidates" in str(client.wait(lambda each: each.get("method") == "window/showMessage"))


@pytest.mark.skipif(sys.platform == "win32", reason="signals of a terminal")
def test_an_interrupt_behind_the_greeting_is_no_traceback(start: Start, tmp_path: Path) -> None:
    client = held_back(start, tmp_path / "gate")
    client.send_bytes(INITIALIZE)
    assert "result" in client.answer("first")
    client.process.send_signal(signal.SIGINT)
    assert client.end() == 130
    assert client.all_errors() == ""
