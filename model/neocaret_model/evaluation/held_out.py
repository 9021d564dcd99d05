"""The evaluation on held-out code: a model, and what needs no model, at the same places."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from neocaret_model.engine.port import Engine
from neocaret_model.evaluation.carets import Caret, draw_carets
from neocaret_model.evaluation.errors import EvaluationError
from neocaret_model.evaluation.lines import LineReport, measure_lines
from neocaret_model.evaluation.ngram import ngram_lines
from neocaret_model.evaluation.prompt import reads_path_comment
from neocaret_model.evaluation.similar_line import similar_lines
from neocaret_model.evaluation.source_files import SourceFiles
from neocaret_model.evaluation.suggestions import Asking, Suggest, ask_engine

Progress = Callable[[str, int, int], None]
"""Called with what is going on, how much of it is done, and of how much."""

MODEL = "model"


@dataclass(frozen=True, slots=True)
class CodePlan:
    """What is to be measured on code."""

    folders: tuple[Path, ...]
    """Whose Python files are held out."""
    carets: int
    seed: int
    """Of the places that are drawn."""
    asking: Asking
    """How the model is asked at the carets: a row for each candidate."""


@dataclass(frozen=True, slots=True)
class CodeReport:
    """What was measured on code; each figure for the model and for the baselines, by name."""

    files: int
    left_out: int
    bytes: int
    fingerprint: str
    lines: dict[str, LineReport]


def evaluate_code(engine: Engine, sources: SourceFiles, plan: CodePlan, progress: Progress) -> CodeReport:
    """Measure a model and the baselines on the same files.

    Raises:
        EvaluationError: the files have no place for a caret.
        ModelError: the model cannot answer.
    """
    carets = draw_carets(
        sources.files, plan.carets, plan.seed, lambda done, total: progress("Reading files", done, total)
    )
    if not carets:
        raise EvaluationError("The files hold no line of Python that could be continued: name another folder.")
    return CodeReport(
        files=len(sources.files),
        left_out=sources.left_out,
        bytes=sources.bytes,
        fingerprint=sources.fingerprint,
        lines=_lines(engine, carets, plan, progress),
    )


def _lines(engine: Engine, carets: list[Caret], plan: CodePlan, progress: Progress) -> dict[str, LineReport]:
    candidates = len(plan.asking.rows)
    model = ask_engine(engine, plan.asking, path_comment=reads_path_comment(Path(engine.info.folder)))

    def measure(name: str, suggest: Suggest, before_each: Callable[[], None]) -> LineReport:
        return measure_lines(
            suggest, carets, candidates, before_each, lambda done, total: progress(f"Carets: {name}", done, total)
        )

    # The model begins each caret with nothing cached, as when a file was just opened.
    reports = {MODEL: measure(engine.info.name, model, engine.clear_cache)}
    for name, suggest in baselines(candidates).items():
        reports[name] = measure(name, suggest, _nothing)
    return reports


def baselines(candidates: int) -> dict[str, Suggest]:
    """Return what suggests so many lines without a model, by name."""
    return {
        "similar line": lambda _, before: similar_lines(before, candidates),
        "n-gram of the file": lambda _, before: ngram_lines(before, candidates),
    }


def _nothing() -> None:
    pass
