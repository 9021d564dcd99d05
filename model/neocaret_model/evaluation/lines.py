"""How well a line's rest is suggested: exact matches, edit similarity and time, at carets in held-out files.

A match is exact where the whole rest of the line is suggested, white space at its end aside.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from neocaret_model.evaluation.carets import KINDS, Caret, CaretKind
from neocaret_model.evaluation.intervals import Share
from neocaret_model.evaluation.similarity import edit_similarity
from neocaret_model.evaluation.suggestions import Suggest

BEST_OF = (1, 3, 5)
"""The first suggestion, and the best of the first three and five."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was suggested at one caret."""

    kind: CaretKind
    rank: int | None
    """Of the suggestion that is the line's rest; 1 is the first."""
    similarity: float
    """Of the first suggestion; 0 where there is none."""
    ms: float


@dataclass(frozen=True, slots=True)
class LineFigures:
    """What became of several carets."""

    carets: int
    exact: dict[int, Share]
    """How often the rest was among the first so many suggestions."""
    similarity: float
    """The mean."""
    median_ms: float


@dataclass(frozen=True, slots=True)
class LineReport:
    """The figures of one way to suggest."""

    overall: LineFigures
    by_kind: dict[CaretKind, LineFigures]


def measure_lines(
    suggest: Suggest,
    carets: Sequence[Caret],
    candidates: int,
    before_each: Callable[[], None],
    progress: Callable[[int, int], None],
) -> LineReport:
    """Ask at every caret.

    Args:
        suggest: what is asked.
        carets: where; at least one.
        candidates: how many suggestions are asked for: the figures are for no more than these.
        before_each: called before each caret, outside of the time that is taken.
        progress: told how many carets are done, and of how many.
    """
    outcomes: list[Outcome] = []
    for caret in carets:
        before_each()
        outcomes.append(_outcome(suggest, caret))
        progress(len(outcomes), len(carets))
    best_of = tuple(best for best in BEST_OF if best <= candidates)
    by_kind = {kind: [outcome for outcome in outcomes if outcome.kind == kind] for kind in KINDS}
    return LineReport(
        _figures(outcomes, best_of), {kind: _figures(some, best_of) for kind, some in by_kind.items() if some}
    )


def _outcome(suggest: Suggest, caret: Caret) -> Outcome:
    began = time.perf_counter()
    suggestions = suggest(caret.file.path, caret.before)
    ms = (time.perf_counter() - began) * 1000
    texts = [text.rstrip() for text in suggestions]
    rank = texts.index(caret.rest) + 1 if caret.rest in texts else None
    return Outcome(caret.kind, rank, edit_similarity(texts[0], caret.rest) if texts else 0.0, ms)


def _figures(outcomes: Iterable[Outcome], best_of: tuple[int, ...]) -> LineFigures:
    all_of_them = list(outcomes)
    ranks = [outcome.rank for outcome in all_of_them]
    return LineFigures(
        carets=len(all_of_them),
        exact={best: Share(sum(rank is not None and rank <= best for rank in ranks), len(ranks)) for best in best_of},
        similarity=statistics.fmean(outcome.similarity for outcome in all_of_them),
        median_ms=statistics.median(outcome.ms for outcome in all_of_them),
    )
