"""HumanEval (arXiv 2107.03374): functions written from their docstrings, and run against tests.

The samples end before the paper's stop texts. pass@k is the paper's unbiased estimate: of n samples with c that pass,
1 - C(n - c, k) / C(n, k), averaged over the problems.
"""

from __future__ import annotations

import gzip
import json
import math
import statistics
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from neocaret_model.engine.port import Engine, GenerationRequest, Sampling
from neocaret_model.evaluation.errors import EvaluationError
from neocaret_model.evaluation.intervals import Interval, wilson
from neocaret_model.evaluation.sandbox import Limits, Verdict, run_program

STOP = ("\nclass", "\ndef", "\n#", "\nif", "\nprint")
MOST_TOKENS = 384
"""Of a sample; on a model of few positions, what they leave."""
PASS_AT = (1, 10, 100)

_ROWS = 16
"""Samples that are decoded together."""
_GZIP = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class Problem:
    """One line of the benchmark's file."""

    task_id: str
    prompt: str
    entry_point: str
    test: str

    def program(self, completion: str) -> str:
        """What must come to its end for the completion to pass."""
        return f"{self.prompt}{completion}\n{self.test}\ncheck({self.entry_point})\n"


@dataclass(frozen=True, slots=True)
class HumanEvalPlan:
    """How the benchmark is to be run."""

    file: Path
    samples: int
    """For each problem."""
    temperature: float
    top_p: float
    seed: int
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        """Refuse what would count one sample many times.

        Raises:
            ValueError: several samples at a temperature of 0.
        """
        if self.samples < 1:
            raise ValueError(f"samples must be 1 or more, not {self.samples}")
        if self.temperature == 0 and self.samples > 1:
            raise ValueError("at a temperature of 0 all samples are the same: ask for 1, or raise the temperature")


@dataclass(frozen=True, slots=True)
class HumanEvalReport:
    """What came of it."""

    samples: int
    temperature: float
    passed: dict[str, int]
    """How many samples passed, by problem."""
    verdicts: dict[Verdict, int]
    """Of all samples."""
    alone: bool
    """Whether the programs ran in network namespaces of their own."""

    @property
    def pass_at(self) -> dict[int, tuple[float, Interval]]:
        """pass@k by k, with Wilson's interval over the problems, for each k that there are samples for."""
        found = {}
        for k in PASS_AT:
            if k <= self.samples:
                value = statistics.fmean(pass_at_k(self.samples, passed, k) for passed in self.passed.values())
                found[k] = value, wilson(value, len(self.passed))
        return found


def read_problems(file: Path) -> list[Problem]:
    """Read the benchmark's own file: JSON lines, packed by gzip or not.

    Raises:
        EvaluationError: it cannot be read, or is no such file; the message names the line.
    """
    try:
        data = file.read_bytes()
        text = (gzip.decompress(data) if data.startswith(_GZIP) else data).decode()
    except (OSError, EOFError, ValueError) as error:
        raise EvaluationError(f"{file} cannot be read ({error}): give HumanEval's problem file.") from error
    problems = [_problem(line, f"{file}, line {number}") for number, line in _lines(text)]
    if not problems:
        raise EvaluationError(f"{file} holds no problem: give HumanEval's problem file.")
    return problems


def _lines(text: str) -> Iterator[tuple[int, str]]:
    return ((number, line) for number, line in enumerate(text.split("\n"), start=1) if line.strip())


def _problem(line: str, where: str) -> Problem:
    try:
        fields = json.loads(line)
        problem = Problem(*(fields[name] for name in ("task_id", "prompt", "entry_point", "test")))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise EvaluationError(f"{where} is no HumanEval problem ({error}): give the benchmark's own file.") from error
    if not all(isinstance(text, str) and text for text in (problem.task_id, problem.prompt, problem.entry_point)):
        raise EvaluationError(f"{where} is no HumanEval problem: its fields must be texts.")
    return problem


def evaluate_human_eval(
    engine: Engine,
    problems: Sequence[Problem],
    plan: HumanEvalPlan,
    progress: Callable[[int, int], None],
    *,
    alone: bool,
) -> HumanEvalReport:
    """Write and run all samples; `progress` is told how many problems are done, and of how many.

    `alone` is what `require_sandbox` says.
    """
    verdicts: Counter[Verdict] = Counter()
    passed: dict[str, int] = {}
    for problem in problems:
        counts = _verdicts(problem, sample(engine, problem.prompt, plan), plan.limits)
        passed[problem.task_id] = counts["passed"]
        verdicts += counts
        progress(len(passed), len(problems))
    return HumanEvalReport(plan.samples, plan.temperature, passed, dict(verdicts), alone)


def sample(engine: Engine, prompt: str, plan: HumanEvalPlan) -> list[str]:
    """Return the plan's number of completions; the same for its seed."""
    rows = [Sampling(plan.temperature, top_p=plan.top_p, seed=plan.seed + number) for number in range(plan.samples)]
    texts: list[str] = []
    for begin in range(0, len(rows), _ROWS):
        request = GenerationRequest(prompt, tuple(rows[begin : begin + _ROWS]), MOST_TOKENS, stop=STOP, heal=True)
        texts += [continuation.text for continuation in engine.generate(request).continuations]
    return texts


def _verdicts(problem: Problem, completions: Sequence[str], limits: Limits) -> Counter[Verdict]:
    # Cold samples are often the same, and the same program need not run twice.
    counts: Counter[Verdict] = Counter()
    for completion, times in Counter(completions).items():
        counts[run_program(problem.program(completion), limits).verdict] += times
    return counts


def pass_at_k(samples: int, passed: int, k: int) -> float:
    """The probability that one of `k` samples passes, estimated from all of them without bias."""
    return 1 - math.comb(samples - passed, k) / math.comb(samples, k)
