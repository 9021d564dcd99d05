"""Bytes that are no messages, messages that are hardly any, and clients that read late, never, or are gone."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from raw_client import EXPLICIT, SERVER, RawClient, Start, at

COMPLETION = "textDocument/completion"
NO_SUCH = b'{"jsonrpc": "2.0", "id": %s, "method": "no/such"}'
SLOW = {"otherwise": ["a b c d e f g h"], "token_seconds": 60}


@pytest.fixture(scope="module")
def server() -> Iterator[RawClient]:
    """A server that has a document and, for all that it gets, no traceback."""
    client = RawClient(script={"x = ": ["1"]})
    client.initialize()
    client.open("x = ")
    yield client
    client.ask("shutdown", None)
    client.notify("exit", None)
    assert client.end() == 0
    assert "Traceback" not in client.all_errors()
    client.close()


@pytest.fixture
def client(server: RawClient) -> Iterator[RawClient]:
    """The one server for many tests, which must be well after each, and know its document."""
    server.received.clear()
    yield server
    answer = server.ask(COMPLETION, at(0, 4, **EXPLICIT))
    assert [item["label"] for item in answer["result"]["items"]] == ["1"]


def codes(client: RawClient) -> list[tuple[Any, int | None]]:
    """Return all that has been answered until now, less the client's own questions."""
    client.send(id="until now", method="no/such")
    client.answer("until now")
    answers = [each for each in client.received if "method" not in each and each["id"] != "until now"]
    return [(each["id"], each.get("error", {}).get("code")) for each in answers if "error" in each]


@pytest.mark.parametrize(
    ("msg_id", "answered"),
    [
        (b"0", 0),
        (b"-0", 0),
        (b"-7", -7),
        (b"9007199254740993", 2**53 + 1),
        (b"1" + b"0" * 400, 10**400),
        (b'""', ""),
        (rb'"\ud800"', "\ud800"),
        (b'"' + b"x" * 100_000 + b'"', "x" * 100_000),
    ],
    ids=range(8),
)
def test_an_id_comes_back_as_it_was(client: RawClient, msg_id: bytes, answered: Any) -> None:
    client.send_body(NO_SUCH % msg_id)
    assert codes(client) == [(answered, -32601)]


@pytest.mark.parametrize("msg_id", [b"null", b"true", b"1.5", b"1.0", b"-0.0", b"1e400", b"[]", b'{"a": 1}'])
def test_what_is_no_id_is_answered_without_one(client: RawClient, msg_id: bytes) -> None:
    client.send_body(NO_SUCH % msg_id)
    assert codes(client) == [(None, -32600)]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff",
        NO_SUCH % b"NaN",
        NO_SUCH % b"-Infinity",
        NO_SUCH % b"1" + b"}",
        NO_SUCH % (b"9" * 5000),
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        b'{"id": "\xe0\x80"}',
    ],
    ids=range(10),
)
def test_what_is_not_json_is_told(client: RawClient, body: bytes) -> None:
    client.send_body(body)
    assert codes(client) == [(None, -32700)]


@pytest.mark.parametrize("body", [b"[]", b"[%s, %s]" % (NO_SUCH % b"1", NO_SUCH % b"2"), b"[1]", b'"x"', b"null"])
def test_a_batch_is_no_message(client: RawClient, body: bytes) -> None:
    client.send_body(body)
    assert codes(client) == [(None, -32600)]


def test_nesting_that_json_allows_is_no_more_than_wrong(client: RawClient) -> None:
    deep: Any = []
    for _ in range(400):
        deep = [deep]
    client.send(id="deep", method=COMPLETION, params=deep)
    client.send(id="deeper", method=COMPLETION, params={**at(0, 0), "context": deep})
    assert codes(client) == [("deep", -32602), ("deeper", -32602)]


def test_a_message_of_fifty_megabytes(client: RawClient) -> None:
    client.send(id="large", method=COMPLETION, params={"x": "y" * 50_000_000})
    assert client.answer("large", 60)["error"]["code"] == -32602


@pytest.mark.parametrize(
    "broken",
    [
        b"Content-Length: 2\r\r{}",
        b'Content-Length: 4\r\n\r\n{"too": "long"}',
        b'{"no": "header"}',
        b"Content-Length 2\r\n\r\n{}",
        b"\r\n\r\n\n\r",
        b"Content-Length: -5\r\n\r\n",
        b"Content-Length: 1e3\r\n\r\n",
        b"\0" * 100_000,
    ],
    ids=range(8),
)
def test_the_message_behind_broken_bytes_is_answered(client: RawClient, broken: bytes) -> None:
    client.send_bytes(broken)
    client.send(id="behind", method="no/such")
    assert client.answer("behind")["error"]["code"] == -32601


@pytest.mark.parametrize(
    "header", [b"CONTENT-length :  %d  \n\n", b"\tcontent-Length:%d\r\nX-Content-Length: 1\r\n\r\n"]
)
def test_headers_as_odd_clients_write_them(client: RawClient, header: bytes) -> None:
    body = NO_SUCH % b'"odd"'
    client.send_bytes(header % len(body) + body)
    assert client.answer("odd")["error"]["code"] == -32601


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory as Linux tells it")
def test_ten_gigabytes_are_refused_without_room_for_them(start: Start) -> None:
    client = start()
    client.initialize()
    status = Path(f"/proc/{client.process.pid}/status")
    before = _peak_bytes(status)
    client.send_bytes(b"Content-Length: 250000000\r\n\r\n{")
    time.sleep(0.3)
    assert _peak_bytes(status) - before < 50e6
    client.close()
    other = start()
    other.initialize()
    other.send_bytes(b"Content-Length: 10000000000\r\n\r\n{")
    assert other.end() == 1
    assert "10000000000 bytes was announced" in other.all_errors()


def test_cancels_of_nothing_are_nothing(client: RawClient) -> None:
    done = client.request("no/such", None)
    client.answer(done)
    ids: tuple[Any, ...] = (done, 999, "x", None, True, [1], 1.5, {})
    for msg_id in ids:
        client.notify("$/cancelRequest", {"id": msg_id})
    wrong: tuple[Any, ...] = (None, 5, [], {})
    for params in wrong:
        client.notify("$/cancelRequest", params)
    assert codes(client) == [(done, -32601)]


@pytest.mark.parametrize("method", ["$/x", "$/setTrace", "$/logTrace", "$/progress", "$/cancelRequest", "$/"])
def test_dollar_methods_are_ignored_and_as_requests_not_known(client: RawClient, method: str) -> None:
    client.notify(method, {"value": "loud", "token": []})
    client.send(id="asked", method=method, params={"value": "off", "id": 1, "token": 1})
    assert codes(client) == [("asked", -32601)]


def _peak_bytes(status: Path) -> float:
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return float(line.split()[1]) * 1024


def test_two_hundred_requests_at_once_over_twenty_documents(start: Start) -> None:
    client = start(otherwise=["1 2 3"], token_seconds=0.001)
    client.initialize()
    for number in range(20):
        client.open("x = ", uri=f"file:///{number}.py")
    asked = [client.request(COMPLETION, at(0, 4, uri=f"file:///{each % 20}.py", **EXPLICIT)) for each in range(200)]
    for each in asked:
        assert "error" not in client.answer(each, 30)
    client.ask("shutdown", None)
    client.notify("exit", None)
    assert client.end() == 0
    client.join()
    counted = Counter(each["id"] for each in client.received if "method" not in each)
    assert {counted[each] for each in asked} == {1}


class DeafClient:
    """A client that writes, and reads when it is told to."""

    def __init__(self, **options: Any) -> None:
        pipe = subprocess.PIPE
        command = [sys.executable, str(SERVER), json.dumps(options)]
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL)
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.stdin, self.stdout = self.process.stdin, self.process.stdout
        self.send(id=0, method="initialize", params={"capabilities": {}})

    def send(self, **message: Any) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self.stdin.flush()

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self.stdout.close()
        try:
            self.stdin.close()
        except BrokenPipeError:
            return


@pytest.fixture
def deaf() -> Iterator[DeafClient]:
    client = DeafClient()
    yield client
    client.close()


SECONDS = [1, pytest.param(10, marks=pytest.mark.slow)]


@pytest.mark.parametrize("seconds", SECONDS)
def test_a_client_that_reads_late_gets_every_answer_once(deaf: DeafClient, seconds: float) -> None:
    for number in range(1, 3001):
        deaf.send(id=number, method="no/such/" + "x" * 200)
    time.sleep(seconds)
    deaf.send(id=3001, method="shutdown")
    deaf.send(method="exit")
    data = deaf.stdout.read()
    assert deaf.process.wait(10) == 0
    ids = [json.loads(part.partition(b"\r\n\r\n")[2])["id"] for part in data.split(b"Content-Length: ")[1:]]
    assert ids == list(range(3002))


@pytest.mark.parametrize("by", ["exit", "end of input"])
def test_the_process_ends_though_nobody_reads(deaf: DeafClient, by: str) -> None:
    for number in range(1, 3001):
        deaf.send(id=number, method="no/such/" + "x" * 200)
    if by == "exit":
        deaf.send(method="exit")
    else:
        deaf.stdin.close()
    assert deaf.process.wait(10) == 1


def send_on(deaf: DeafClient) -> None:
    for number in range(60, 200):
        deaf.send(id=f"{number}" + "x" * 1_000_000, method="no/such")


def test_a_client_that_asks_on_and_on_and_never_reads_is_given_up(deaf: DeafClient) -> None:
    for number in range(1, 60):
        deaf.send(id=f"{number}" + "x" * 1_000_000, method="no/such")
    assert deaf.process.poll() is None
    with pytest.raises(BrokenPipeError):
        send_on(deaf)
    assert deaf.process.wait(10) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_server_that_is_told_to_end_ends_while_it_generates(start: Start) -> None:
    client = start(**SLOW)
    client.initialize()
    client.open("x = ")
    client.request(COMPLETION, at(0, 4, **EXPLICIT))
    while not client.command("neocaret.status")["result"]["waiting"]:
        time.sleep(0.005)
    client.process.send_signal(signal.SIGTERM)
    assert client.end() == -signal.SIGTERM
    assert client.all_errors() == ""


EDITOR = "import subprocess, sys\nserver = subprocess.Popen([sys.executable, *sys.argv[1:]])\nserver.wait()\n"


@pytest.mark.skipif(sys.platform == "win32", reason="a process that outlives its parent")
def test_a_server_ends_with_its_editor_though_others_hold_the_pipe(start: Start) -> None:
    client = start(command=[sys.executable, "-c", EDITOR, str(SERVER), json.dumps(SLOW)])
    client.initialize(processId=client.process.pid)
    client.process.kill()
    client.process.wait()
    # The pipes are this process's still: they end with the server only.
    for thread in client._threads:
        thread.join(10)
        assert not thread.is_alive()
    assert "Traceback" not in client.all_errors()
