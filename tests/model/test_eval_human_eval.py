"""HumanEval over a small file in its format, with an engine whose samples are known."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from neocaret_model.engine.port import Continuation, GenerationRequest, GenerationResult, ModelInfo, Sampling
from neocaret_model.evaluation.errors import EvaluationError
from neocaret_model.evaluation.human_eval import (
    MOST_TOKENS,
    STOP,
    HumanEvalPlan,
    evaluate_human_eval,
    pass_at_k,
    read_problems,
    sample,
)
from neocaret_model.evaluation.report import as_json
from neocaret_model.evaluation.run import Plan, evaluate
from neocaret_model.evaluation.sandbox import Limits
from neocaret_model.evaluation.tables import as_text
from neocaret_model.loading import load_engine

ADD = {
    "task_id": "Small/0",
    "prompt": 'def add(a: int, b: int) -> int:\n    """The sum.\n    >>> add(1, 2)\n    3\n    """\n',
    "entry_point": "add",
    "canonical_solution": "    return a + b\n",
    "test": "def check(candidate):\n    assert candidate(1, 2) == 3\n    assert candidate(-1, 1) == 0\n",
}
ONE = {
    "task_id": "Small/1",
    "prompt": "def one():\n",
    "entry_point": "one",
    "canonical_solution": "    return 1\n",
    "test": "\n\nMETADATA = {}\n\n\ndef check(candidate):\n    assert candidate() == 1\n",
}
LIMITS = Limits(seconds=30)


def write(path: Path, *problems: Any) -> Path:
    path.write_text("".join(json.dumps(problem) + "\n" for problem in problems), encoding="utf-8")
    return path


def plan(file: Path, **changes: Any) -> HumanEvalPlan:
    given: dict[str, Any] = {"samples": 4, "temperature": 0.2, "top_p": 0.95, "seed": 7, "limits": LIMITS}
    return HumanEvalPlan(file, **given | changes)


@dataclass
class Writer:
    """Completes a prompt by what the script has for it, row after row."""

    script: dict[str, list[str]]
    requests: list[GenerationRequest] = field(default_factory=list)

    @property
    def info(self) -> ModelInfo:
        return ModelInfo("writer", "folder", "cpu", "float32", 7, 2048)

    def generate(self, request: GenerationRequest, *_: Any) -> GenerationResult:
        self.requests.append(request)
        texts = self.script[request.prompt]
        rows = tuple(Continuation(texts[row % len(texts)], 1, -1.0, "stop", -1.0) for row in range(len(request.rows)))
        return GenerationResult(rows, 1, 1, 0, 0, 0.0, 0.0)

    def score(self, text: str) -> tuple[float, ...]:
        return (-1.0,) * len(text)

    def clear_cache(self) -> None:
        pass


# The file


@pytest.mark.parametrize("pack", [lambda data: data, gzip.compress], ids=["plain", "gzip"])
def test_file_is_read_packed_or_not(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    file = write(tmp_path / "problems", ADD, ONE)
    file.write_bytes(pack(file.read_bytes() + b"\n"))
    first, second = read_problems(file)
    assert (first.task_id, first.entry_point, second.prompt) == ("Small/0", "add", "def one():\n")


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "holds no problem"),
        (b"{}\n", r"line 1.*task_id"),
        (b"\n[1]\n", "line 2"),
        (b"{\n", "line 1"),
        (b'{"task_id": 1, "prompt": "x", "entry_point": "f", "test": "t"}\n', "must be texts"),
        (b"\xff\xfe\n", "cannot be read"),
        (b"\x1f\x8bno gzip", "cannot be read"),
        (gzip.compress(b"x" * 999)[:20], "cannot be read"),
    ],
)
def test_file_that_is_none_of_the_benchmark_is_told(tmp_path: Path, data: bytes, says: str) -> None:
    file = tmp_path / "problems"
    file.write_bytes(data)
    with pytest.raises(EvaluationError, match=says) as error:
        read_problems(file)
    assert str(file) in str(error.value)


def test_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="cannot be read"):
        read_problems(tmp_path / "none")


# The samples


def test_samples_end_as_in_the_paper_and_are_decoded_together() -> None:
    writer = Writer({"p": ["a", "b"]})
    assert sample(writer, "p", plan(Path("f"), samples=3)) == ["a", "b", "a"]
    (request,) = writer.requests
    assert (request.prompt, request.stop, request.max_new_tokens) == ("p", STOP, MOST_TOKENS)
    assert request.rows == tuple(Sampling(0.2, top_p=0.95, seed=seed) for seed in (7, 8, 9))
    assert set(STOP) == {"\nclass", "\ndef", "\n#", "\nif", "\nprint"}


def test_many_samples_are_decoded_in_parts() -> None:
    writer = Writer({"p": ["a"]})
    assert len(sample(writer, "p", plan(Path("f"), samples=40))) == 40
    assert [len(request.rows) for request in writer.requests] == [16, 16, 8]
    assert [row.seed for request in writer.requests for row in request.rows] == list(range(7, 47))


@pytest.mark.parametrize(("changes", "says"), [({"samples": 0}, "1 or more"), ({"temperature": 0.0}, "temperature")])
def test_plan_that_measures_nothing_is_refused(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        plan(Path("f"), **changes)


# pass@k


@pytest.mark.parametrize(
    ("samples", "passed", "k", "expected"),
    [(5, 2, 1, 0.4), (5, 2, 3, 0.9), (5, 2, 4, 1.0), (5, 0, 5, 0.0), (5, 5, 1, 1.0), (1, 1, 1, 1.0), (100, 1, 10, 0.1)],
)
def test_estimate_is_the_share_of_the_draws_that_hold_a_pass(
    samples: int, passed: int, k: int, expected: float
) -> None:
    assert pass_at_k(samples, passed, k) == pytest.approx(expected)


# The whole


GOOD, BAD, LOOP = "    return a + b\n", "    return a - b\n", "    while True: pass\n"
EXIT = "    import os\n    os._exit(0)\n"


def test_samples_are_run_and_counted(tmp_path: Path) -> None:
    file = write(tmp_path / "problems", ADD, ONE)
    told: list[tuple[int, int]] = []
    writer = Writer({ADD["prompt"]: [GOOD, BAD, GOOD, EXIT], ONE["prompt"]: ["    return 2", "", "  x y", GOOD]})
    report = evaluate_human_eval(
        writer, read_problems(file), plan(file), lambda done, total: told.append((done, total)), alone=True
    )
    assert report.passed == {"Small/0": 2, "Small/1": 0}
    assert report.verdicts == {"passed": 2, "failed": 6}
    assert list(report.pass_at) == [1]
    value, interval = report.pass_at[1]
    assert value == pytest.approx((2 / 4 + 0) / 2)
    assert interval == pytest.approx((0.0267, 0.8021), abs=1e-4)
    assert told == [(1, 2), (2, 2)]


def test_endless_sample_times_out(tmp_path: Path) -> None:
    file = write(tmp_path / "problems", ADD)
    short = plan(file, samples=1, limits=Limits(seconds=1))
    report = evaluate_human_eval(
        Writer({ADD["prompt"]: [LOOP]}), read_problems(file), short, lambda _, __: None, alone=False
    )
    assert report.verdicts == {"timeout": 1}


def test_pass_at_ten_needs_ten_samples(tmp_path: Path) -> None:
    file = write(tmp_path / "problems", ADD)
    # Of the 16 that are decoded together 4 pass, and of the 4 others 1.
    writer = Writer({ADD["prompt"]: [GOOD, BAD, BAD, BAD, BAD]})
    report = evaluate_human_eval(writer, read_problems(file), plan(file, samples=20), lambda _, __: None, alone=False)
    assert list(report.pass_at) == [1, 10]
    assert report.pass_at[1][0] == pytest.approx(0.25)
    assert report.pass_at[10][0] == pytest.approx(1 - 3003 / 184756)  # C(15, 10) / C(20, 10)


def test_report_holds_the_figures(tmp_path: Path) -> None:
    file = write(tmp_path / "problems", ADD)
    report = evaluate(Plan(None, plan(file)), lambda: Writer({ADD["prompt"]: [GOOD, GOOD, GOOD, BAD]}), lambda *_: None)
    figures = json.loads(json.dumps(as_json(report)))
    assert sorted(figures) == ["human_eval", "model"]
    del figures["human_eval"]["network_namespace"]
    assert figures["human_eval"] == {
        "problems": 1,
        "samples": 4,
        "temperature": 0.2,
        "pass_at": {"1": {"value": 0.75, "interval_95": [0.1179, 0.9854]}},
        "passed": {"Small/0": 3},
        "verdicts": {"failed": 1, "passed": 3},
    }
    lines = as_text(report).splitlines()
    assert lines[0] == "writer: 7e-06 M parameters on cpu in float32"
    assert lines[3].split() == ["pass@1", "1", "4", "0.2", "75.0", "%", "11.8", "to", "98.5"]
    assert lines[4].startswith("programs: 1 failed, 3 passed; run ")


def test_broken_file_is_told_before_the_model_is_loaded(tmp_path: Path) -> None:
    def load() -> Writer:
        raise AssertionError

    with pytest.raises(EvaluationError, match="holds no problem"):
        evaluate(Plan(None, plan(write(tmp_path / "problems"))), load, lambda *_: None)


def test_tiny_model_writes_programs_that_are_run(tiny_folder: Path, tmp_path: Path) -> None:
    file = write(tmp_path / "problems", ADD, ONE)
    report = evaluate(
        Plan(None, plan(file, samples=2)), lambda: load_engine(str(tiny_folder), device="cpu"), lambda *_: None
    )
    assert report.human_eval is not None
    assert report.human_eval.verdicts == {"failed": 4}
    assert report.human_eval.passed == {"Small/0": 0, "Small/1": 0}
