"""What has been counted stays, whoever else writes, and whatever ends a process."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from neocaret_server import statistics_file
from neocaret_server.statistics import Of, answer_name
from neocaret_server.statistics_file import MOST_BYTES, MOST_ROWS, StatisticsFile, state_folder

TODAY = Of("2026-11-23", "bundled", "python")
WRITERS = 3
TIMES = 40


@pytest.fixture
def file(tmp_path: Path) -> StatisticsFile:
    return StatisticsFile(tmp_path / "state" / "neocaret")


def test_counts_add_up_by_day_model_and_language(file: StatisticsFile) -> None:
    other = TODAY._replace(language="lua")
    file.add({TODAY: {"offered": 2}, other: {"offered": 1}})
    file.add({TODAY: {"offered": 1, "accepted": 1}})
    assert file.read() == {TODAY: Counter(offered=3, accepted=1), other: Counter(offered=1)}


def test_nothing_is_read_where_nothing_is(file: StatisticsFile) -> None:
    assert file.read() == {}
    assert file.erase() == []
    assert not file.folder.exists()


@pytest.mark.skipif(os.name == "nt", reason="modes are POSIX's")
def test_only_the_user_can_read_them(file: StatisticsFile) -> None:
    file.add({TODAY: {"offered": 1}})
    assert file.folder.stat().st_mode & 0o077 == 0
    assert [path.stat().st_mode & 0o777 for path in file.files()] == [0o600]


def test_servers_that_write_at_once_lose_nothing(file: StatisticsFile) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from neocaret_server.statistics import Of\n"
        "from neocaret_server import statistics_file\n"
        "statistics_file.MOST_BYTES = 1000\n"
        "statistics_file._LOCK_SECONDS = 60\n"
        "file = statistics_file.StatisticsFile(Path(sys.argv[1]))\n"
        f"for _ in range({TIMES}): file.add({{Of('2026-11-23', 'bundled', 'python'): {{'offered': 1}}}})\n"
    )
    command = [sys.executable, "-P", "-c", code, str(file.folder)]
    processes = [subprocess.Popen(command) for _ in range(WRITERS)]
    assert [process.wait(120) for process in processes] == [0] * WRITERS
    assert file.read() == {TODAY: Counter(offered=WRITERS * TIMES)}


def test_line_that_was_cut_off_is_passed_over_and_spoils_no_other(file: StatisticsFile) -> None:
    file.add({TODAY: {"offered": 1}})
    (path,) = file.files()
    whole = path.read_bytes()
    for cut in range(1, len(whole)):
        path.write_bytes(whole + whole[:cut])
        file.add({TODAY: {"offered": 1}})
        complete = cut >= len(whole)
        assert file.read()[TODAY]["offered"] == 2 + complete


@pytest.mark.parametrize(
    "line",
    [
        "null",
        "{}",
        "[]",
        '{"day": "2026-11-23", "model": "m", "language": 5, "counts": {}}',
        '{"day": "today", "model": "m", "language": "python", "counts": {"offered": 1}}',
        '{"day": "2026-11-23", "model": "m", "language": "python", "counts": 5}',
        '{"day": "2026-11-23", "model": "bundled", "language": "python", "counts": {"made up": 1}}',
        "\x00\x00",
    ],
)
def test_what_is_no_count_is_passed_over(file: StatisticsFile, line: str) -> None:
    file.add({TODAY: {"offered": 1}})
    (path,) = file.files()
    with path.open("a") as opened:
        opened.write(f"\n{line}")
    file.add({TODAY: {"offered": 1}})
    assert file.read()[TODAY] == {"offered": 2}


def test_month_that_grows_long_is_added_up(file: StatisticsFile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statistics_file, "MOST_BYTES", 2000)
    for _ in range(200):
        file.add({TODAY: {"offered": 1}})
    assert file.read() == {TODAY: Counter(offered=200)}
    assert file.files()[0].stat().st_size <= 2000
    assert [path.suffix for path in file.folder.iterdir() if path.name != "statistics.lock"] == [".jsonl"]


def test_month_of_many_languages_keeps_the_largest_and_every_count(
    file: StatisticsFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(statistics_file, "MOST_BYTES", 2000)
    monkeypatch.setattr(statistics_file, "MOST_ROWS", 5)
    file.add({TODAY: {"offered": 50}})
    for number in range(60):
        file.add({TODAY._replace(language=f"l{number}"): {"offered": 1}})
    read = file.read()
    assert read[TODAY]["offered"] == 50
    assert sum(counts["offered"] for counts in read.values()) == 110
    assert read[TODAY._replace(model="other", language="other")]["offered"] > 1


def test_month_of_long_rows_is_not_added_up_at_each_write(file: StatisticsFile) -> None:
    long = {answer_name(1.2**step): 10**6 for step in range(60)}
    file.add({TODAY._replace(language=f"l{number}"): long for number in range(MOST_ROWS)})
    (path,) = file.files()
    assert path.stat().st_size < 0.6 * MOST_BYTES
    first = path.stat().st_ino
    for _ in range(10):
        file.add({TODAY: {"offered": 1}})
        assert path.stat().st_ino == first
    read = file.read()
    assert len(read) > 100
    assert sum((counts for counts in read.values()), Counter())[answer_name(1.0)] == MOST_ROWS * 10**6


def test_version_is_another_one_whenever_something_was_written(file: StatisticsFile) -> None:
    assert file.version("2026-11") is None
    versions = []
    for _ in range(3):
        file.add({TODAY: {"offered": 1}})
        versions.append(file.version("2026-11"))
    assert len(set(versions)) == 3
    assert file.version("2026-11") == versions[-1]


def test_oldest_months_go(file: StatisticsFile) -> None:
    days = [f"{year}-{month:02}-01" for year in (2024, 2025, 2026) for month in range(1, 13)]
    for day in days:
        file.add({TODAY._replace(day=day): {"offered": 1}})
    assert sorted(of.day for of in file.read()) == days[-statistics_file.MOST_MONTHS :]


def test_erased_is_erased_and_counting_begins_anew(file: StatisticsFile) -> None:
    file.add({TODAY: {"offered": 1}, TODAY._replace(day="2026-10-01"): {"offered": 1}})
    assert [path.name for path in file.erase()] == ["statistics-2026-10.jsonl", "statistics-2026-11.jsonl"]
    assert file.read() == {}
    file.add({TODAY: {"offered": 1}})
    assert file.read() == {TODAY: Counter(offered=1)}


def test_full_disk_leaves_what_was_there(file: StatisticsFile, monkeypatch: pytest.MonkeyPatch) -> None:
    file.add({TODAY: {"offered": 1}})
    real = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: real(descriptor, data[:5]))
    with pytest.raises(OSError, match="full"):
        file.add({TODAY: {"offered": 1}})
    monkeypatch.undo()
    file.add({TODAY: {"offered": 1}})
    assert file.read() == {TODAY: Counter(offered=2)}


@pytest.mark.parametrize(
    ("environment", "platform", "folder"),
    [
        ({"NEOCARET_STATE_FOLDER": "/x"}, "linux", "/x"),
        ({"XDG_STATE_HOME": "/s"}, "linux", "/s/neocaret"),
        ({"XDG_STATE_HOME": "s"}, "linux", "HOME/.local/state/neocaret"),
        ({}, "linux", "HOME/.local/state/neocaret"),
        ({}, "darwin", "HOME/Library/Application Support/neocaret"),
        ({"LOCALAPPDATA": "/l"}, "win32", "/l/neocaret"),
        ({}, "win32", "HOME/AppData/Local/neocaret"),
    ],
)
def test_folder_is_the_usual_one(
    environment: dict[str, str], platform: str, folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "home", lambda: Path("/home/user"))
    assert state_folder(environment, platform) == Path(folder.replace("HOME", "/home/user"))
