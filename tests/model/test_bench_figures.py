from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import count

import pytest
import torch

from neocaret_model.benchmarks.cancelling import PHASES, Cancels
from neocaret_model.benchmarks.contestant import Answer
from neocaret_model.benchmarks.errors import BenchmarkError
from neocaret_model.benchmarks.measuring import Figures, Size, measure
from neocaret_model.benchmarks.plot import plot
from neocaret_model.benchmarks.report import Machine, ModelReport, Report, as_json, ratios, shares
from neocaret_model.benchmarks.run import fitting_lengths
from neocaret_model.benchmarks.tables import as_text
from neocaret_model.benchmarks.workload import REQUESTS, Session
from neocaret_model.engine.port import ModelInfo

SIZE = Size(prompt_tokens=64, rows=2, new_tokens=5)
SESSIONS = [Session((*((name, f"{name}{place}") for name in REQUESTS), ("elsewhere", "e"))) for place in range(3)]


def answer(ms: float) -> Answer:
    return Answer(ms=ms, prefill_ms=ms / 2, decode_ms=ms / 4, steps=4, reused_tokens=7, new_tokens=5)


class Scripted:
    """Takes a millisecond more each time, whatever it is asked."""

    dtype = "float32"

    def __init__(self, *, keeps: bool = True, threads: tuple[int, ...] = (1,)) -> None:
        self.name = "scripted"
        self.keeps = keeps
        self.threads = threads
        self.asked: list[str] = []
        self._ms: Iterator[int] = count(1)

    def answer(self, prompt: str, rows: int, new_tokens: int) -> Answer:
        assert (rows, new_tokens) == (2, 5)
        self.asked.append(prompt)
        return answer(next(self._ms))

    def forget(self) -> None:
        self.asked.append("forget")


@pytest.fixture(autouse=True)
def _threads_as_before() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def test_medians_are_over_sessions_after_one_to_warm_up() -> None:
    contestant = Scripted()
    (figures,) = measure([contestant], SESSIONS, SIZE, lambda: None)
    session = ["forget", *(f"{name}0" for name in REQUESTS), "e"]
    assert contestant.asked[:14] == session * 2
    # Six requests a session, the first of which warms up: the cold ones of the others are the 7th, 13th and 19th.
    assert [figures.requests[name].ms for name in REQUESTS] == [13, 14, 15, 16, 17]
    assert figures.prefill_ms == 6.5
    assert figures.token_ms == 13 / 4 / 4


def test_what_keeps_nothing_is_asked_for_cold_requests_only() -> None:
    contestant = Scripted(keeps=False)
    (figures,) = measure([contestant], SESSIONS, SIZE, lambda: None)
    assert contestant.asked == [each for place in (0, 0, 1, 2) for each in ("forget", f"cold{place}")]
    assert figures.request("back") == figures.requests["cold"] == answer(3)


def test_contestants_take_turns_each_with_its_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    turns: list[int] = []
    monkeypatch.setattr(torch, "set_num_threads", turns.append)
    told: list[None] = []
    measure([Scripted(threads=(1,)), Scripted(threads=(2,))], SESSIONS, SIZE, lambda: told.append(None))
    assert turns == [1, 2, 1, 2, 1, 2, 1, 2]
    assert len(told) == 4


def test_fastest_number_of_threads_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "set_num_threads", lambda _: None)
    # Each try is slower than the one before it, and the very first one counts for nothing.
    (figures,) = measure([Scripted(keeps=False, threads=(3, 4))], SESSIONS, SIZE, lambda: None)
    assert figures.threads == 3


def figures(who: str, ms: float, size: Size = SIZE, *, cold_only: bool = False) -> Figures:
    names = REQUESTS[:1] if cold_only else REQUESTS
    return Figures(who, "float32", 1, size, {name: answer(ms) for name in names})


MACHINE = Machine("p", 2, 1e9, "s", "3", "2")
CANCELS = tuple(
    Cancels(who, "float32", 1, SIZE, phase, stops=who == "ours", times_ms=(1.5, 2.25, 40.0))
    for who in ("ours", "theirs")
    for phase in PHASES
)
LONGER = Size(128, 2, 5)
MODEL = ModelReport(
    name="m",
    info=ModelInfo("m", "/somewhere", "cpu", "float32", 7, 64),
    random=True,
    bytes_a_pass={"float32": 1_000_000},
    fingerprint="f",
    notes=("a note.",),
    figures=(figures("ours", 10), figures("theirs", 40, cold_only=True), figures("ours", 20, LONGER)),
    cancels=CANCELS,
)


def test_shares_are_of_the_time_that_reading_the_weights_takes() -> None:
    share = shares(MODEL.figures[0], MODEL, MACHINE)  # a megabyte at a gigabyte a second: 1 ms a pass
    assert share.prefill == pytest.approx(1 / 5)
    assert share.token == pytest.approx(1 / (2.5 / 4))
    assert share.requests["+3"] == pytest.approx(5 / 10)


def test_ratios_compare_within_a_size_and_count_each_request_as_cold_where_nothing_is_kept() -> None:
    (ratio,) = ratios(MODEL)
    assert (ratio.who, ratio.prompt_tokens, ratio.prefill, ratio.token) == ("theirs", 64, 4, 4)
    assert ratio.requests == dict.fromkeys(REQUESTS, 4)


def test_json_and_table_have_every_figure() -> None:
    report = Report(MACHINE, 5, 3, (MODEL,), ("another note.",), 12.34)
    (model,) = as_json(report)["models"]
    assert model["random_weights"] is True
    assert "folder" not in model
    assert model["figures"][0]["requests"]["back"]["ms"] == 10
    assert model["figures"][0]["requests"]["back"]["share"] == 0.5
    assert model["times_as_long"][0]["requests"]["cold"] == 4
    assert model["cancels"][3] == {
        "who": "theirs",
        "dtype": "float32",
        "threads": 1,
        "prompt_tokens": 64,
        "rows": 2,
        "phase": "decode",
        "stops": False,
        "p50_ms": 2.25,
        "p99_ms": 40.0,
        "times_ms": [1.5, 2.25, 40.0],
    }
    text = as_text(report)
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert "theirs float32 64 2 1 20.0 5% 2.50 40% 40.0 12% as cold as cold as cold as cold 4 0" in lines
    assert "ours float32 prefill 2.25 40.0 40.0 3" in lines
    assert "theirs float32 decode 2.25 40.0 40.0 cannot: its end" in lines
    assert "theirs float32 64 2 4.00 4.00 4.00 4.00 4.00 4.00 4.00" in lines
    for part in ("1.0 GB/s", "random weights", "note: a note.", "note: another note.", "measured in 12 s"):
        assert part in text


def test_picture_has_a_panel_more_where_something_was_cancelled() -> None:
    pytest.importorskip("matplotlib")
    pictures = [plot(Report(MACHINE, 5, 3, (model,), (), 1.0)) for model in (MODEL, replace(MODEL, cancels=()))]
    heights = [int.from_bytes(picture[20:24]) for picture in pictures]
    assert heights[0] == 2 * heights[1]


def test_requests_that_ended_early_are_told() -> None:
    assert "ended before" not in as_text(Report(MACHINE, 5, 3, (MODEL,), (), 1.0))
    assert "in 11 of 11 figures of requests the text ended before 6" in as_text(
        Report(MACHINE, 6, 3, (MODEL,), (), 1.0)
    )


def test_lengths_are_cut_to_the_positions_and_each_is_measured_once() -> None:
    assert fitting_lengths((1900, 128, 512, 1024), 512, 32) == (128, 472)
    assert fitting_lengths((1900, 128), 2048, 32) == (128, 1900)
    with pytest.raises(BenchmarkError, match="ask fewer"):
        fitting_lengths((128,), 40, 32)
