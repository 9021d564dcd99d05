"""Cancels: at which moments, what is counted, and that whoever is cancelled does stop."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from neocaret_model.benchmarks import cancelling
from neocaret_model.benchmarks.cancelling import Cancels, measure_cancels, moments
from neocaret_model.benchmarks.contestant import Answer, OwnEngine, Stoppable
from neocaret_model.benchmarks.measuring import Size
from neocaret_model.benchmarks.onnx_peer import is_installed, loaded_onnx_runtimes
from neocaret_model.benchmarks.peers import loaded_peers
from neocaret_model.benchmarks.shapes import Shape, write_random
from neocaret_model.engine.port import CancelToken, Sampling
from neocaret_model.loading import load_engine

SIZE = Size(prompt_tokens=9, rows=2, new_tokens=4)


@pytest.fixture(autouse=True)
def _threads_as_before() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


class Endless:
    """Would read for 30 ms and write for 60, if nobody stopped it; stops a few milliseconds after it is told."""

    name, dtype, keeps, threads = "endless", "float32", True, (1,)
    stop_seconds = 0.004

    def __init__(self) -> None:
        self.forgotten = 0
        self.stopped = 0

    def answer(self, prompt: str, rows: int, new_tokens: int) -> Answer:
        del prompt, rows
        return Answer(90.0, prefill_ms=30.0, decode_ms=60.0, steps=3, reused_tokens=0, new_tokens=new_tokens)

    def forget(self) -> None:
        self.forgotten += 1

    def run(self, prompt: str, rows: int, new_tokens: int, cancel: CancelToken, decoding: Callable[[], None]) -> None:
        assert (prompt, rows, new_tokens) == ("p", 2, 4)
        for seconds, after in ((0.03, decoding), (0.06, lambda: None)):
            end = time.perf_counter() + seconds
            while time.perf_counter() < end:
                if cancel.cancelled:
                    time.sleep(self.stop_seconds)
                    self.stopped += 1
                    return
                time.sleep(0.0005)
            after()


def test_each_is_cancelled_in_both_phases_until_it_is_idle() -> None:
    contestant, told = Endless(), list[None]()
    prefill, decode = measure_cancels([(contestant, 1)], "p", SIZE, 6, lambda: told.append(None))
    assert [(each.phase, each.stops, each.size) for each in (prefill, decode)] == [
        ("prefill", True, SIZE),
        ("decode", True, SIZE),
    ]
    # A busy machine may let a phase end before its cancel, which is not counted then.
    assert 1 <= len(prefill.times_ms) <= 6
    assert 1 <= len(decode.times_ms) <= 6
    assert min(*prefill.times_ms, *decode.times_ms) >= 4
    assert contestant.stopped >= len(prefill.times_ms) + len(decode.times_ms)
    assert contestant.forgotten == 1 + 6 + 1  # what was read must not be known again, and for decode must be
    assert len(told) == 1


def test_cancels_that_come_after_the_end_are_not_counted() -> None:
    class Fast(Endless):
        def run(
            self, prompt: str, rows: int, new_tokens: int, cancel: CancelToken, decoding: Callable[[], None]
        ) -> None:
            del prompt, rows, new_tokens, cancel
            decoding()

    assert measure_cancels([(Fast(), 1)], "p", SIZE, 2, lambda: None) == []


def test_what_cannot_be_stopped_is_idle_at_its_end() -> None:
    assert isinstance(Endless(), Stoppable)

    class Pipeline:
        name, dtype, keeps, threads = "pipeline", "float32", False, (1,)
        answer, forget = Endless.answer, lambda _: None

    prefill, decode = measure_cancels([(Pipeline(), 1)], "p", SIZE, 100, lambda: None)
    assert not prefill.stops
    assert prefill.p50_ms == pytest.approx(75, abs=1)
    assert prefill.p99_ms == pytest.approx(90, abs=1)
    assert decode.p50_ms == pytest.approx(30, abs=1)
    assert decode.p99_ms == pytest.approx(59, abs=1)


def test_a_slow_one_is_cancelled_less_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cancelling, "ENOUGH", 3)
    monkeypatch.setattr(cancelling, "SECONDS", 0.0)
    for each in measure_cancels([(Endless(), 1)], "p", SIZE, 50, lambda: None):
        assert len(each.times_ms) == 3


def test_moments_are_spread_evenly_however_many_there_are() -> None:
    for count in (5, 20, 100):
        shares = sorted(moments(count))
        gaps = [after - before for before, after in zip([0.0, *shares], [*shares, 1.0], strict=True)]
        assert max(gaps) < 2.7 / count


def test_percentiles_are_times_that_were_measured() -> None:
    def cancels(count: int) -> Cancels:
        return Cancels("w", "float32", 1, SIZE, "decode", stops=True, times_ms=tuple(map(float, range(1, count + 1))))

    assert (cancels(100).p50_ms, cancels(100).p99_ms) == (50.5, 99)
    assert (cancels(20).p99_ms, cancels(1).p99_ms, cancels(200).p99_ms) == (20, 1, 198)


def rows(count: int) -> tuple[Sampling, ...]:
    return (Sampling(), *(Sampling(0.5, top_p=0.95, seed=row) for row in range(1, count)))


def test_engine_and_peers_stop_when_they_are_told(tmp_path: Path) -> None:
    write_random(tmp_path, Shape(layers=2, width=32, heads=2, vocabulary=8192, positions=512, window=8))
    engine = OwnEngine(load_engine(str(tmp_path), "cpu", "float32"), rows, 1, document=False)
    with loaded_peers(tmp_path, "cpu", ("float32",), rows, (1,)) as (pipeline, reused):
        assert not isinstance(pipeline, Stoppable)
        check_stops(engine)
        check_stops(reused)
    if is_installed():
        with loaded_onnx_runtimes(tmp_path, rows, 1) as graphs:
            check_stops(graphs[0])


def check_stops(contestant: object) -> None:
    assert isinstance(contestant, Stoppable)
    began: list[None] = []
    contestant.forget()
    asked = time.perf_counter()
    contestant.run("a = b\n" * 20, 3, 300, CancelToken(), lambda: began.append(None))
    whole = time.perf_counter() - asked
    cancel = CancelToken()
    asked = time.perf_counter()
    contestant.run("a = b\n" * 20, 3, 300, cancel, cancel.cancel)
    assert time.perf_counter() - asked < whole / 3
    assert len(began) == 1
