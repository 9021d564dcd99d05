"""The trial of recorded steps at load: they are used only where they are right."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from neocaret_model.captured import PlainCalls
from neocaret_model.config import read_config
from neocaret_model.engine.engine import LocalEngine
from neocaret_model.engine.static_choice import StaticChoice
from neocaret_model.graph_runner import GraphRunner
from neocaret_model.graph_trial import tried
from neocaret_model.loading import load_engine
from neocaret_model.neo_runner import NeoRunner
from neocaret_model.network import Network, tensor_shapes
from neocaret_model.quantisation import as_floats
from neocaret_model.static_pass import StaticPass
from neocaret_model.weights import read_weights


def network_of(folder: Path, dtype: torch.dtype = torch.float32) -> Network:
    config = read_config(folder)
    place = as_floats(torch.device("cpu"), dtype)
    return Network(config, read_weights(folder, tensor_shapes(config), place, lambda *_: None, lambda: False))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16], ids=str)
def test_right_steps_are_used_and_nothing_is_left_of_the_trial(
    tiny_folder: Path, dtype: torch.dtype, recorded_calls: Callable[[], Any], caplog: pytest.LogCaptureFixture
) -> None:
    runner = tried(network_of(tiny_folder, dtype), recorded_calls())
    assert isinstance(runner, GraphRunner)
    assert not runner._lent
    assert not caplog.text


def test_a_wrong_mask_is_found(
    tiny_folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    mask = StaticPass._mask
    monkeypatch.setattr(StaticPass, "_mask", lambda *args: torch.zeros_like(mask(*args)))
    assert isinstance(tried(network_of(tiny_folder), PlainCalls()), NeoRunner)
    assert "Recorded steps gave wrong numbers on cpu: plain ones are used." in caplog.text


def test_a_wrong_choice_is_found(tiny_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = StaticChoice.run
    monkeypatch.setattr(StaticChoice, "run", lambda *args: [[3.0] * len(some) for some in run(*args)])
    assert isinstance(tried(network_of(tiny_folder), PlainCalls()), NeoRunner)


def test_a_capture_that_is_refused_is_told(tiny_folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    class Refusing(PlainCalls):
        def record(self, work: Callable[[], None]) -> Callable[[], None]:
            raise RuntimeError(f"operation not permitted when stream is capturing: {work}")

    assert isinstance(tried(network_of(tiny_folder), Refusing()), NeoRunner)
    assert "No steps can be recorded on cpu: plain ones are used." in caplog.text


def test_weights_that_are_no_numbers_are_not_the_recordings_fault(tiny_folder: Path) -> None:
    network = network_of(tiny_folder)
    network._norm.bias[0] = torch.nan
    assert isinstance(tried(network, PlainCalls()), GraphRunner)


def test_a_cpu_records_nothing(tiny_folder: Path) -> None:
    engine = load_engine(str(tiny_folder), device="cpu")
    assert isinstance(engine, LocalEngine)
    assert isinstance(engine._runner, NeoRunner)


def test_a_model_of_a_few_positions_runs_plainly(make_checkpoint: Callable[..., Path]) -> None:
    assert isinstance(tried(network_of(make_checkpoint(max_position_embeddings=6)), PlainCalls()), NeoRunner)
