"""Counting never waits for the disk, and a disk that refuses never ends it."""

from __future__ import annotations

import logging
import time
from collections import Counter
from pathlib import Path

import pytest

from neocaret_server.statistics import Of
from neocaret_server.statistics_file import StatisticsFile
from neocaret_server.statistics_recorder import MOST_ROWS, Recorder


@pytest.fixture
def file(tmp_path: Path) -> StatisticsFile:
    return StatisticsFile(tmp_path / "state")


def recorder(file: StatisticsFile, seconds: float = 60.0) -> Recorder:
    made = Recorder(seconds)
    made.keep_in(file)
    return made


def total_of(file: StatisticsFile) -> Counter[str]:
    return sum(file.read().values(), Counter())


def test_counts_are_written_at_the_end(file: StatisticsFile) -> None:
    made = recorder(file)
    for _ in range(3):
        made.count("bundled", "python", {"offered": 1})
    assert not file.folder.exists()
    made.close(10)
    assert total_of(file) == {"offered": 3}


def test_counts_are_written_now_and_then(file: StatisticsFile) -> None:
    made = recorder(file, 0.01)
    for number in (1, 2):
        made.count("bundled", "python", {"offered": 1})
        end = time.monotonic() + 10
        while total_of(file)["offered"] < number and time.monotonic() < end:
            time.sleep(0.01)
    assert total_of(file) == {"offered": 2}
    made.close(10)


def test_counts_are_written_at_once_where_somebody_asks(file: StatisticsFile) -> None:
    made = recorder(file)
    made.count("bundled", "python", {"offered": 1})
    made.write()
    made.write()
    assert total_of(file) == {"offered": 1}
    made.close(10)
    assert total_of(file) == {"offered": 1}


def test_without_a_file_what_is_written_is_kept() -> None:
    made = Recorder()
    made.count("bundled", "python", {"offered": 1})
    made.write()
    assert made.today() == {"offered": 1}


def test_today_is_what_is_written_and_what_is_not(file: StatisticsFile) -> None:
    other = recorder(file)
    other.count("bundled", "python", {"offered": 2})
    other.close(10)
    made = recorder(file)
    made.count("bundled", "lua", {"offered": 1, "accepted": 1})
    assert made.today() == {"offered": 3, "accepted": 1}
    made.close(10)


def test_file_is_read_again_only_where_it_has_changed(file: StatisticsFile, monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[str] = []
    read = StatisticsFile.read

    def counted(self: StatisticsFile, month: str = "") -> dict[Of, Counter[str]]:
        reads.append(month)
        return read(self, month)

    monkeypatch.setattr(StatisticsFile, "read", counted)
    made, other = recorder(file), recorder(file)
    other.count("bundled", "python", {"offered": 2})
    other.close(10)
    for _ in range(5):
        made.count("bundled", "python", {"offered": 1})
        made.today()
    assert (made.today(), len(reads)) == ({"offered": 7}, 1)
    made.close(10)
    assert [made.today() for _ in range(3)] == [{"offered": 7}] * 3
    assert len(reads) == 2


def test_switched_off_nothing_is_counted_or_written(file: StatisticsFile) -> None:
    made = recorder(file)
    made.on = False
    made.count("bundled", "python", {"offered": 1})
    made.close(10)
    assert made.today() == {}
    assert not file.folder.exists()


def test_disk_that_refuses_is_noted_once_and_nothing_is_lost(
    file: StatisticsFile, caplog: pytest.LogCaptureFixture
) -> None:
    file.folder.write_text("a file where the folder should be")
    made = recorder(file, 0.01)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            made.count("bundled", "python", {"offered": 1})
            time.sleep(0.05)
    assert [record.getMessage() for record in caplog.records] == ["the statistics cannot be kept for now: File exists"]
    file.folder.unlink()
    made.count("bundled", "python", {"offered": 1})
    made.close(10)
    assert total_of(file) == {"offered": 4}


def test_names_that_a_client_makes_up_are_bounded(file: StatisticsFile) -> None:
    made = recorder(file)
    for number in range(2 * MOST_ROWS):
        made.count("bundled", f"l{number}", {"offered": 1})
    assert len(made._waiting) == MOST_ROWS + 1
    assert made.today() == {"offered": 2 * MOST_ROWS}
    made.close(10)
