"""What no well-behaved client sends; the server answers, and lives on."""

from __future__ import annotations

from typing import Any

import pytest
from raw_client import AUTOMATIC, EXPLICIT, RawClient, Start, at

COMPLETION = "textDocument/completion"
INLINE = "textDocument/inlineCompletion"


@pytest.fixture
def alive(shared: RawClient) -> Any:
    """The shared server, which must answer an ordinary question afterwards."""
    yield shared
    shared.open("x = ", uri="file:///after.py")
    answer = shared.ask(COMPLETION, at(0, 4, uri="file:///after.py", **EXPLICIT))
    assert [item["label"] for item in answer["result"]["items"]] == ["1", "2"]


@pytest.mark.parametrize(
    "params",
    [
        None,
        {},
        7,
        [1],
        {"textDocument": {"uri": "file:///x.py"}},
        {**at(0, 0), "position": {"line": "x", "character": 0}},
    ],
)
def test_malformed_params_are_answered(alive: RawClient, params: Any) -> None:
    for method in (COMPLETION, INLINE, "workspace/executeCommand"):
        assert alive.ask(method, params)["error"]["code"] == -32602


@pytest.mark.parametrize("body", [b"", b"{", b"null", b"[1]", b"\xff", b'{"jsonrpc": "2.0", "method": 5}', b"\0"])
def test_bodies_that_are_no_message(alive: RawClient, body: bytes) -> None:
    alive.send_body(body)


def test_headers_in_any_case(alive: RawClient) -> None:
    body = b'{"jsonrpc": "2.0", "id": "odd", "method": "no/such"}'
    alive.send_bytes(b"content-length:%d\r\ncontent-type: x\r\n\r\n%s" % (len(body), body))
    assert alive.answer("odd")["error"]["code"] == -32601


def test_a_length_that_no_message_has_ends_the_process(start: Start) -> None:
    client = start()
    client.initialize()
    client.send_bytes(b"Content-Length: 99999999999999\r\n\r\n")
    assert client.end() == 1
    assert "Traceback" not in client.all_errors()


@pytest.mark.parametrize(("line", "character"), [(0, 99), (99, 0), (2**31 - 1, 2**31 - 1)])
def test_a_position_past_the_end_is_the_end(alive: RawClient, line: int, character: int) -> None:
    alive.open("a\nx = ")
    answer = alive.ask(COMPLETION, at(line, character, **EXPLICIT))
    ends = [item["textEdit"]["range"]["end"] for item in answer["result"]["items"]]
    assert all(end == ({"line": 1, "character": 4} if line else {"line": 0, "character": 1}) for end in ends)
    assert ends


def test_an_unknown_document_is_answered_with_nothing(alive: RawClient) -> None:
    assert alive.ask(COMPLETION, at(0, 0, uri="file:///no.py"))["result"] == {"isIncomplete": True, "items": []}
    assert alive.ask(INLINE, at(0, 0, uri="file:///no.py", **EXPLICIT))["result"] is None
    assert alive.command("neocaret.status")["result"]["lastReason"] == "unknown-document"
    alive.change("x", 2, uri="file:///no.py")
    alive.notify("textDocument/didClose", {"textDocument": {"uri": "file:///no.py"}})


@pytest.mark.parametrize("text", ["\0x = ", "😀x = ", "\ud83dx = ", "\udc00\ud83d\nx = ", "\f\v\u2028x = ", "\r\rx = "])
def test_text_of_any_kind(alive: RawClient, text: str) -> None:
    alive.open(text)
    lines = text.replace("\r", "\n").split("\n")
    position = len(lines) - 1, len(lines[-1].encode("utf-16-le", "surrogatepass")) // 2
    answer = alive.ask(COMPLETION, at(*position, **EXPLICIT))
    assert [item["label"] for item in answer["result"]["items"]] == ["1", "2"]
    exported = alive.ask(INLINE, at(*position, **EXPLICIT))
    assert exported["result"]["items"][0]["range"]["end"]["character"] == position[1]


def test_nothing_before_the_caret_is_nothing_to_continue(alive: RawClient) -> None:
    alive.open("")
    assert alive.ask(INLINE, at(0, 0, **EXPLICIT))["result"] is None
    assert alive.command("neocaret.status")["result"]["lastReason"] == "empty-document"


def test_a_million_characters(alive: RawClient) -> None:
    alive.open("y = 1\n" * 170_000 + "x = ", uri="file:///large.py")
    answer = alive.ask(COMPLETION, at(170_000, 4, uri="file:///large.py", **EXPLICIT))
    assert [item["label"] for item in answer["result"]["items"]] == ["1", "2"]
    alive.notify("textDocument/didClose", {"textDocument": {"uri": "file:///large.py"}})


@pytest.mark.parametrize(
    ("name", "argument", "names"),
    [
        ("neocaret.generate", {}, "prompt"),
        ("neocaret.generate", {"prompt": 5}, "prompt"),
        ("neocaret.generate", {"prompt": "x", "maxNewTokens": 1, "maxLength": 2}, "maxLength"),
        ("neocaret.generate", {"prompt": "x", "temperature": "hot"}, "temperature"),
        ("neocaret.generate", {"prompt": "x", "candidates": 0}, "candidates"),
        ("neocaret.generate", {"prompt": "x", "lenght": 0}, "lenght"),
        ("neocaret.generate", "x", "one object"),
        ("neocaret.status", {"a": 1}, '"a"'),
        ("neocaret.exportCompletion", {}, "path"),
        ("neocaret.exportCompletion", {"path": "a"}, "completionId"),
        ("neocaret.exportCompletion", {"path": "a", "uri": "file:///a", "text": "x"}, "uri"),
        ("neocaret.exportCompletion", {"path": "a", "text": "x", "includePrompt": True}, "includePrompt"),
        ("neocaret.exportCompletion", {"path": "a", "text": "x", "append": True, "overwrite": True}, "append"),
        ("neocaret.nonsense", {}, "neocaret.nonsense"),
    ],
)
def test_wrong_arguments_are_named(alive: RawClient, name: str, argument: Any, names: str) -> None:
    error = alive.command(name, argument)["error"]
    assert error["code"] == -32602
    assert names in error["message"]


@pytest.mark.parametrize(
    ("where", "why"),
    [
        ({"path": "a"}, "a is relative, and no folder is open; give an absolute path."),
        ({"path": "/a"}, "/a is outside the workspace; name a file inside it, or choose the file yourself."),
        ({"path": "/a\n"}, r"The name /a\x0a holds control characters; choose one without."),
        ({"uri": "http://a/b"}, "http://a/b is not a file: URI; save to a file on this machine."),
        ({"uri": "file://a/b"}, "file://a/b is on another machine; save to a file on this machine."),
        ({"uri": "file:///"}, "/ is a folder; name a file in it."),
    ],
)
def test_an_export_that_is_not_allowed_says_why(alive: RawClient, where: dict[str, str], why: str) -> None:
    error = alive.command("neocaret.exportCompletion", {**where, "text": "x"})["error"]
    assert error == {"code": -32803, "message": why}


def test_a_completion_that_was_never_offered_cannot_be_exported(alive: RawClient) -> None:
    error = alive.command("neocaret.exportCompletion", {"path": "a", "completionId": "999:1"})["error"]
    assert error == {"code": -32803, "message": '"999:1" is not a completion that was offered lately.'}


def test_before_initialize_and_after_shutdown(start: Start) -> None:
    client = start()
    assert client.ask(COMPLETION, at(0, 0))["error"]["code"] == -32002
    client.open("x = ")
    client.initialize()
    assert client.ask("initialize", {"capabilities": {}})["error"]["code"] == -32600
    assert client.ask("shutdown", None)["result"] is None
    assert client.ask(COMPLETION, at(0, 0))["error"]["code"] == -32600
    client.notify("exit", None)
    assert client.end() == 0


def test_settings_of_the_wrong_type_are_told_once_and_the_server_lives(start: Start) -> None:
    client = start(script={"x = ": ["1", "2", "3"]})
    client.initialize(initializationOptions={"neocaret": {"candidates": "many", "popup": True, "zzz": 9}})
    message = client.wait(lambda message: message.get("method") == "window/showMessage")["params"]["message"]
    assert message == (
        "Neocaret: neocaret.candidates must be a whole number from 1 to 8; using 3. neocaret.zzz is not a setting."
    )
    client.notify("workspace/didChangeConfiguration", {"settings": {"neocaret": {"candidates": "many"}}})
    client.notify("workspace/didChangeConfiguration", {"settings": None})
    client.notify("workspace/didChangeConfiguration", {"settings": 5})
    client.wait(lambda message: "must be an object" in str(message.get("params")))
    client.open("x = ")
    assert len(client.ask(COMPLETION, at(0, 4, **EXPLICIT))["result"]["items"]) == 3
    shown = [each for each in client.received if each.get("method") == "window/showMessage"]
    assert len(shown) == 2


def test_the_settings_of_other_servers_are_none_of_ours(start: Start) -> None:
    client = start(script={"x = ": ["1", "2", "3"]})
    client.initialize(initializationOptions={"candidates": 2, "pylsp": {"plugins": {}}})
    client.notify("workspace/didChangeConfiguration", {"settings": {"neocaret": {"candidates": 1}}})
    client.notify("workspace/didChangeConfiguration", {"settings": {"pylsp": {"plugins": {}}}})
    client.open("x = ")
    assert len(client.ask(COMPLETION, at(0, 4, **EXPLICIT))["result"]["items"]) == 1
    assert not [each for each in client.received if each.get("method") == "window/showMessage"]


def test_nothing_that_a_library_prints_breaks_the_stream(start: Start) -> None:
    client = start(noisy=True, script={"x = ": ["1"]})
    client.initialize()
    client.open("x = ")
    for _ in range(2):
        answer = client.ask(COMPLETION, at(0, 4, **EXPLICIT))
        assert [item["label"] for item in answer["result"]["items"]] == ["1"]
    client.ask("shutdown", None)
    client.notify("exit", None)
    assert client.end() == 0
    assert "a stray print" in client.all_errors()
    assert "and one of a child" in client.all_errors()


def test_a_model_that_breaks_is_told_in_the_status_without_a_path(start: Start) -> None:
    client = start(complete_failure="/secret/path broke")
    client.initialize()
    client.open("x = ")
    assert client.ask(COMPLETION, at(0, 4, **AUTOMATIC))["result"]["items"] == []
    status = client.command("neocaret.status")["result"]
    assert status["lastReason"] == "model-error"
    assert "/secret" not in str(status)
    assert client.command("neocaret.generate", {"prompt": "x"})["error"]["code"] == -32603
    assert "/secret" not in str(client.received)


def test_a_model_that_cannot_be_loaded_is_told_to_the_user(start: Start) -> None:
    client = start(load_error="There is no model nope; see neocaret models.")
    client.initialize(wait_until_ready=False)
    message = client.wait(lambda message: message.get("method") == "window/showMessage")
    assert message["params"] == {"type": 1, "message": "Neocaret: There is no model nope; see neocaret models."}
    status = client.command("neocaret.status")["result"]
    assert (status["state"], status["lastError"]) == ("failed", "There is no model nope; see neocaret models.")
    client.open("x = ")
    assert client.ask(INLINE, at(0, 4, **EXPLICIT))["result"] is None
    assert client.command("neocaret.status")["result"]["lastReason"] == "model-failed"
    assert "nope" in client.command("neocaret.generate", {"prompt": "x"})["error"]["message"]
