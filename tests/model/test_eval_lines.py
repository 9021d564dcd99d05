"""The figures of lines, checked by hand."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from neocaret_model.evaluation.carets import Caret
from neocaret_model.evaluation.intervals import Share, ratio, ratio_interval, wilson
from neocaret_model.evaluation.lines import measure_lines
from neocaret_model.evaluation.similarity import edit_distance, edit_similarity
from neocaret_model.evaluation.source_files import SourceFile

# Similarity


@pytest.mark.parametrize(
    ("text", "other", "distance"),
    [
        ("", "", 0),
        ("abc", "", 3),
        ("kitten", "sitting", 3),
        ("flaw", "lawn", 2),
        ("os.path", "os.path", 0),
        ("ab", "ba", 2),
    ],
)
def test_edits_are_counted_in_both_directions(text: str, other: str, distance: int) -> None:
    assert edit_distance(text, other) == edit_distance(other, text) == distance


def test_similarity_is_of_the_longer_text() -> None:
    assert edit_similarity("kitten", "sitting") == pytest.approx(1 - 3 / 7)
    assert (edit_similarity("", ""), edit_similarity("x", "")) == (1.0, 0.0)


# Intervals


@pytest.mark.parametrize(
    ("hits", "tries", "low", "high"), [(5, 10, 0.2366, 0.7634), (0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0)]
)
def test_share_has_wilsons_interval(hits: int, tries: int, low: float, high: float) -> None:
    share = Share(hits, tries)
    assert share.value == hits / tries
    assert share.interval == pytest.approx((low, high), abs=1e-4)


def test_mean_of_shares_of_nothing_passed_is_not_certain() -> None:
    assert wilson(0.0, 164) == pytest.approx((0.0, 0.0229), abs=1e-4)


def test_share_of_nothing_may_be_anything() -> None:
    assert (Share(0, 0).value, Share(0, 0).interval) == (0.0, (0.0, 1.0))


def test_ratio_is_of_the_sums() -> None:
    assert ratio([(1, 2), (3, 4)]) == pytest.approx(4 / 6)
    assert ratio([]) == 0.0


def test_ratio_of_equal_pairs_is_certain_and_of_others_is_not() -> None:
    assert ratio_interval([(1, 2)] * 5) == (0.5, 0.5)
    low, high = ratio_interval([(0, 2), (2, 2)] * 50)
    assert 0.35 < low < 0.45
    assert 0.55 < high < 0.65
    assert (low, high) == ratio_interval([(0, 2), (2, 2)] * 50)


# Figures

FILE = SourceFile("pack/a.py", "x = one(\n    two)  \nthree\n")


def caret(kind: str, offset: int) -> Caret:
    return Caret(kind, FILE, offset)  # type: ignore[arg-type]  # any of them


@dataclass
class Script:
    """Answers by the text before the caret, and notes what it was asked."""

    answers: dict[str, list[str]]
    asked: list[str] = field(default_factory=list)

    def __call__(self, path: str, before: str) -> list[str]:
        self.asked.append(path)
        return self.answers[before]


def test_figures_are_counted_by_rank_and_kind() -> None:
    script = Script(
        {
            "x =": [" one(", " two("],
            "x = one(\n    ": ["tow)", "a", "two)  "],
            "x = one(\n    two)  \n": ["a", "b", "c", "three"],
            "x = one(\n    two)  \nth": [],
        }
    )
    cleared: list[int] = []
    told: list[tuple[int, int]] = []
    carets = [caret("=", 3), caret("indent", 13), caret("line start", 20), caret("word", 22)]
    report = measure_lines(
        script,
        carets,
        candidates=5,
        before_each=lambda: cleared.append(len(script.asked)),
        progress=lambda done, total: told.append((done, total)),
    )
    assert report.overall.carets == 4
    assert report.overall.exact == {1: Share(1, 4), 3: Share(2, 4), 5: Share(3, 4)}
    assert report.overall.similarity == pytest.approx((1 + (1 - 2 / 4) + 0 + 0) / 4)
    assert report.overall.median_ms >= 0
    assert list(report.by_kind) == ["line start", "indent", "word", "="]
    assert report.by_kind["indent"].exact == {1: Share(0, 1), 3: Share(1, 1), 5: Share(1, 1)}
    assert (cleared, told) == ([0, 1, 2, 3], [(1, 4), (2, 4), (3, 4), (4, 4)])
    assert script.asked == ["pack/a.py"] * 4


def test_no_more_is_claimed_than_was_asked_for() -> None:
    report = measure_lines(lambda _, __: [" one("], [caret("=", 3)], 2, lambda: None, lambda _, __: None)
    assert report.overall.exact == {1: Share(1, 1)}
