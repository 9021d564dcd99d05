"""Counts: their names, their sums, and what is read from them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neocaret_server.statistics import (
    acceptance_rate,
    answer_name,
    answer_times,
    language_label,
    left_after,
    model_label,
    percentile,
    total,
)


@given(st.floats(0.06, 600_000))
def test_time_read_from_its_count_is_right_to_a_tenth(ms: float) -> None:
    ((read, number),) = answer_times({answer_name(ms): 1})
    assert number == 1
    assert 0.9 * ms <= read <= 1.1 * ms


@given(st.lists(st.floats(0.06, 10_000), min_size=1, max_size=50), st.sampled_from([0.5, 0.95]))
def test_percentiles_are_those_of_the_times(times: list[float], share: float) -> None:
    counts = total({answer_name(ms): 1} for ms in times)
    exact = sorted(times)[max(0, -(-int(share * 100) * len(times) // 100) - 1)]
    read = percentile(answer_times(counts), share)
    assert read is not None
    assert 0.9 * exact <= read <= 1.1 * exact


def test_no_answers_have_no_percentile() -> None:
    assert percentile(answer_times({"offered": 3}), 0.5) is None


@pytest.mark.parametrize(
    ("counts", "rate"),
    [
        ({}, None),
        ({"offered": 4, "accepted": 1}, 0.25),
        ({"offered": 4, "accepted": 3, "shown": 2, "shownAccepted": 1}, 0.5),
        ({"offered": 4}, 0.0),
    ],
)
def test_rate_is_of_what_was_shown_where_clients_tell(counts: dict[str, int], rate: float | None) -> None:
    assert acceptance_rate(counts) == rate


def test_shares_that_are_left() -> None:
    counts = {"after30:unchanged": 2, "after30:mostly": 1, "after30:gone": 1}
    assert left_after(counts, 30) == (0.5, 0.75)
    assert left_after(counts, 300) is None


@pytest.mark.parametrize(
    ("model", "label"),
    [
        ("bundled", "bundled"),
        ("EleutherAI/gpt-neo-125m", "EleutherAI/gpt-neo-125m"),
        ("/home/somebody/secret project/model", "model"),
        ("./model/", "model"),
        (r"C:\Users\somebody\model", "model"),
        ("~/model", "model"),
        ("some/where/model", "model"),
        ("/", "other"),
    ],
)
def test_folder_of_a_model_is_counted_by_its_last_name(model: str, label: str) -> None:
    assert model_label(model) == label


@pytest.mark.parametrize(("language", "label"), [("c++", "c++"), ("a b", "other"), ("", "other"), ("x" * 41, "other")])
def test_language_is_counted_by_its_id_and_nothing_longer(language: str, label: str) -> None:
    assert language_label(language) == label
