"""From what was seen of a replay to what is reported."""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from neocaret_server.backend import BackendError
from neocaret_server.process_use import processor_seconds, resident_bytes
from neocaret_server.typing_bench.figures import Asked, Replay, Work, asked_and_worked, figures_of, times
from neocaret_server.typing_bench.plot import answer_waits, plot
from neocaret_server.typing_bench.policies import FIXED_CONTEXT, NEOCARET
from neocaret_server.typing_bench.report import PolicyReport, Report, as_json, as_text
from neocaret_server.typing_bench.request import TypingRequest
from neocaret_server.typing_bench.script import make_script

BY_MODEL = Asked(0.0, 0.05, None, 0.15, 1, 3, "model", None)
KEPT = Asked(1.0, 1.05, None, 1.051, 1, 2, "store", None)
SILENT = Asked(2.0, 2.05, None, 2.052, 1, 0, None, "middle-of-line")
LATE = Asked(3.0, 3.05, 3.2, 3.207, 1, 0, None, "cancelled")
REPLAY = Replay(
    asked=[BY_MODEL, KEPT, SILENT, LATE],
    work=[Work(100, 40, 30, cancelled=False), Work(102, 2, 6, cancelled=True)],
    keys=4,
    keys_alone=5,
    characters=20,
    accepted=5,
    acceptances=1,
    seconds=4.0,
    processor_seconds=0.2,
    memory=[(0.0, 100), (1.0, 300), (2.0, 200)],
)


def report(replay: Replay, request: TypingRequest | None = None) -> Report:
    policies = [PolicyReport(policy, figures_of(replay), replay) for policy in (NEOCARET, FIXED_CONTEXT)]
    script = make_script([("a.py", "x = 1\ny = 2\n")], 2, seed=1)
    return Report(request or TypingRequest(), script, {"model": "bundled", "dtype": "int8"}, "a machine", policies)


def test_percentiles_are_times_that_were_measured() -> None:
    assert times([]).count == 0
    measured = times(range(1, 201))
    assert (measured.count, measured.p50, measured.p95, measured.p99, measured.most) == (200, 100, 190, 198, 200)
    assert times([7.0]).p99 == 7.0


def test_superseded_requests_count_in_their_own_line_only() -> None:
    figures = figures_of(REPLAY)
    assert (figures.requests, figures.answer.count, figures.answer_with.count, figures.superseded.count) == (4, 3, 2, 1)
    assert figures.answer_model.p50 == pytest.approx(100)
    assert figures.answer_with.p50 == pytest.approx(1)
    assert figures.since_key.most == pytest.approx(150)
    assert figures.superseded.p50 == pytest.approx(7)


def test_shares_are_of_what_they_say() -> None:
    figures = figures_of(REPLAY)
    assert figures.without_model == 0.5
    assert figures.silent == pytest.approx(1 / 3)
    assert figures.reasons == {"middle-of-line": 1}
    assert (figures.prompt_per_key, figures.prefilled_per_key, figures.decoded_per_key) == (50.5, 10.5, 9)
    assert figures.keys_saved == pytest.approx(0.2)
    assert figures.accepted == 0.25
    assert (figures.memory_start, figures.memory_end, figures.memory_most) == (100, 200, 300)
    assert figures.cancelled_generations == 1
    assert figures.processor_ms_per_key == pytest.approx(50)


def test_what_is_asked_just_after_an_acceptance_has_its_own_figures() -> None:
    soon = [replace(each, after_acceptance=True) for each in (BY_MODEL, KEPT, KEPT, SILENT)]
    figures = figures_of(replace(REPLAY, asked=[BY_MODEL, KEPT, *soon]))
    assert figures.answer_accepted.count == 3
    assert [figures.without_model, figures.without_model_accepted] == pytest.approx([3 / 5, 2 / 3])


@pytest.mark.parametrize("answers", [0, 2])
def test_request_without_exactly_one_answer_is_counted(answers: int) -> None:
    wrong = replace(BY_MODEL, answers=answers, answered=None if answers == 0 else 0.15)
    assert figures_of(replace(REPLAY, asked=[KEPT, wrong])).unmatched == 1


def test_answer_that_was_on_its_way_when_it_was_cancelled_took_no_time() -> None:
    assert figures_of(replace(REPLAY, asked=[replace(LATE, answered=3.1)])).superseded.p50 == 0


def test_replay_of_nothing_has_figures() -> None:
    figures = figures_of(Replay([], [], 0, 0, 0, 0, 0, 0.0, None, []))
    assert (figures.answer.count, figures.keys_saved, figures.memory_start) == (0, 0.0, None)


def test_what_the_server_told_is_joined_by_place() -> None:
    seen = {"pressed": 0.0, "sent": 0.0, "superseded": None, "answered": 1.0, "answers": 1, "suggestions": 1}
    place = {"uri": "u", "version": 2, "line": 0, "character": 4, "channel": "inline"}
    told: list[dict[str, Any]] = [
        {"kind": "answer", **place, "suggestions": 1, "source": "store", "reason": None, "ms": 1.0},
        {"kind": "work", "prompt_tokens": 9, "prefilled_tokens": 8, "decoded_tokens": 7, "ms": 6.0, "cancelled": False},
    ]
    key = tuple(place.values())
    asked, work = asked_and_worked([{**seen, "place": key}, {**seen, "place": (*key[:-1], "popup")}], told)
    assert [each.source for each in asked] == ["store", None]
    assert work == [Work(9, 8, 7, cancelled=False)]


def test_table_has_a_column_for_each_policy_and_says_what_was_done() -> None:
    text = as_text(report(REPLAY, TypingRequest(speed=3)))
    assert "pauses to think made 3 times shorter" in text
    row = next(line for line in text.splitlines() if line.startswith("requests without exactly one answer"))
    assert row.split()[-2:] == ["0", "0"]
    assert "neocaret, without a suggestion: middle-of-line 1" in text
    assert "times shorter" not in as_text(report(REPLAY))


def test_json_holds_every_figure() -> None:
    figures = json.loads(json.dumps(as_json(report(REPLAY)), allow_nan=False))
    first = figures["policies"][0]
    assert first["answer"] == {"count": 3, "p50": 2.0, "p95": 100.0, "p99": 100.0, "most": 100.0}
    assert first["memory"] == [[0.0, 100], [1.0, 300], [2.0, 200]]
    assert figures["model"]["dtype"] == "int8"


def test_picture_is_drawn_also_of_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert answer_waits(REPLAY) == pytest.approx([1.0, 100.0])
    assert plot(report(REPLAY)).startswith(b"\x89PNG")
    assert plot(report(replace(REPLAY, asked=[], memory=[]))).startswith(b"\x89PNG")
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(BackendError, match="not installed"):
        plot(report(REPLAY))


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="only where there is /proc")
def test_processor_time_and_memory_are_those_of_the_process() -> None:
    before = processor_seconds(os.getpid())
    end = time.process_time() + 0.1
    while time.process_time() < end:
        pass
    after = processor_seconds(os.getpid())
    assert before is not None
    assert after is not None
    assert after - before >= 0.08
    size = resident_bytes(os.getpid())
    assert size is not None
    assert size > 10 * 1024**2


def test_process_that_is_gone_takes_nothing_that_is_known() -> None:
    assert processor_seconds(2**31) is None
    assert resident_bytes(2**31) is None
