# ruff: noqa: TID253 - an engine's memory is short here
"""An engine that raises, hangs, or has too little memory: everyone is answered, and the next question is a new one."""

from __future__ import annotations

import json
import logging
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from raw_client import AUTOMATIC, EXPLICIT, Start, at

from neocaret_model.engine.engine import LocalEngine
from neocaret_server.backend import BackendError, CancelToken, Completion, CompletionRequest, ModelChoice
from neocaret_server.model_backend import ModelBackend

RECORDING = Path(__file__).with_name("recording_server.py")
COMPLETION, INLINE = "textDocument/completion", "textDocument/inlineCompletion"
LINES = "".join(f"name_{number} = {number}\n" for number in range(400))


def recording(start: Start, tmp_path: Path, how: str) -> Any:
    client = start(command=(sys.executable, str(RECORDING), str(tmp_path / "prompts"), how))
    client.initialize(initializationOptions={"deadlineMs": 200, "delayMs": 0})
    client.open("x = ")
    return client


@pytest.mark.parametrize("how", ["begin", "advance", "panic at begin", "panic at advance"])
def test_an_engine_that_raises_answers_every_question_with_nothing(start: Start, tmp_path: Path, how: str) -> None:
    client = recording(start, tmp_path, how)
    for version in range(2, 12):
        client.change("x = " + "y" * version, version)
        for method, when in ((COMPLETION, EXPLICIT), (INLINE, EXPLICIT), (COMPLETION, AUTOMATIC)):
            answer = client.ask(method, at(0, 4 + version, **when))
            assert not (answer["result"] or {}).get("items")
    status = client.command("neocaret.status")["result"]
    assert status["lastError"]
    assert "x = " not in json.dumps(status)
    assert "error" in client.command("neocaret.generate", {"prompt": "x = "})
    client.ask("shutdown", None)
    client.notify("exit", None)
    assert client.end() == 0


def test_an_engine_that_hangs_holds_up_nothing_but_the_model(start: Start, tmp_path: Path) -> None:
    client = recording(start, tmp_path, "hangs")
    waits = [client.request(method, at(0, 4, **EXPLICIT)) for method in (COMPLETION, INLINE)]
    waits.append(
        client.request("workspace/executeCommand", {"command": "neocaret.generate", "arguments": [{"prompt": "x"}]})
    )
    began = time.monotonic()
    client.change("x = y", 2)
    assert client.command("neocaret.status")["result"]["state"] == "ready"
    assert not (client.ask(COMPLETION, at(0, 5, **AUTOMATIC))["result"] or {}).get("items"), "in time, with nothing"
    target = tmp_path / "x"
    assert "result" in client.command(
        "neocaret.exportCompletion", {"path": str(target), "text": "x", "outsideWorkspace": True}
    )
    for each in waits:
        client.notify("$/cancelRequest", {"id": each})
        answer = client.answer(each)
        assert answer.get("error", {}).get("code") in {-32800, None}
    last = client.request(COMPLETION, at(0, 5, **EXPLICIT))
    client.ask("shutdown", None)
    assert "id" in client.answer(last)
    client.notify("exit", None)
    assert client.end() == 0
    assert time.monotonic() - began < 10


# Too little memory


def out_of_memory(kind: str) -> Exception:
    import torch

    if kind == "device":
        return torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB")
    if kind == "cpu":
        return RuntimeError("[enforce fail at alloc_cpu.cpp:121] . DefaultCPUAllocator: can't allocate memory")
    return MemoryError()


class Short:
    """Stands before a runner, and has memory for so many rows and so many tokens of a prompt."""

    def __init__(self, runner: Any, kind: str) -> None:
        self._runner, self._kind = runner, kind
        self.rows_at_most, self.tokens_at_most = 8, 10_000

    def __getattr__(self, name: str) -> Any:
        return getattr(self._runner, name)

    def prefill(self, tokens: Any, kept: Any, given_up: Any) -> Any:
        if kept.length + len(tokens) > self.tokens_at_most:
            raise out_of_memory(self._kind)
        return self._runner.prefill(tokens, kept, given_up)

    def rows(self, kept: Any, count: int) -> Any:
        if count > self.rows_at_most:
            raise out_of_memory(self._kind)
        return self._runner.rows(kept, count)


@pytest.fixture(scope="module")
def backend() -> ModelBackend:
    loaded = ModelBackend()
    loaded.load(ModelChoice("bundled", "cpu"), lambda _: None, CancelToken())
    return loaded


@pytest.fixture(params=["device", "cpu", "python"])
def short(backend: ModelBackend, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Short:
    engine = backend._engine
    assert isinstance(engine, LocalEngine)
    engine.clear_cache()
    runner = Short(engine._runner, request.param)
    monkeypatch.setattr(engine._stepper, "_runner", runner)
    return runner


def complete(backend: ModelBackend, candidates: int = 4) -> Completion:
    asked = CompletionRequest(LINES, candidates=candidates, max_new_tokens=3, temperature=1.0, seed=1)
    return backend.complete(asked, CancelToken())


def check(backend: ModelBackend) -> None:
    assert isinstance(backend._engine, LocalEngine)
    prefixes = backend._engine._stepper.prefixes
    prefixes.check()
    assert not any(slot.lent for slot in prefixes._slots)


def test_memory_for_fewer_rows_gives_fewer_candidates(
    backend: ModelBackend, short: Short, caplog: pytest.LogCaptureFixture
) -> None:
    short.rows_at_most = 1
    assert len(complete(backend).candidates) == 1
    assert [record.getMessage()[:42] for record in caplog.records if record.levelno == logging.WARNING] == [
        "out of memory; asked again with 2 candidat",
        "out of memory; asked again with 1 candidat",
    ]
    assert "name_" not in caplog.text
    short.rows_at_most = 8
    assert len(complete(backend).candidates) == 4
    check(backend)


def test_memory_for_fewer_tokens_gives_a_shorter_context(backend: ModelBackend, short: Short) -> None:
    short.tokens_at_most = 300
    completion = complete(backend)
    assert len(completion.candidates) == 1
    assert 50 < completion.used_tokens <= 300
    check(backend)


def test_no_memory_at_all_is_told(backend: ModelBackend, short: Short) -> None:
    short.tokens_at_most = 0
    with pytest.raises(BackendError, match="memory"):
        complete(backend)
    short.tokens_at_most = 10_000
    assert len(complete(backend).candidates) == 4
    check(backend)


def test_one_who_lacks_memory_does_not_end_the_others(backend: ModelBackend, short: Short) -> None:
    short.rows_at_most = 2
    asked = [CompletionRequest(f"x_{each} = ", candidates=2 + 2 * each, max_new_tokens=4, seed=1) for each in range(2)]
    works = [backend.begin(each, CancelToken()) for each in asked]
    while not all(work.done for work in works):
        backend.advance(works)
    assert [len(work.result().candidates) for work in works] == [2, 2]
    check(backend)
