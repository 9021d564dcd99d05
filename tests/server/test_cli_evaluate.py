# ruff: noqa: TID253 - the bridge to the evaluation is tested against the engine's port
from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import neocaret_model
import neocaret_server
from neocaret_model.engine.port import (
    Continuation,
    GenerationRequest,
    GenerationResult,
    ModelInfo,
    Sampling,
    Work,
)
from neocaret_server.backend import BackendError, CancelToken, CompletionRequest, LoadProgress, ModelChoice
from neocaret_server.cli import main
from neocaret_server.cli.services import Services
from neocaret_server.evaluation import Evaluation, EvaluationRequest, WorkProgress
from neocaret_server.model_backend import ModelBackend, evaluate, generation_request
from neocaret_server.tidy import CaretText, tidy

# The command

FIGURES = {"lines": {"model": 1}}


def run(
    capfd: pytest.CaptureFixture[str], *arguments: str, fails: str = ""
) -> tuple[int, str, str, list[EvaluationRequest]]:
    asked: list[EvaluationRequest] = []

    def fake(
        request: EvaluationRequest, loading: Callable[[LoadProgress], None], working: WorkProgress, _: CancelToken
    ) -> Evaluation:
        asked.append(request)
        if fails:
            raise BackendError(fails)
        sys.stdout.write("chatter")
        loading(LoadProgress("Loading m", 1, 2))
        working("Carets: m", 1, 2)
        return Evaluation(FIGURES, "a table\x1b[1m\n")

    code = main(["eval", *arguments], Services(evaluate=fake))
    return code, *capfd.readouterr(), asked


def test_table_is_printed_and_nothing_else(capfd: pytest.CaptureFixture[str]) -> None:
    assert run(capfd) == (0, "a table\\x1b[1m\n", "chatter", [EvaluationRequest()])


def test_figures_are_printed_as_json(capfd: pytest.CaptureFixture[str]) -> None:
    code, out, _, _ = run(capfd, "--json")
    assert (code, json.loads(out)) == (0, FIGURES)


def test_options_reach_the_evaluation(capfd: pytest.CaptureFixture[str]) -> None:
    options = "--model m --device cpu --dtype float32 --data a --data b/c --carets 9 --no-document-ngrams"
    more = "--other-files 3 --lines 8 --kilobytes 7 -n 2 --max-new-tokens 6 --seed 5"
    human_eval = "--human-eval f --samples 4 --temperature 0.3"
    (request,) = run(capfd, *options.split(), *more.split(), *human_eval.split())[3]
    assert request == EvaluationRequest(
        choice=ModelChoice("m", "cpu", "float32"),
        folders=(Path("a"), Path("b/c")),
        carets=9,
        lines=8,
        kilobytes=7,
        candidates=2,
        max_new_tokens=6,
        document_ngrams=False,
        other_files=3,
        human_eval=Path("f"),
        samples=4,
        temperature=0.3,
        seed=5,
    )


def test_human_eval_is_run_alone_unless_data_is_named(capfd: pytest.CaptureFixture[str]) -> None:
    (alone,) = run(capfd, "--human-eval", "f")[3]
    (both,) = run(capfd, "--human-eval", "f", "--data", "d")[3]
    assert (alone.code, both.code) == (False, True)


@pytest.mark.parametrize(
    "option",
    [
        "--carets=-1",
        "--lines=-1",
        "--kilobytes=-1",
        "--candidates=0",
        "-n=9",
        "--seed=-1",
        "--max-new-tokens=0",
        "--samples=0",
        "--temperature=-1",
    ],
)
def test_number_out_of_range_is_one_sentence(capfd: pytest.CaptureFixture[str], option: str) -> None:
    name = option.partition("=")[0]
    code, out, err, asked = run(capfd, name, option.partition("=")[2])
    assert (code, out, asked) == (2, "", [])
    assert name in err
    assert err.count("\n") == 1


def test_failure_is_one_sentence(capfd: pytest.CaptureFixture[str]) -> None:
    code, out, err, _ = run(capfd, fails="x is no folder: give one.")
    assert (code, out, err) == (1, "", "neocaret: x is no folder: give one.\n")


def test_terminal_sees_what_is_going_on(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setattr("rich.console.Console.is_terminal", True)
    assert "Carets: m" in run(capfd)[2]


# The bridge


@dataclass
class Whole:
    """What is done as soon as it is begun."""

    _result: GenerationResult
    done: bool = True

    def partial(self) -> tuple[Continuation, ...]:
        return self._result.continuations

    def result(self) -> GenerationResult:
        return self._result


class FirstWordEngine:
    """Row by row, offers ever less likely words."""

    def __init__(self) -> None:
        self.requests: list[GenerationRequest] = []

    @property
    def info(self) -> ModelInfo:
        return ModelInfo("m", "folder", "cpu", "float32", 7, 2048)

    def begin(self, request: GenerationRequest, *_: Any) -> Whole:
        return Whole(self.generate(request))

    def advance(self, works: Sequence[Work]) -> None:
        assert all(work.done for work in works)

    def generate(self, request: GenerationRequest, *_: Any) -> GenerationResult:
        self.requests.append(request)
        texts = ("late", "blank  ", " ", "early", "early")
        rows = tuple(
            Continuation(text, 1, -1 / (row + 1), "stop", -1 / (row + 1))
            for row, text in enumerate(texts[: len(request.rows)])
        )
        return GenerationResult(rows, 1, 1, 0, 0, 0.0, 0.0)

    def score(self, text: str) -> tuple[float, ...]:
        return (-1.0,) * len(text)

    def clear_cache(self) -> None:
        pass


def measured(request: EvaluationRequest, engine: FirstWordEngine) -> dict[str, Any]:
    return evaluate(request, lambda _: None, lambda *_: None, CancelToken(), lambda *_: engine).figures


def test_model_is_asked_and_its_answers_ranked_as_for_a_suggestion(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = late\nlate\nearly\nblank\n")
    engine = FirstWordEngine()
    figures = measured(EvaluationRequest(folders=(tmp_path,), lines=0, seed=4), engine)
    asked = generation_request(CompletionRequest("x =", candidates=5, seed=4, stop=("\n",), path="a.py"))
    assert engine.requests[0] == asked
    backend = ModelBackend(lambda *_: FirstWordEngine())
    backend.load(ModelChoice(), lambda _: None, CancelToken())
    offered = backend.complete(CompletionRequest("x =", candidates=5), CancelToken())
    assert tidy(offered.candidates, CaretText(), single_line=True) == ["early", "blank", "late"]
    starts = figures["lines"]["model"]["kinds"]["line start"]["exact_match"]
    assert {best: share["hits"] for best, share in starts.items()} == {"1": 2, "3": 3, "5": 3}


def test_lines_are_typed_with_as_many_candidates_as_a_suggestion_has(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = late\nlate\n")
    engine = FirstWordEngine()
    measured(EvaluationRequest(folders=(tmp_path,), carets=0, candidates=1, seed=4), engine)
    assert engine.requests[0] == generation_request(CompletionRequest("x = late\n", seed=4, stop=("\n",), path="a.py"))


def test_document_weighs_nothing_in_an_evaluation_without_it(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = late\nlate\n")
    engine = FirstWordEngine()
    measured(EvaluationRequest(folders=(tmp_path,), document_ngrams=False), engine)
    assert {row.document_weight for request in engine.requests for row in request.rows} == {0.0}


def test_windows_of_other_files_count_as_text_of_the_document_where_asked_for(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = late\nlate\n")
    (tmp_path / "b.py").write_text("late = 1\n")
    for other_files, elsewhere in ((0, {()}), (1, {(), ("late = 1\n",), ("x = late\nlate\n",)})):
        engine = FirstWordEngine()
        measured(EvaluationRequest(folders=(tmp_path,), lines=0, other_files=other_files), engine)
        assert {request.elsewhere for request in engine.requests} == elsewhere


def test_without_folders_the_source_of_neocaret_is_held_out() -> None:
    engine = FirstWordEngine()
    data = measured(EvaluationRequest(carets=6, lines=0, candidates=1), engine)["data"]
    ours = [Path(package.__path__[0]) for package in (neocaret_model, neocaret_server)]
    assert data["files"] + data["left_out"] == sum(len(list(folder.rglob("*.py"))) for folder in ours)
    assert {request.rows for request in engine.requests} == {(Sampling(document_weight=1.0),)}


def test_samples_of_human_eval_are_drawn_as_asked(tmp_path: Path) -> None:
    problem = {"task_id": "t", "prompt": "def f():\n", "entry_point": "f", "test": "def check(f): f()"}
    (tmp_path / "problems").write_text(json.dumps(problem))
    engine = FirstWordEngine()
    asked = EvaluationRequest(code=False, human_eval=tmp_path / "problems", samples=3, temperature=0.3, seed=9)
    figures = measured(asked, engine)
    assert sorted(figures) == ["human_eval", "model"]
    assert figures["human_eval"]["verdicts"] == {"failed": 3}
    (request,) = engine.requests
    assert request.rows == tuple(Sampling(0.3, top_p=0.95, seed=seed) for seed in (9, 10, 11))


def test_what_the_model_cannot_do_is_told_plainly(tmp_path: Path) -> None:
    with pytest.raises(BackendError, match="is no folder"):
        measured(EvaluationRequest(folders=(tmp_path / "none",)), FirstWordEngine())
    with pytest.raises(BackendError, match="no/such/model"):
        evaluate(EvaluationRequest(ModelChoice("./no/such/model")), lambda _: None, lambda *_: None, CancelToken())
