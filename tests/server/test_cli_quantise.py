# ruff: noqa: TID253 - the bridge to the model is tested with the bundled one
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from neocaret_model.loading import load_engine
from neocaret_server.backend import BackendError, CancelToken, LoadProgress
from neocaret_server.cli import main
from neocaret_server.cli.services import Services
from neocaret_server.quantising import QuantisedModel, QuantiseRequest


def run(capfd: pytest.CaptureFixture[str], *arguments: str, fails: str = "") -> tuple[int, str, str, list[object]]:
    asked: list[object] = []

    def fake(request: QuantiseRequest, loading: Callable[[LoadProgress], None], _: CancelToken) -> QuantisedModel:
        asked.append(request)
        loading(LoadProgress("Quantising m", 1, 2))
        if fails:
            raise BackendError(fails)
        return QuantisedModel(13_930_000, 7_050_000)

    code = main(["quantise", *arguments], Services(quantise=fake))
    return code, *capfd.readouterr(), asked


def test_what_was_written_is_told(capfd: pytest.CaptureFixture[str]) -> None:
    code, out, err, asked = run(capfd, "m", "f")
    assert (code, out, err) == (0, "", "neocaret: f written: 7.0 MB, from 13.9 MB\n")
    assert asked == [QuantiseRequest("m", Path("f"))]


def test_overwriting_is_asked_for(capfd: pytest.CaptureFixture[str]) -> None:
    assert run(capfd, "m", "f", "--overwrite")[3] == [QuantiseRequest("m", Path("f"), overwrite=True)]


def test_failure_is_one_sentence(capfd: pytest.CaptureFixture[str]) -> None:
    assert run(capfd, "m", "f", fails="f exists already: choose.")[:3] == (
        1,
        "",
        "neocaret: f exists already: choose.\n",
    )


def test_both_are_needed(capfd: pytest.CaptureFixture[str]) -> None:
    code, _, err, asked = run(capfd, "m")
    assert (code, asked) == (2, [])
    assert "FOLDER" in err


def test_bundled_model_is_written_and_answers(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["quantise", "bundled", str(tmp_path / "small")]) == 0
    assert "small written: " in capfd.readouterr().err
    stored, at_load = (load_engine(model, "cpu", "int8") for model in (str(tmp_path / "small"), "bundled"))
    assert stored.score("import os\n") == at_load.score("import os\n")
    assert main(["quantise", "bundled", str(tmp_path / "small")]) == 1
    assert "exists already" in capfd.readouterr().err
