"""How soon the server answers: `python tests/bench/start.py`, with `neocaret` installed in the same environment.

Its peers in the same run are a Python that starts and does nothing, one that imports the protocol's types, and one
that imports torch: the least that any server in Python takes, one over pygls that imports before it answers, and one
whose model runs on torch. `import_torch` is how the server imports it.
"""

from __future__ import annotations

import itertools
import json
import resource
import statistics
import subprocess
import sys
import time
from typing import Any

from neocaret_server.stdio import read_messages

RUNS = 7
TYPED, BESIDE = "len(r", "ows"
"""What is typed after the text, alone and each beside one more long generation."""
LONG = 1000
TEXT = "import numpy as np\nimport pandas as pd\n\n\ndef main():\n    for i in range("
DOCUMENT = {"uri": "file:///main.py"}
PEERS = {
    "peer: python": "",
    "peer: import lsprotocol.types": "import lsprotocol.types",
    "peer: import torch": "import torch",
    "peer: import_torch": "from neocaret_model.torch_start import *; preload_libraries(); import_torch()",
}
SERVER = [sys.executable, "-P", "-m", "neocaret_server"]


class Session:
    """One server with the bundled model, from its start to its end."""

    def __init__(self) -> None:
        self.began = time.perf_counter()
        self._process = subprocess.Popen(SERVER, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._stdin = self._process.stdin
        self._messages = map(json.loads, read_messages(self._process.stdout))
        self._ids = itertools.count()

    def send(self, **message: Any) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self._stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self._stdin.flush()

    def ask(self, method: str, params: Any) -> Any:
        number = next(self._ids)
        self.send(id=number, method=method, params=params)
        return next(each["result"] for each in self._messages if each.get("id") == number and "method" not in each)

    def status(self) -> Any:
        return self.ask("workspace/executeCommand", {"command": "neocaret.status"})

    def complete(self, character: int) -> None:
        position = {"line": 5, "character": character}
        answer = self.ask("textDocument/completion", {"textDocument": DOCUMENT, "position": position})
        assert answer["items"], "no suggestion: the figure would mean nothing"

    def type_key(self, character: int, key: str) -> float:
        """Type a key and, once the question counts as the user's own, ask; the seconds to the answer."""
        at = {"line": 5, "character": character}
        change = {"range": {"start": at, "end": at}, "text": key}
        document = {**DOCUMENT, "version": character}
        self.send(method="textDocument/didChange", params={"textDocument": document, "contentChanges": [change]})
        time.sleep(0.15)
        began = time.perf_counter()
        self.complete(character + 1)
        return time.perf_counter() - began

    def generate(self) -> None:
        """Ask for a long text, and do not wait for it."""
        arguments = [{"prompt": TEXT, "maxNewTokens": LONG, "candidates": 8, "temperature": 2}]
        params = {"command": "neocaret.generate", "arguments": arguments}
        self.send(id=next(self._ids), method="workspace/executeCommand", params=params)

    def end(self) -> None:
        self.ask("shutdown", None)
        self.send(method="exit")
        self._process.wait()


def run() -> dict[str, float]:
    """Measure one start, in seconds since the process was started; the next requests by themselves."""
    session = Session()
    session.ask("initialize", {"capabilities": {}, "processId": None, "initializationOptions": {"statistics": False}})
    figures = {"initialize": time.perf_counter() - session.began}
    session.status()
    figures["the request after it"] = time.perf_counter() - session.began
    session.send(method="initialized", params={})
    opened = {**DOCUMENT, "languageId": "python", "version": 1, "text": TEXT}
    session.send(method="textDocument/didOpen", params={"textDocument": opened})
    while (status := session.status())["state"] != "ready":
        assert status["state"] != "failed", status["lastError"]
        time.sleep(0.02)
    column = len(TEXT.splitlines()[-1])
    session.complete(column)
    figures["first suggestion"] = time.perf_counter() - session.began
    figures["after one more key"] = statistics.median(
        session.type_key(column + place, key) for place, key in enumerate(TYPED)
    )
    beside = []
    for place, key in enumerate(BESIDE, column + len(TYPED)):
        session.generate()
        beside.append(session.type_key(place, key))
        assert session.status()["waiting"], "the long generation has ended: the figure would mean nothing"
    figures["the same beside long generations"] = statistics.median(beside)
    session.end()
    return figures


def peer(program: str) -> float:
    """Run a Python program; the seconds that it took."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", program], check=True)
    return time.perf_counter() - began


def main() -> None:
    """Print the median, the least and the most of each figure, and its ratio to the bare Python's."""
    rows: dict[str, list[float]] = {}
    for _ in range(RUNS):
        peers = {name: peer(program) for name, program in PEERS.items()}
        for name, seconds in {**peers, **run()}.items():
            rows.setdefault(name, []).append(seconds)
    base = statistics.median(next(iter(rows.values())))
    for name, figures in rows.items():
        median = statistics.median(figures)
        print(
            f"{name:34} {median:7.3f} s  ({min(figures):.3f} to {max(figures):.3f})  {median / base:6.1f} x bare Python"
        )
    # Of all children the servers take the most; kibibytes on Linux, bytes on macOS.
    unit = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * unit / 2**20
    print(f"the server's memory, at its peak: {peak:.0f} MiB")


if __name__ == "__main__":
    main()
