"""Who waits for whom: loading, superseding, cancelling, and the end of the process.

What must not be waited for takes a minute here, and an answer is waited for ten seconds: no stopwatch decides.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest
from raw_client import AUTOMATIC, EXPLICIT, SERVER, RawClient, Start, at

COMPLETION = "textDocument/completion"
INLINE = "textDocument/inlineCompletion"
SLOW = {"otherwise": ["a b c d e f g h"], "token_seconds": 60}


def wait_until_generating(client: RawClient) -> None:
    while not client.command("neocaret.status")["result"]["waiting"]:
        time.sleep(0.005)


def wait_until(client: RawClient, state: str) -> None:
    while client.command("neocaret.status")["result"]["state"] != state:
        time.sleep(0.005)


def test_initialize_is_answered_while_nothing_is_loaded(start: Start) -> None:
    client = start(load_seconds=60)
    assert "result" in client.ask("initialize", {"capabilities": {}, "processId": os.getpid()})


def test_neither_torch_nor_transformers_is_imported_for_initialize() -> None:
    program = (
        "import asyncio, io, json, sys\n"
        "from neocaret_server.app import build_server\n"
        "from neocaret_server.fake_backend import FakeBackend\n"
        "server = build_server(FakeBackend())\n"
        "out = io.BytesIO()\n"
        "server.protocol.set_writer(out)\n"
        "params = {'capabilities': {}}\n"
        "message = {'jsonrpc': '2.0', 'id': 1, 'method': 'initialize', 'params': params}\n"
        "server.protocol.receive(json.dumps(message).encode())\n"
        "assert b'neocaret' in out.getvalue()\n"
        "print([name for name in ('torch', 'transformers', 'tokenizers', 'typer', 'neocaret_model')"
        " if name in sys.modules])\n"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout == "[]\n"


def test_while_the_model_loads_questions_are_answered_at_once_and_empty(start: Start) -> None:
    client = start(load_seconds=60)
    client.initialize(wait_until_ready=False)
    client.open("x = ")
    answer = client.ask(COMPLETION, at(0, 4, **EXPLICIT))
    assert answer["result"] == {"isIncomplete": True, "items": []}
    assert client.ask(INLINE, at(0, 4, **AUTOMATIC))["result"] is None
    status = client.command("neocaret.status")["result"]
    assert (status["state"], status["lastReason"]) == ("loading", "model-loading")
    assert status["progress"]["message"] == "Loading fake weights"
    assert "still loading" in client.command("neocaret.generate", {"prompt": "x"})["error"]["message"]
    assert client.command("neocaret.clearCache")["result"] == {}


def test_a_newer_question_is_worth_more_and_the_older_is_answered_at_once(start: Start) -> None:
    client = start(script={"x = ": ["1 " * 60], "x = 1": ["0"]}, token_seconds=0.5)
    client.initialize(initializationOptions={"deadlineMs": 0})
    client.open("x = ")
    popup = client.request(COMPLETION, at(0, 4, **EXPLICIT))
    inline = client.request(INLINE, at(0, 4, **EXPLICIT))
    wait_until_generating(client)
    client.change("x = 1", 2)
    newer = client.request(COMPLETION, at(0, 5, **AUTOMATIC))
    assert client.answer(popup)["result"] == {"isIncomplete": True, "items": []}
    assert client.answer(inline)["result"] is None
    assert [item["label"] for item in client.answer(newer)["result"]["items"]] == ["10"]


def test_popup_and_ghost_text_of_one_moment_do_not_supersede_each_other(start: Start) -> None:
    client = start(script={"x = ": ["1 2"]}, token_seconds=0.1)
    client.initialize()
    client.open("x = ")
    popup = client.request(COMPLETION, at(0, 4, **AUTOMATIC))
    inline = client.request(INLINE, at(0, 4, context={"triggerKind": 2}))
    assert [item["label"] for item in client.answer(popup)["result"]["items"]] == ["1 2"]
    assert [item["insertText"] for item in client.answer(inline)["result"]["items"]] == ["1 2"]


def test_who_cancels_at_each_key_and_asks_again_follows_what_is_under_way(start: Start) -> None:
    client = start(script={"x = ": ["one two three four"], "x = o": ["wrong"]}, token_seconds=0.3)
    client.initialize()
    client.open("x = ")
    older = client.request(INLINE, at(0, 4, **AUTOMATIC))
    time.sleep(0.5)
    client.notify("$/cancelRequest", {"id": older})
    client.change("x = o", 2)
    newer = client.request(INLINE, at(0, 5, **AUTOMATIC))
    assert client.answer(older)["error"]["code"] == -32800
    # Ghost text that begins before the caret replaces what it repeats.
    assert [item["insertText"] for item in client.answer(newer)["result"]["items"]] == ["one two three four"]


def test_popup_has_a_deadline_and_the_next_key_gets_what_came_later(start: Start) -> None:
    client = start(script={"x = ": ["one two three four"], "x = o": ["wrong"]}, token_seconds=0.2)
    client.initialize(initializationOptions={"deadlineMs": 100})
    client.open("x = ")
    began = time.monotonic()
    late = client.ask(COMPLETION, at(0, 4, **AUTOMATIC))["result"]
    assert late == {"isIncomplete": True, "items": []}
    assert time.monotonic() - began < 0.6
    assert client.command("neocaret.status")["result"]["lastReason"] == "deadline"
    time.sleep(1)
    client.change("x = o", 2)
    items = client.ask(COMPLETION, at(0, 5, **AUTOMATIC))["result"]["items"]
    assert [item["label"] for item in items] == ["one two three four"]


def test_cancelling_answers_at_once_and_frees_the_model(start: Start) -> None:
    client = start(script={"y": ["1"]}, **SLOW)
    client.initialize()
    client.open("x = ")
    client.open("y", uri="file:///y.py")
    for method in (COMPLETION, INLINE):
        asked = client.request(method, at(0, 4, **EXPLICIT))
        wait_until_generating(client)
        client.notify("$/cancelRequest", {"id": asked})
        answer = client.answer(asked)
        assert answer["error"] == {"code": -32800, "message": "the request was cancelled"}
    client.notify("$/cancelRequest", {"id": 12345})
    client.command("neocaret.clearCache")
    generating = client.request(
        "workspace/executeCommand", {"command": "neocaret.generate", "arguments": [{"prompt": "x"}], "workDoneToken": 7}
    )
    client.wait(lambda message: message.get("method") == "$/progress")
    client.notify("window/workDoneProgress/cancel", {"token": 7})
    assert client.answer(generating)["error"]["code"] == -32800
    kinds = [each["params"]["value"]["kind"] for each in client.received if each.get("method") == "$/progress"]
    assert kinds[0] == "begin"
    assert kinds[-1] == "end"


def test_a_late_answer_is_dropped_where_the_text_before_the_caret_has_changed(start: Start) -> None:
    client = start(script={"f(": ["1"]}, token_seconds=1)
    client.initialize(initializationOptions={"deadlineMs": 0})
    client.open("a\nf(")
    first = client.request(COMPLETION, at(1, 2, **AUTOMATIC))
    client.change("b\nf(", 2)
    client.change("c\nf(", 3)
    assert client.answer(first)["result"]["items"] == []
    assert client.command("neocaret.status")["result"]["lastReason"] == "changed"
    second = client.request(COMPLETION, at(1, 2, **AUTOMATIC))
    client.change("c\nf()\nmore", 4)
    assert [item["label"] for item in client.answer(second)["result"]["items"]] == ["1"]


def test_a_long_generation_does_not_keep_typing_waiting(start: Start) -> None:
    client = start(script={"long": ["a " * 1000], "x = ": ["1"]}, token_seconds=0.02)
    client.initialize()
    client.open("x = ")
    arguments = [{"prompt": "long", "maxNewTokens": 1000}]
    generating = client.request("workspace/executeCommand", {"command": "neocaret.generate", "arguments": arguments})
    wait_until_generating(client)
    answer = client.ask(COMPLETION, at(0, 4, **AUTOMATIC))
    assert [item["label"] for item in answer["result"]["items"]] == ["1"]
    assert client.command("neocaret.status")["result"]["waiting"] == 1
    client.command("neocaret.reloadModel")
    error = client.answer(generating)["error"]
    assert (error["code"], "loaded anew" in error["message"]) == (-32802, True)


def test_a_paused_model_wakes_for_a_question_and_answers_the_next(start: Start) -> None:
    client = start(script={"x = ": ["1"]})
    client.initialize(initializationOptions={"pauseAfterMinutes": 0.3 / 60})
    client.open("x = ")
    wait_until(client, "paused")
    assert client.ask(COMPLETION, at(0, 4, **AUTOMATIC))["result"] == {"isIncomplete": True, "items": []}
    assert client.command("neocaret.status")["result"]["lastReason"] == "model-paused"
    wait_until(client, "ready")
    assert client.ask(COMPLETION, at(0, 4, **AUTOMATIC))["result"]["items"]
    wait_until(client, "paused")
    answer = client.ask("workspace/executeCommand", {"command": "neocaret.generate", "arguments": [{"prompt": "x"}]})
    assert answer["result"]["candidates"]


@pytest.mark.parametrize(("shutdown", "code"), [(True, 0), (False, 1)])
@pytest.mark.parametrize("by", ["exit", "end of input"])
def test_the_process_ends_at_once_even_while_generating(start: Start, shutdown: bool, code: int, by: str) -> None:
    client = start(**SLOW)
    client.initialize()
    client.open("x = ")
    asked = client.request(COMPLETION, at(0, 4, **EXPLICIT))
    wait_until_generating(client)
    if shutdown:
        done = client.request("shutdown", None)
        assert client.answer(asked)["error"]["code"] == -32800
        assert client.answer(done)["result"] is None
    if by == "exit":
        client.notify("exit", None)
    else:
        client.stdin.close()
    assert client.end() == code
    assert client.all_errors() == ""


def test_the_process_ends_while_the_model_loads(start: Start) -> None:
    client = start(load_seconds=60)
    client.initialize(wait_until_ready=False)
    client.ask("shutdown", None)
    client.notify("exit", None)
    assert client.end() == 0


def test_the_process_ends_with_its_editor(start: Start) -> None:
    editor = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    client = start()
    client.initialize(processId=editor.pid)
    editor.kill()
    editor.communicate()
    assert client.end() == 1


def test_a_client_that_has_gone_deaf_is_given_up() -> None:
    process = subprocess.Popen([sys.executable, str(SERVER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdout.close()
    body = b'{"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"capabilities": {}}}'
    process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
    process.stdin.flush()
    assert process.wait(5) == 1
    process.stdin.close()


@pytest.mark.skipif(sys.platform == "win32", reason="signals of a terminal")
def test_an_interrupt_is_no_traceback(start: Start) -> None:
    client = start()
    client.initialize()
    client.process.send_signal(signal.SIGINT)
    assert client.end() == 130
    assert client.all_errors() == ""
