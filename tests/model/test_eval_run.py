"""A whole evaluation, over an engine whose answers are known and over a tiny random model."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from neocaret_model.engine.port import (
    CancelToken,
    Continuation,
    Engine,
    GenerationRequest,
    GenerationResult,
    ModelInfo,
    Sampling,
    TokenProgress,
)
from neocaret_model.evaluation.errors import EvaluationError
from neocaret_model.evaluation.held_out import CodePlan, CodeReport
from neocaret_model.evaluation.report import Report, as_json
from neocaret_model.evaluation.run import Plan, evaluate
from neocaret_model.evaluation.suggestions import Asking
from neocaret_model.evaluation.tables import as_text
from neocaret_model.loading import load_engine

LADDER = (Sampling(), Sampling(temperature=0.4, seed=2), Sampling(temperature=0.5, seed=3))


def in_order(_before: str, _others: Sequence[str], continuations: Sequence[Continuation]) -> list[str]:
    return [continuation.text for continuation in continuations]


@dataclass
class ScriptedEngine:
    """Continues a prompt with what the script has for its last line."""

    script: dict[str, tuple[str, ...]]
    folder: Path
    requests: list[GenerationRequest] = field(default_factory=list)
    cleared: int = 0

    @property
    def info(self) -> ModelInfo:
        return ModelInfo("scripted", str(self.folder), "cpu", "float32", 1_234_567, 2048)

    def generate(
        self, request: GenerationRequest, cancel: CancelToken | None = None, progress: TokenProgress | None = None
    ) -> GenerationResult:
        assert cancel is None
        assert progress is None
        self.requests.append(request)
        texts = self.script.get(request.prompt.rpartition("\n")[2], ())
        padded = (*texts, *[""] * len(request.rows))[: len(request.rows)]
        return GenerationResult(
            tuple(Continuation(text, 1, -1.0, "stop", -1.0) for text in padded), 1, 1, 0, 0, 0.0, 0.0
        )

    def score(self, text: str) -> tuple[float, ...]:
        return (-1.0,) * len(text)

    def clear_cache(self) -> None:
        self.cleared += 1


TEXT = "a = b\n" + "x = y\n" * 3


def code_plan(folder: Path, **changes: Any) -> CodePlan:
    (folder / "code").mkdir(exist_ok=True)
    (folder / "code" / "a.py").write_text(TEXT, encoding="utf-8", newline="\n")
    given: dict[str, Any] = {
        "folders": (folder / "code",),
        "carets": 60,
        "asking": Asking(3, LADDER, 7, in_order),
        "typed_lines": 0,
        "typing": Asking(1, LADDER[:1], 5, in_order),
        "text_bytes": 0,
        "seed": 1,
    }
    return CodePlan(**given | changes)


def measured(engine: Engine, plan: CodePlan) -> CodeReport:
    code = run(engine, plan).code
    assert code is not None
    return code


def run(engine: Engine, plan: CodePlan, told: list[tuple[str, int, int]] | None = None) -> Report:
    return evaluate(Plan(plan, None), lambda: engine, lambda *step: None if told is None else told.append(step))


# There are 3 carets at line starts and 4 after "=" in the text.


def test_every_figure_is_that_of_the_script(tmp_path: Path) -> None:
    engine = ScriptedEngine({"": ("", "x = y"), "x =": (" y",), "a =": (" a", "", " b")}, tmp_path)
    report = measured(engine, code_plan(tmp_path))
    model = report.lines["model"]
    assert {kind: figures.carets for kind, figures in model.by_kind.items()} == {"line start": 3, "=": 4}
    assert {best: share.hits for best, share in model.by_kind["line start"].exact.items()} == {1: 0, 3: 3}
    assert {best: share.hits for best, share in model.by_kind["="].exact.items()} == {1: 3, 3: 4}
    assert model.overall.similarity == pytest.approx((3 * 0 + 3 * 1 + 0.5) / 7)
    similar = report.lines["similar line"]
    # The first line is like nothing before it, and the second is like the first.
    assert {best: share.hits for best, share in similar.by_kind["line start"].exact.items()} == {1: 2, 3: 2}
    assert similar.by_kind["="].exact[1].hits == 2


def test_model_is_asked_as_the_plan_says_and_for_one_line(tmp_path: Path) -> None:
    engine = ScriptedEngine({}, tmp_path)
    run(engine, code_plan(tmp_path))
    assert len(engine.requests) == engine.cleared == 7
    assert {(one.rows, one.max_new_tokens, one.stop) for one in engine.requests} == {(LADDER, 7, ("\n",))}
    assert {one.prompt for one in engine.requests} == {TEXT[:end] for end in (3, 6, 9, 12, 15, 18, 21)}


def test_all_work_is_told(tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    run(ScriptedEngine({}, tmp_path), code_plan(tmp_path), told)
    assert told[:2] == [("Drawing carets", 1, 1), ("Carets: scripted", 1, 7)]
    assert {message for message, done, total in told if done == total == 7} == {
        "Carets: scripted",
        "Carets: similar line",
        "Carets: n-gram of the file",
    }


def test_lines_are_typed_as_the_plan_says(tmp_path: Path) -> None:
    engine = ScriptedEngine({"": ("x = y",)}, tmp_path)
    report = measured(engine, code_plan(tmp_path, carets=0, typed_lines=9))
    assert report.lines == {}
    assert {name: typing.keystrokes for name, typing in report.typing.items()} == {
        "model": 3,
        # Nothing above the first line is like it; the second line itself is typed but for what follows its x or =.
        "similar line": 5 + 1 + 1,
        "n-gram of the file": 5 + 1 + 1,
    }
    assert {typing.characters for typing in report.typing.values()} == {15}
    assert {(one.rows, one.max_new_tokens) for one in engine.requests} == {(LADDER[:1], 5)}
    assert engine.cleared == 3


def test_bits_are_counted_of_drawn_files(tmp_path: Path) -> None:
    report = measured(ScriptedEngine({}, tmp_path), code_plan(tmp_path, carets=0, text_bytes=1000))
    assert report.bits is not None
    # The scripted engine gives each character a natural logarithm of -1.
    assert report.bits.value == pytest.approx(1.442695)


def test_report_as_json_holds_all_figures(tmp_path: Path) -> None:
    engine = ScriptedEngine({"x =": (" y",)}, tmp_path)
    figures = json.loads(json.dumps(as_json(run(engine, code_plan(tmp_path)))))
    assert figures["model"]["name"] == "scripted"
    assert figures["data"]["files"] == 1
    assert figures["data"]["bytes"] == len(TEXT)
    assert list(figures["lines"]) == ["model", "similar line", "n-gram of the file"]
    equals = figures["lines"]["model"]["kinds"]["="]
    assert equals["carets"] == 4
    assert equals["exact_match"]["1"] == {"value": 0.75, "interval_95": [0.3006, 0.9544], "hits": 3}
    assert equals["edit_similarity"] == 0.75


def test_report_as_text_is_aligned(tmp_path: Path) -> None:
    lines = as_text(run(ScriptedEngine({"x =": (" y",)}, tmp_path), code_plan(tmp_path))).splitlines()
    assert lines[0] == "scripted: 1.23 M parameters on cpu in float32"
    assert lines[2].startswith("1 files, 0 kB, fingerprint ")
    heading = lines[4]
    assert heading.split("  ")[0] == "rest of the line"
    assert {len(line) for line in lines[4:]} == {len(heading)}
    assert lines[7].split() == ["=", "4", "75.0", "%", "30.1", "to", "95.4", "75.0", "%", "0.750", lines[7].split()[-1]]


def test_what_was_left_out_is_not_reported(tmp_path: Path) -> None:
    plan = code_plan(tmp_path, carets=0)
    report = run(ScriptedEngine({}, tmp_path), plan)
    assert list(as_json(report)) == ["model", "data"]
    assert len(as_text(report).splitlines()) == 3


def test_typing_and_bits_are_reported(tmp_path: Path) -> None:
    plan = code_plan(tmp_path, carets=0, typed_lines=9, text_bytes=1000)
    report = run(ScriptedEngine({"": ("x = y",)}, tmp_path), plan)
    figures = json.loads(json.dumps(as_json(report)))
    typing = figures["typing"]["model"]
    assert typing.pop("median_ms") >= 0
    assert typing == {
        "lines": 3,
        "characters": 15,
        "keystrokes": 3,
        "saved_per_keystroke": {"value": 4.0, "interval_95": [4.0, 4.0]},
        "completed": 1.0,
        "asked": 3,
    }
    assert figures["bits_per_byte"] == {
        "value": 1.4427,
        "interval_95": [1.4427, 1.4427],
        "files": 1,
        "bytes": 24,
        "tokens": 24,
    }
    lines = [line.split() for line in as_text(report).splitlines()]
    assert lines[5][:8] == ["scripted", "3", "15", "3", "4.00", "4.00", "to", "4.00"]
    assert lines[-1] == ["scripted", "1", "0", "1.00", "1.443", "1.44", "to", "1.44"]


def test_files_are_looked_for_before_the_model_is_loaded(tmp_path: Path) -> None:
    def load() -> Engine:
        raise AssertionError

    with pytest.raises(EvaluationError, match="nowhere"):
        evaluate(Plan(code_plan(tmp_path, folders=(tmp_path / "nowhere",)), None), load, lambda *_: None)


def test_files_without_code_are_refused(tmp_path: Path) -> None:
    plan = code_plan(tmp_path)
    (tmp_path / "code" / "a.py").write_text("# nothing\n")
    with pytest.raises(EvaluationError, match="no line of Python"):
        run(ScriptedEngine({}, tmp_path), plan)


def test_tiny_model_gives_the_same_figures_twice(tiny_folder: Path, tmp_path: Path) -> None:
    plan = code_plan(tmp_path, carets=12, typed_lines=2, text_bytes=1000)

    def figures() -> tuple[Any, ...]:
        report = as_json(run(load_engine(str(tiny_folder), device="cpu"), plan))
        lines, typing = report["lines"]["model"]["overall"], report["typing"]["model"]
        return lines["exact_match"], lines["edit_similarity"], typing["keystrokes"], report["bits_per_byte"]

    assert figures() == figures()


# The path comment


def test_engine_is_told_the_path_of_each_file(tmp_path: Path) -> None:
    engine = ScriptedEngine({}, tmp_path)
    run(engine, code_plan(tmp_path))
    assert {(one.path, one.prompt) for one in engine.requests} == {
        ("a.py", TEXT[:end]) for end in (3, 6, 9, 12, 15, 18, 21)
    }
