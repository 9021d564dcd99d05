"""A whole evaluation: what can be refused is refused first, then the model is loaded, then it is measured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from neocaret_model.engine.port import Engine
from neocaret_model.evaluation.held_out import CodePlan, Progress, evaluate_code
from neocaret_model.evaluation.report import Report
from neocaret_model.evaluation.source_files import read_source_files


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be measured."""

    code: CodePlan


def evaluate(plan: Plan, load: Callable[[], Engine], progress: Progress) -> Report:
    """Carry out a plan with the model that `load` gives.

    Raises:
        EvaluationError: what the plan names cannot be evaluated on.
        ModelError: the model cannot be loaded, or cannot answer.
    """
    sources = read_source_files(plan.code.folders)
    engine = load()
    return Report(engine.info, evaluate_code(engine, sources, plan.code, progress))
