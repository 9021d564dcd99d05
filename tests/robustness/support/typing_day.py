"""A day of typing in short: keys, questions, cancels, jumps, documents, settings and reloads, all by chance."""

from __future__ import annotations

import random
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from raw_client import RawClient, at

MOST_OPEN = 8
MOST_WAITING = 40
LONGEST = 6000
COMPLETION, INLINE = "textDocument/completion", "textDocument/inlineCompletion"


@dataclass
class Buffer:
    """A document as its editor has it; the caret is at the end of a line."""

    uri: str
    lines: list[str]
    to_type: str
    version: int = 1
    line: int = 0
    asked: int | None = None
    """The last question, which who types on in VS Code cancels."""


@dataclass
class Held:
    """What the server's process holds, as the system tells."""

    kilobytes: int
    threads: int
    files: int


def held(pid: int) -> Held:
    process = Path(f"/proc/{pid}")
    told = dict(line.split(":", 1) for line in (process / "status").read_text().splitlines())
    files = len(list((process / "fd").iterdir()))
    return Held(int(told["VmRSS"].split()[0]), int(told["Threads"]), files)


@dataclass
class Day:
    """Types into documents; every question is counted, and every answer."""

    client: RawClient
    texts: list[str]
    seed: int = 1
    questions: Counter[int] = field(default_factory=Counter)
    answers: Counter[int] = field(default_factory=Counter)
    waited_ms: list[float] = field(default_factory=list)
    """How long each question took that was waited for."""

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)  # noqa: S311 - a day, no secret
        self._open: dict[int, Buffer] = {}
        self._turn = 0
        self._settings: dict[str, Any] = {"candidates": 2, "maxNewTokens": 12, "delayMs": 0, "seed": 1}

    def type(self, keys: int) -> None:
        """Press so many keys."""
        for _ in range(keys):
            self._turn += 1
            self._now_and_then()
            number = self._choose()
            buffer = self._open[number]
            self._press(buffer)
            # Even numbers are in VS Code, which cancels at each key; odd ones in Neovim, which never does.
            if number % 2 == 0 and buffer.asked is not None:
                self.client.notify("$/cancelRequest", {"id": buffer.asked})
            self._ask(buffer, inline=number % 2 == 1)

    def settle(self) -> None:
        """Wait until everything is answered."""
        while self.questions - self.answers:
            self._read(30)

    def _now_and_then(self) -> None:
        if self._turn % 150 == 0:
            self._settings["candidates"] = self._chance.randint(1, 3)
            self._settings["temperature"] = self._chance.choice([0.2, 0.4, 0.8])
            self.client.notify("workspace/didChangeConfiguration", {"settings": {"neocaret": self._settings}})
        if self._turn % 1000 == 500:  # not at the end of a part, where it is looked at what is held
            self._command("neocaret.reloadModel")
        if self._turn % 70 == 0:
            self._command("neocaret.accepted", {"completionId": "last"})

    def _command(self, name: str, argument: Any = None) -> None:
        params = {"command": name, "arguments": [argument or {}]}
        self.questions[self.client.request("workspace/executeCommand", params)] += 1

    def _choose(self) -> int:
        if self._open and self._turn % 12:
            return next(reversed(self._open))
        number = self._chance.randrange(50)
        if number not in self._open:
            self._open_one(number)
        self._open[number] = self._open.pop(number)
        if len(self._open) > MOST_OPEN:
            self._close(next(iter(self._open)))
        return number

    def _open_one(self, number: int) -> None:
        text = self.texts[number % len(self.texts)]
        cut = self._chance.randrange(len(text) // 4, len(text) // 2)
        uri = f"file:///day/{number}.py"
        self._open[number] = buffer = Buffer(uri, text[:cut].split("\n"), text[cut:])
        buffer.line = len(buffer.lines) - 1
        self.client.open("\n".join(buffer.lines), uri)

    def _close(self, number: int) -> None:
        uri = self._open.pop(number).uri
        self.client.notify("textDocument/didClose", {"textDocument": {"uri": uri}})

    def _press(self, buffer: Buffer) -> None:
        if self._turn % 40 == 0:
            buffer.line = self._chance.randrange(len(buffer.lines))
        line = buffer.lines[buffer.line]
        end = len(line)
        if self._chance.random() < 0.08 and end:
            self._change(buffer, end - 1, end, "")
            buffer.lines[buffer.line] = line[:-1]
            return
        key, buffer.to_type = buffer.to_type[:1] or "x", buffer.to_type[1:]
        self._change(buffer, end, end, key)
        if key == "\n":
            buffer.line += 1
            buffer.lines.insert(buffer.line, "")
        else:
            buffer.lines[buffer.line] += key

    def _change(self, buffer: Buffer, first: int, last: int, text: str) -> None:
        buffer.version += 1
        start, end = ({"line": buffer.line, "character": each} for each in (first, last))
        self.client.notify(
            "textDocument/didChange",
            {
                "textDocument": {"uri": buffer.uri, "version": buffer.version},
                "contentChanges": [{"range": {"start": start, "end": end}, "text": text}],
            },
        )

    def _ask(self, buffer: Buffer, *, inline: bool) -> None:
        explicit = self._turn % 15 == 0
        method = INLINE if inline else COMPLETION
        context = {"triggerKind": (1 if explicit else 2) if inline else (1 if explicit else 3)}
        if not inline and not explicit:
            context = {"triggerKind": 1} if self._turn % 2 else {"triggerKind": 3}
        end = len(buffer.lines[buffer.line].encode("utf-16-le")) // 2
        began = time.perf_counter()
        asked = buffer.asked = self.client.request(method, at(buffer.line, end, buffer.uri, context=context))
        self.questions[asked] += 1
        if self._turn % 4 == 0:
            while not self.answers[asked]:
                self._read(30)
            self.waited_ms.append((time.perf_counter() - began) * 1000)
        while (self.questions - self.answers).total() > MOST_WAITING:
            self._read(30)

    def _read(self, seconds: float) -> None:
        message = self.client._queue.get(timeout=seconds)
        if "method" not in message:
            self.answers[message["id"]] += 1
        elif "id" in message:
            self.client.send(id=message["id"], result=None)
