"""A whole evaluation: what can be refused is refused first, then the model is loaded, then it is measured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from neocaret_model.engine.port import Engine
from neocaret_model.evaluation.held_out import CodePlan, Progress, evaluate_code
from neocaret_model.evaluation.human_eval import HumanEvalPlan, evaluate_human_eval, read_problems
from neocaret_model.evaluation.report import Report
from neocaret_model.evaluation.sandbox import require_sandbox
from neocaret_model.evaluation.source_files import read_source_files


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be measured."""

    code: CodePlan | None
    human_eval: HumanEvalPlan | None


def evaluate(plan: Plan, load: Callable[[], Engine], progress: Progress) -> Report:
    """Carry out a plan with the model that `load` gives.

    Raises:
        EvaluationError: what the plan names cannot be evaluated on, or programs cannot be run here.
        ModelError: the model cannot be loaded, or cannot answer.
    """
    code, human_eval = plan.code, plan.human_eval
    sources = read_source_files(code.folders) if code else None
    problems = read_problems(human_eval.file) if human_eval else ()
    alone = require_sandbox(human_eval.limits) if human_eval else False
    engine = load()
    return Report(
        model=engine.info,
        code=evaluate_code(engine, sources, code, progress) if code and sources else None,
        human_eval=evaluate_human_eval(engine, problems, human_eval, partial(progress, "HumanEval"), alone=alone)
        if human_eval
        else None,
    )
