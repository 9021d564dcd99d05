"""The evaluation on held-out code: a model, and what needs no model, at the same places."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from neocaret_model.engine.port import Engine
from neocaret_model.evaluation.acceptance import TypingReport, measure_typing
from neocaret_model.evaluation.bits import BitsReport, draw_files, measure_bits
from neocaret_model.evaluation.carets import LINES, Caret, draw_carets
from neocaret_model.evaluation.errors import EvaluationError
from neocaret_model.evaluation.lines import LineReport, measure_lines
from neocaret_model.evaluation.ngram import ngram_lines
from neocaret_model.evaluation.other_files import OtherFiles, Related, no_files, related_to
from neocaret_model.evaluation.source_files import SourceFiles
from neocaret_model.evaluation.suggestions import Asking, Suggest, ask_engine
from neocaret_model.similar_line import similar_lines

Progress = Callable[[str, int, int], None]
"""Called with what is going on, how much of it is done, and of how much."""

MODEL = "model"


@dataclass(frozen=True, slots=True)
class CodePlan:
    """What is to be measured on code; a count of 0 leaves that part out."""

    folders: tuple[Path, ...]
    """Whose Python files are held out."""
    carets: int
    asking: Asking
    """How the model is asked at the carets."""
    typed_lines: int
    typing: Asking
    """How the model is asked while lines are typed."""
    text_bytes: int
    """The most text whose bits are counted."""
    seed: int
    """Of the places, lines and files that are drawn."""
    other_files: OtherFiles | None = None
    """How files beside a caret's own are used, as if they were open or could be read; None where they are not."""


@dataclass(frozen=True, slots=True)
class CodeReport:
    """What was measured on code; with suggestions, for the model and for the baselines by name."""

    files: int
    left_out: int
    bytes: int
    fingerprint: str
    lines: dict[str, LineReport]
    typing: dict[str, TypingReport]
    bits: BitsReport | None


def evaluate_code(engine: Engine, sources: SourceFiles, plan: CodePlan, progress: Progress) -> CodeReport:
    """Measure a model and the baselines on the same files.

    Raises:
        EvaluationError: the files have no place for a caret.
        ModelError: the model cannot answer.
    """
    return CodeReport(
        files=len(sources.files),
        left_out=sources.left_out,
        bytes=sources.bytes,
        fingerprint=sources.fingerprint,
        lines=_lines(engine, sources, plan, progress) if plan.carets else {},
        typing=_typing(engine, sources, plan, progress) if plan.typed_lines else {},
        bits=_bits(engine, sources, plan, progress) if plan.text_bytes else None,
    )


def _lines(engine: Engine, sources: SourceFiles, plan: CodePlan, progress: Progress) -> dict[str, LineReport]:
    carets = _drawn(draw_carets(sources.files, plan.carets, plan.seed, partial(progress, "Drawing carets")))
    return {
        way.name: measure_lines(
            way.suggest, carets, plan.asking.candidates, way.forget, partial(progress, f"Carets: {way.shown}")
        )
        for way in _ways(engine, plan.asking, _related(sources, plan))
    }


def _typing(engine: Engine, sources: SourceFiles, plan: CodePlan, progress: Progress) -> dict[str, TypingReport]:
    carets = _drawn(draw_carets(sources.files, plan.typed_lines, plan.seed, partial(progress, "Drawing lines"), LINES))
    return {
        way.name: measure_typing(way.suggest, carets, way.forget, partial(progress, f"Lines: {way.shown}"))
        for way in _ways(engine, plan.typing, _related(sources, plan))
    }


def _bits(engine: Engine, sources: SourceFiles, plan: CodePlan, progress: Progress) -> BitsReport:
    files = draw_files(sources.files, plan.text_bytes, plan.seed)
    return measure_bits(engine, files, partial(progress, "Files read"))


def _drawn(carets: list[Caret]) -> list[Caret]:
    if not carets:
        raise EvaluationError("The files hold no line of Python that could be continued: name another folder.")
    return carets


@dataclass(frozen=True, slots=True)
class _Way:
    """One way to suggest."""

    name: str
    shown: str
    suggest: Suggest
    forget: Callable[[], None]
    """Makes it begin as when a file was just opened."""


def _related(sources: SourceFiles, plan: CodePlan) -> Related:
    return related_to(sources.files, plan.other_files) if plan.other_files else no_files


def _ways(engine: Engine, asking: Asking, related: Related) -> Iterator[_Way]:
    model = ask_engine(engine, asking, related)
    yield _Way(MODEL, engine.info.name, model, engine.clear_cache)
    yield _baseline("similar line", lambda _, before: similar_lines(before, asking.candidates))
    yield _baseline("n-gram of the file", lambda _, before: ngram_lines(before, asking.candidates))


def _baseline(name: str, suggest: Suggest) -> _Way:
    return _Way(name, name, suggest, _forget_nothing)


def _forget_nothing() -> None:
    pass
