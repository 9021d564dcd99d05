"""What `without.py` takes out still stands where it stood, and names tests and rows that there are."""

from __future__ import annotations

from pathlib import Path

import pytest
from removals import REMOVALS, Removal

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


@pytest.mark.parametrize("removal", REMOVALS, ids=lambda each: each.what)
def test_each_protection_stands_where_it_is_taken_out(removal: Removal) -> None:
    assert (ROOT / removal.file).read_text().count(removal.old) == 1
    assert f"\n| {removal.row}" in README
    file, _, name = removal.test.partition("::")
    assert f"def {name.partition('[')[0]}" in (ROOT / file).read_text()


def test_each_row_has_one() -> None:
    proven = README.partition("\n## What is proven about it\n")[2].partition("\n## ")[0]
    rows = [line for line in proven.splitlines() if line.startswith("| ") and "`tests/" in line]
    assert len(rows) > 10
    assert [row for row in rows if not any(row.startswith(f"| {each.row}") for each in REMOVALS)] == []
