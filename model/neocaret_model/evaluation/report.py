"""All figures of an evaluation, and the JSON object that they are."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from neocaret_model.engine.port import ModelInfo
from neocaret_model.evaluation.acceptance import TypingReport
from neocaret_model.evaluation.bits import BitsReport
from neocaret_model.evaluation.held_out import CodeReport
from neocaret_model.evaluation.human_eval import HumanEvalReport
from neocaret_model.evaluation.intervals import Interval, Share
from neocaret_model.evaluation.lines import LineFigures, LineReport


@dataclass(frozen=True, slots=True)
class Report:
    """What was evaluated, and how it did."""

    model: ModelInfo
    code: CodeReport | None
    human_eval: HumanEvalReport | None


def as_json(report: Report) -> dict[str, Any]:
    """Return every figure; shares and similarities are between 0 and 1, and what was left out is not there."""
    figures: dict[str, Any] = {"model": asdict(report.model)}
    if report.code:
        figures |= _code_json(report.code)
    if report.human_eval:
        figures["human_eval"] = _human_eval_json(report.human_eval)
    return figures


def _code_json(code: CodeReport) -> dict[str, Any]:
    figures: dict[str, Any] = {
        "data": {
            "files": code.files,
            "left_out": code.left_out,
            "bytes": code.bytes,
            "fingerprint": code.fingerprint,
        }
    }
    if code.lines:
        figures["lines"] = {name: _lines_json(lines) for name, lines in code.lines.items()}
    if code.typing:
        figures["typing"] = {name: _typing_json(typing) for name, typing in code.typing.items()}
    if code.bits:
        figures["bits_per_byte"] = _bits_json(code.bits)
    return figures


def _lines_json(report: LineReport) -> dict[str, Any]:
    return {
        "overall": _figures_json(report.overall),
        "kinds": {kind: _figures_json(figures) for kind, figures in report.by_kind.items()},
    }


def _figures_json(figures: LineFigures) -> dict[str, Any]:
    return {
        "carets": figures.carets,
        "exact_match": {str(best): _share_json(share) for best, share in figures.exact.items()},
        "edit_similarity": round(figures.similarity, 4),
        "median_ms": round(figures.median_ms, 3),
    }


def _share_json(share: Share) -> dict[str, Any]:
    return {"value": round(share.value, 4), "interval_95": _interval_json(share.interval), "hits": share.hits}


def _interval_json(interval: Interval) -> list[float]:
    return [round(end, 4) for end in interval]


def _typing_json(report: TypingReport) -> dict[str, Any]:
    return {
        "lines": len(report.lines),
        "characters": report.characters,
        "keystrokes": report.keystrokes,
        "saved_per_keystroke": {
            "value": round(report.saved_per_keystroke, 4),
            "interval_95": _interval_json(report.interval),
        },
        "completed": round(report.completed, 4),
        "asked": report.asked,
        "median_ms": round(report.median_ms, 3),
    }


def _bits_json(report: BitsReport) -> dict[str, Any]:
    return {
        "value": round(report.value, 4),
        "interval_95": _interval_json(report.interval),
        "files": len(report.bits_and_bytes),
        "bytes": report.bytes,
        "tokens": report.tokens,
    }


def _human_eval_json(report: HumanEvalReport) -> dict[str, Any]:
    return {
        "problems": len(report.passed),
        "samples": report.samples,
        "temperature": report.temperature,
        "pass_at": {
            str(k): {"value": round(value, 4), "interval_95": _interval_json(interval)}
            for k, (value, interval) in report.pass_at.items()
        },
        "passed": report.passed,
        "verdicts": report.verdicts,
        "network_namespace": report.alone,
    }
