"""Quality against tokens: only comparable evaluations are drawn, and what is not one is named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from neocaret_model.training.__main__ import main


def evaluation(value: float, fingerprint: str = "abc") -> dict[str, Any]:
    exact = {"value": value, "interval_95": [value - 0.05, value + 0.05], "hits": 1}
    saved = {"value": 5 * value, "interval_95": [4 * value, 6 * value]}
    lines = {"overall": {"exact_match": {"1": exact}}}
    typing = {"saved_per_keystroke": saved}
    return {
        "data": {"fingerprint": fingerprint},
        "lines": {"model": lines, "similar line": lines},
        "typing": {"model": typing, "similar line": typing},
    }


def write(folder: Path, name: str, report: Any) -> str:
    (folder / name).write_text(json.dumps(report))
    return str(folder / name)


def test_models_are_drawn_against_their_tokens(tmp_path: Path) -> None:
    first, second = (write(tmp_path, name, evaluation(value)) for name, value in (("1", 0.1), ("2", 0.2)))
    picture = tmp_path / "q.png"
    assert main(["compare", f"15e6={second}", f"7.5e6={first}", "--picture", str(picture)]) == 0
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_evaluations_of_different_files_are_not_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = write(tmp_path, "1", evaluation(0.1))
    second = write(tmp_path, "2", evaluation(0.1, "other"))
    assert main(["compare", f"1={first}", f"2={second}"]) == 1
    assert "their fingerprints differ" in capsys.readouterr().err


@pytest.mark.parametrize("given", ["x=a.json", "a.json", "1=missing.json", "1=odd.json"])
def test_what_is_no_evaluation_is_named(
    given: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, "odd.json", {"lines": {}})
    assert main(["compare", given]) == 1
    assert given.rpartition("=")[2] in capsys.readouterr().err
