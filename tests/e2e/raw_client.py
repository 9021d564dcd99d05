"""A client of the base protocol that can send anything, also what no library would."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from neocaret_server.stdio import read_messages

SERVER = Path(__file__).with_name("fake_server.py")


class RawClient:
    """A server process and both ends of its pipe: the one with a scripted backend, or that of another command."""

    def __init__(self, command: Sequence[str] | None = None, **options: Any) -> None:
        command = command or [sys.executable, str(SERVER), json.dumps(options)]
        # Unbuffered streams would hide what is lost in buffers.
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, env=environment)
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        self.stdin, self.stdout, self.stderr = self.process.stdin, self.process.stdout, self.process.stderr
        self.received: list[dict[str, Any]] = []
        self.errors = b""
        self._queue: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._threads = [threading.Thread(target=read, daemon=True) for read in (self._read, self._read_errors)]
        for thread in self._threads:
            thread.start()
        self._next_id = 0

    def send_bytes(self, data: bytes) -> None:
        self.stdin.write(data)
        self.stdin.flush()

    def send_body(self, body: bytes) -> None:
        self.send_bytes(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))

    def send(self, **message: Any) -> None:
        self.send_body(json.dumps({"jsonrpc": "2.0", **message}).encode())

    def notify(self, method: str, params: Any) -> None:
        self.send(method=method, params=params)

    def request(self, method: str, params: Any) -> int:
        self._next_id += 1
        self.send(id=self._next_id, method=method, params=params)
        return self._next_id

    def answer(self, msg_id: object, seconds: float = 10) -> dict[str, Any]:
        """Wait for the answer with this id; requests of the server on the way are kept in `received`."""
        return self.wait(lambda message: "method" not in message and message.get("id") == msg_id, seconds)

    def wait(self, fits: Any, seconds: float = 10) -> dict[str, Any]:
        """Wait for a message that fits."""
        for message in self.received:
            if fits(message):
                return message
        end = time.monotonic() + seconds
        while True:
            message = self._queue.get(timeout=max(0.001, end - time.monotonic()))
            self.received.append(message)
            if fits(message):
                return message

    def ask(self, method: str, params: Any) -> dict[str, Any]:
        return self.answer(self.request(method, params))

    def command(self, name: str, argument: Any = None) -> Any:
        return self.ask("workspace/executeCommand", {"command": name, "arguments": [argument or {}]})

    def initialize(self, wait_until_ready: bool = True, **params: Any) -> dict[str, Any]:
        result = self.ask("initialize", {"capabilities": {}, "processId": None, "rootUri": None, **params})
        self.notify("initialized", {})
        while wait_until_ready and self.command("neocaret.status")["result"]["state"] != "ready":
            time.sleep(0.005)
        return result

    def open(self, text: str, uri: str = "file:///x.py") -> None:
        document = {"uri": uri, "languageId": "python", "version": 1, "text": text}
        self.notify("textDocument/didOpen", {"textDocument": document})

    def change(self, text: str, version: int, uri: str = "file:///x.py") -> None:
        self.notify(
            "textDocument/didChange",
            {"textDocument": {"uri": uri, "version": version}, "contentChanges": [{"text": text}]},
        )

    def end(self, seconds: float = 10) -> int:
        """Wait for the process to end by itself; return its exit code."""
        return self.process.wait(seconds)

    def all_errors(self) -> str:
        """Return what the ended process has written to standard error."""
        self._threads[1].join()
        return self.errors.decode()

    def join(self) -> None:
        """Take in `received` all that the ended process has sent."""
        self._threads[0].join()
        while not self._queue.empty():
            self.received.append(self._queue.get())

    def close(self) -> None:
        """End the process whatever it does."""
        self.process.kill()
        self.process.wait()
        for thread in self._threads:
            thread.join()
        for stream in (self.stdin, self.stdout, self.stderr):
            try:
                stream.close()
            except BrokenPipeError:
                continue

    def _read(self) -> None:
        for body in read_messages(self.stdout):
            self._queue.put(json.loads(body))

    def _read_errors(self) -> None:
        self.errors = self.stderr.read()


Start = Callable[..., RawClient]
"""The fixture that starts servers."""


def at(line: int, character: int, uri: str = "file:///x.py", **more: Any) -> dict[str, Any]:
    """The parameters of a question about a place."""
    return {"textDocument": {"uri": uri}, "position": {"line": line, "character": character}, **more}


EXPLICIT: dict[str, Any] = {"context": {"triggerKind": 1}}
AUTOMATIC: dict[str, Any] = {"context": {"triggerKind": 2}}
