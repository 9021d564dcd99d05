from __future__ import annotations

from neocaret_model.benchmarks.pace import Pace, effort


def test_nothing_is_promised_before_anything_is_measured() -> None:
    pace = Pace([1, 2])
    assert (pace.expected_seconds(2), pace.left()) == (0, "")


def test_what_is_left_takes_as_long_as_the_same_took() -> None:
    pace = Pace([1, 2, 5, 4])
    pace.took(1, 50)
    pace.took(2, 130)
    assert pace.expected_seconds(5) == 300
    assert pace.left() == "about 9 min left"
    pace.skip(5)
    assert pace.left() == "about 4 min left"
    pace.took(4, 0)
    assert pace.left() == "less than a minute left"


def test_longer_prompts_and_more_rows_take_longer() -> None:
    assert effort(128, 1) < effort(512, 1) < effort(1900, 1)
    assert effort(512, 3) == 3 * effort(512, 1)
