"""`neocaret stats`: the table, the picture, and nothing left once they are erased."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from neocaret_server.cli import main
from neocaret_server.statistics import Of
from neocaret_server.statistics_file import StatisticsFile
from neocaret_server.statistics_report import week_of

COUNTS = {
    "offered": 8,
    "shown": 4,
    "accepted": 2,
    "shownAccepted": 1,
    "characters": 30,
    "answer:8": 1,
    "answer:32": 1,
    "after30:unchanged": 1,
    "after30:gone": 1,
}


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StatisticsFile:
    monkeypatch.setenv("NEOCARET_STATE_FOLDER", str(tmp_path / "state"))
    return StatisticsFile(tmp_path / "state")


@pytest.fixture
def filled(file: StatisticsFile) -> StatisticsFile:
    for day in ("2026-11-22", "2026-11-23", "2026-11-24"):
        file.add({Of(day, "bundled", "python"): COUNTS})
    file.add({Of("2026-11-24", "bundled", "lua"): {"offered": 1}})
    return file


def test_nothing_counted_is_said(file: StatisticsFile, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["stats"]) == 0
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == f"neocaret: nothing has been counted yet in {file.folder}\n"


@pytest.mark.usefixtures("filled")
def test_table_has_a_row_for_each_week_model_and_language(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["stats"]) == 0
    header, *rows = [line.split() for line in capsys.readouterr().out.splitlines()[:5]]
    assert header[:3] == ["week", "model", "language"]
    assert rows == [
        ["2026-W47", "bundled", "python", "8", "4", "2", "25%", "30", "50%", "/", "50%", "-", "4", "256"],
        ["2026-W48", "bundled", "lua", "1", "-", "0", "0%", "0", "-", "-", "-", "-"],
        ["2026-W48", "bundled", "python", "16", "8", "4", "25%", "60", "50%", "/", "50%", "-", "4", "256"],
        ["all", "25", "12", "6", "25%", "90", "50%", "/", "50%", "-", "4", "256"],
    ]


@pytest.mark.usefixtures("filled")
def test_json_has_the_same_figures(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["stats", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert [(row["week"], row["language"], row["accepted"]) for row in shown["weeks"]] == [
        ("2026-W47", "python", 2),
        ("2026-W48", "lua", 0),
        ("2026-W48", "python", 4),
    ]
    assert shown["all"]["after30"] == {"unchanged": 0.5, "mostly": 0.5}
    assert (shown["all"]["after300"], shown["all"]["rate"], shown["all"]["p95Ms"]) == (None, 0.25, 256.0)


@pytest.mark.usefixtures("filled")
def test_picture_is_drawn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib")
    assert main(["stats", "--plot", str(tmp_path / "x.png")]) == 0
    assert (tmp_path / "x.png").read_bytes().startswith(b"\x89PNG")
    assert "drawn to" in capsys.readouterr().err


def test_erased_leaves_no_file_and_says_which_it_removed(
    filled: StatisticsFile, capsys: pytest.CaptureFixture[str]
) -> None:
    (path,) = filled.files()
    assert main(["stats", "--erase", "--yes"]) == 0
    assert capsys.readouterr().err == f"neocaret: removed {path}\n"
    assert list(filled.folder.glob("*.jsonl")) == []
    assert main(["stats", "--erase"]) == 0
    assert "there are no statistics" in capsys.readouterr().err


@pytest.mark.parametrize(("answer", "left"), [("n", 1), ("y", 0)])
def test_erasing_asks_first(
    filled: StatisticsFile, answer: str, left: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "answer").write_text(f"{answer}\n")
    with (tmp_path / "answer").open() as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        assert main(["stats", "--erase"]) == left
    assert len(filled.files()) == left


@pytest.mark.parametrize("options", [["--yes"], ["--erase", "--json"], ["--erase", "--plot", "x.png"]])
def test_options_that_do_nothing_are_refused(filled: StatisticsFile, options: list[str]) -> None:
    assert main(["stats", *options]) == 2
    assert len(filled.files()) == 1


@pytest.mark.parametrize(
    ("day", "week"), [("2026-11-23", "2026-W48"), ("2027-01-01", "2026-W53"), ("2026-99-99", "2026-99-99")]
)
def test_weeks_are_those_of_iso(day: str, week: str) -> None:
    assert week_of(day) == week
