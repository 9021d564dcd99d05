"""The command `neocaret bench typing`, over a measurement that takes no time."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from neocaret_server.backend import BackendError, ModelChoice
from neocaret_server.benchmark import Benchmark
from neocaret_server.cli import main
from neocaret_server.cli.services import Services
from neocaret_server.evaluation import WorkProgress
from neocaret_server.model_backend import source_files
from neocaret_server.typing_bench.request import TypingRequest

FIGURES = {"policies": [1.5]}


def run(
    capfd: pytest.CaptureFixture[str], *arguments: str, fails: str = "", picture: bytes | None = b"a picture"
) -> tuple[int, str, str, list[TypingRequest]]:
    asked: list[TypingRequest] = []

    def fake(request: TypingRequest, working: WorkProgress) -> Benchmark:
        asked.append(request)
        working("Typing", 1, 2)
        if fails:
            raise BackendError(fails)
        return Benchmark(FIGURES, "a table\n", picture, "" if picture else "No picture.")

    code = main(["bench", "typing", *arguments], Services(measure_typing=fake))
    return code, *capfd.readouterr(), asked


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_table_is_printed_and_figures_are_written(capfd: pytest.CaptureFixture[str]) -> None:
    code, out, err, asked = run(capfd)
    written, drawn = sorted(Path("neocaret-bench").iterdir())
    assert (code, out, asked) == (0, "a table\n", [TypingRequest()])
    assert err == f"neocaret: written to {written} and {drawn}\n"
    assert written.name.startswith("typing-")
    assert (json.loads(written.read_text()), drawn.read_bytes()) == (FIGURES, b"a picture")


def test_options_reach_the_benchmark(capfd: pytest.CaptureFixture[str]) -> None:
    options = "--model m --device cpu --dtype int8 --data a --data b --minutes 60 --speed 2 --editor neovim --alone"
    code, out, err, (request,) = run(capfd, *options.split(), "--seed", "7", "--output", "o", "--json", picture=None)
    assert request == TypingRequest(
        choice=ModelChoice("m", "cpu", "int8"),
        folders=(Path("a"), Path("b")),
        minutes=60,
        speed=2,
        editor="neovim",
        policies=("neocaret",),
        seed=7,
    )
    assert (code, json.loads(out)) == (0, FIGURES)
    assert err.endswith("neocaret: No picture.\n")


@pytest.mark.parametrize("option", ["--minutes=0", "--speed=0.5", "--editor=ed", "--seed=-1"])
def test_value_out_of_range_is_one_sentence(capfd: pytest.CaptureFixture[str], option: str) -> None:
    name, _, value = option.partition("=")
    code, out, err, asked = run(capfd, name, value)
    assert (code, out, asked) == (2, "", [])
    assert name in err


def test_failure_is_one_sentence_and_writes_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    code, out, err, _ = run(capfd, fails="There is no model.")
    assert (code, out, err) == (1, "", "neocaret: There is no model.\n")
    assert list(Path("neocaret-bench").iterdir()) == []


def test_files_are_those_that_the_evaluation_reads(tmp_path: Path) -> None:
    (tmp_path / "x.py").write_text("x = 1\r\n", newline="")
    assert source_files((tmp_path,)) == (("x.py", "x = 1\n"),)
    assert any(path == "neocaret_server/suggest.py" for path, _ in source_files(()))
    with pytest.raises(BackendError, match="is no folder"):
        source_files((tmp_path / "none",))
