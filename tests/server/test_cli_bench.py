# ruff: noqa: TID253 - the bridge to the benchmark is tested against the engine's port
from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from neocaret_model.engine.port import Continuation, GenerationRequest, GenerationResult, ModelInfo
from neocaret_model.hub import BUNDLED_FOLDER
from neocaret_server.backend import BackendError, CancelToken, CompletionRequest, LoadProgress
from neocaret_server.benchmark import EVERYONE, Benchmark, BenchmarkRequest
from neocaret_server.cli import main
from neocaret_server.cli.services import Services
from neocaret_server.evaluation import WorkProgress
from neocaret_server.model_backend import benchmark, generation_request

# The command

FIGURES = {"models": [1.5]}


def run(
    capfd: pytest.CaptureFixture[str], *arguments: str, fails: str = "", picture: bytes | None = b"a picture"
) -> tuple[int, str, str, list[BenchmarkRequest]]:
    asked: list[BenchmarkRequest] = []

    def fake(
        request: BenchmarkRequest, loading: Callable[[LoadProgress], None], working: WorkProgress, _: CancelToken
    ) -> Benchmark:
        asked.append(request)
        if fails:
            raise BackendError(fails)
        sys.stdout.write("chatter")
        loading(LoadProgress("Loading m", 1, 2))
        working("Measuring m", 1, 2)
        working("Measuring m", 2, 2)
        return Benchmark(FIGURES, "a table\x1b[1m\n", picture, "" if picture else "No picture.")

    code = main(["bench", "engine", *arguments], Services(benchmark=fake))
    return code, *capfd.readouterr(), asked


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_table_is_printed_and_figures_are_written(capfd: pytest.CaptureFixture[str]) -> None:
    code, out, err, asked = run(capfd)
    written, drawn = sorted(Path("neocaret-bench").iterdir())
    assert (code, out, asked) == (0, "a table\\x1b[1m\n", [BenchmarkRequest()])
    assert err == f"chatterneocaret: Measuring m\nneocaret: written to {written} and {drawn}\n"
    assert written.name.startswith("engine-")
    assert (json.loads(written.read_text()), drawn.read_bytes()) == (FIGURES, b"a picture")


def test_figures_are_printed_as_json_and_written_where_asked(capfd: pytest.CaptureFixture[str]) -> None:
    code, out, _, _ = run(capfd, "--json", "--output", "a/b")
    (written,) = Path("a/b").glob("*.json")
    assert (code, json.loads(out), json.loads(written.read_text())) == (0, FIGURES, FIGURES)


def test_missing_picture_is_told_and_the_figures_are_written(capfd: pytest.CaptureFixture[str]) -> None:
    code, _, err, _ = run(capfd, picture=None)
    (written,) = Path("neocaret-bench").iterdir()
    assert (code, err) == (
        0,
        f"chatterneocaret: Measuring m\nneocaret: written to {written}\nneocaret: No picture.\n",
    )


def test_options_reach_the_benchmark(capfd: pytest.CaptureFixture[str]) -> None:
    options = "--model m --model 1.3B --device cpu --dtype float32 --dtype bfloat16 -N 99 -N 98 -n 2 -n 4"
    more = ("--cancels", "3", "--minutes", "2.5")
    (request,) = run(capfd, *options.split(), "--new-tokens", "6", "--repetitions", "7", "--no-peers", *more)[3]
    assert request == BenchmarkRequest(
        models=("m", "1.3B"),
        device="cpu",
        dtypes=("float32", "bfloat16"),
        prompt_tokens=(99, 98),
        candidates=(2, 4),
        new_tokens=6,
        repetitions=7,
        peers=(),
        cancels=3,
        minutes=2.5,
    )


def test_quick_asks_less_and_whatever_is_said_besides_holds(capfd: pytest.CaptureFixture[str]) -> None:
    (quick,) = run(capfd, "--quick")[3]
    (also,) = run(capfd, "--quick", "--model", "125m", "-n", "1", "--peers")[3]
    expected = BenchmarkRequest(models=("bundled",), prompt_tokens=(128, 512), candidates=(3,), repetitions=3, peers=())
    assert quick == expected
    assert also == replace(expected, models=("125m",), candidates=(1,), peers=EVERYONE)


def test_peers_can_be_chosen(capfd: pytest.CaptureFixture[str]) -> None:
    for peer in EVERYONE:
        assert run(capfd, "--peer", peer)[3] == [BenchmarkRequest(peers=(peer,))]
    assert run(capfd, "--peer", "onnxruntime", "--peer", "cache", "--peer", "cache")[3][0].peers == (
        "cache",
        "onnxruntime",
    )
    assert run(capfd, "--quick", "--peer", "pipeline")[3][0].peers == ("pipeline",)


@pytest.mark.parametrize("also", ["--peers", "--no-peers"])
def test_peers_are_not_chosen_twice(capfd: pytest.CaptureFixture[str], also: str) -> None:
    code, out, err, asked = run(capfd, "--peer", "pipeline", also)
    assert (code, out, asked) == (2, "", [])
    assert err == "neocaret: Give --peer, or --peers or --no-peers, not both.\n"


@pytest.mark.parametrize(
    "option", ["-N=15", "-n=9", "--new-tokens=1", "--repetitions=0", "--cancels=-1", "--minutes=-1", "--peer=me"]
)
def test_number_out_of_range_is_one_sentence(capfd: pytest.CaptureFixture[str], option: str) -> None:
    name, _, value = option.partition("=")
    code, out, err, asked = run(capfd, name, value)
    assert (code, out, asked) == (2, "", [])
    assert name in err
    assert err.count("\n") == 1


def test_failure_is_one_sentence_and_writes_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    code, out, err, _ = run(capfd, fails="x is no folder: give one.")
    assert (code, out, err) == (1, "", "neocaret: x is no folder: give one.\n")
    assert list(Path("neocaret-bench").iterdir()) == []


def test_folder_that_cannot_be_written_is_refused_before_anything_is_measured(
    capfd: pytest.CaptureFixture[str],
) -> None:
    Path("taken").touch()
    code, out, err, asked = run(capfd, "--output", "taken")
    assert (code, out, asked) == (1, "", [])
    assert err == "neocaret: Reading or writing failed: File exists.\n"


# The bridge


class RepeatingEngine:
    """Answers every request alike."""

    def __init__(self, positions: int) -> None:
        self.requests: list[GenerationRequest] = []
        self._positions = positions

    @property
    def info(self) -> ModelInfo:
        return ModelInfo("m", str(BUNDLED_FOLDER), "cpu", "float32", 7, self._positions)

    def generate(self, request: GenerationRequest, *_: Any) -> GenerationResult:
        self.requests.append(request)
        row = Continuation("x", request.max_new_tokens, -1.0, "length", -1.0)
        return GenerationResult((row,) * len(request.rows), 9, 9, 3, request.max_new_tokens - 1, 20.0, 62.0)

    def score(self, text: str) -> tuple[float, ...]:
        return (-1.0,) * len(text)

    def clear_cache(self) -> None:
        pass


def measured(request: BenchmarkRequest, engine: RepeatingEngine) -> Benchmark:
    load: Any = lambda *_: engine  # noqa: E731 - what it loads has all that a benchmark needs
    return benchmark(request, lambda _: None, lambda *_: None, CancelToken(), load)


def test_rows_are_those_of_a_suggestion_with_and_without_the_document() -> None:
    engine = RepeatingEngine(512)
    asked = BenchmarkRequest(
        models=("bundled",), prompt_tokens=(32,), candidates=(3,), repetitions=1, peers=(), cancels=0
    )
    done = measured(asked, engine)
    figures = done.figures
    assert done.picture is not None
    assert done.picture.startswith(b"\x89PNG")
    rows = [{row.document_weight for row in request.rows} for request in engine.requests]
    assert {1.0} in rows
    assert {0.0} in rows
    expected = generation_request(CompletionRequest("x", candidates=3, seed=1)).rows
    assert engine.requests[0].rows == expected
    (model,) = figures["models"]
    assert [each["who"] for each in model["figures"]] == ["neocaret", "neocaret, no guesses"]
    assert [each["token"]["ms"] for each in model["figures"]] == [2.0, 2.0]


def test_without_matplotlib_there_are_figures_and_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    asked = BenchmarkRequest(
        models=("bundled",), prompt_tokens=(32,), candidates=(3,), repetitions=1, peers=(), cancels=0
    )
    done = measured(asked, RepeatingEngine(512))
    assert done.picture is None
    assert "matplotlib, which is not installed" in done.note
    assert done.figures["models"]


def test_model_without_room_is_told_plainly() -> None:
    with pytest.raises(BackendError, match="32 new tokens leave no room for a prompt in 40 positions"):
        measured(BenchmarkRequest(models=("bundled",)), RepeatingEngine(40))
