from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import GPTNeoForCausalLM

from neocaret_model.benchmarks import shapes
from neocaret_model.benchmarks.memory import bytes_a_pass, measure_bandwidth
from neocaret_model.benchmarks.shapes import Shape, checkpoint, write_random
from neocaret_model.config import ModelConfig, read_config
from neocaret_model.engine.port import GenerationRequest
from neocaret_model.loading import load_engine
from neocaret_model.tokenizer import read_tokenizer

TINY = Shape(layers=2, width=16, heads=2, vocabulary=9000, positions=64, window=8)


def test_random_weights_load_and_answer_like_transformers(tmp_path: Path) -> None:
    write_random(tmp_path, TINY)
    engine = load_engine(str(tmp_path), device="cpu", dtype="float32")
    assert engine.info.positions == 64
    assert read_tokenizer(tmp_path).vocabulary == 9000
    assert read_config(tmp_path).layers == ("global", "local")
    result = engine.generate(GenerationRequest("import os", max_new_tokens=4))
    assert result.continuations[0].tokens == 4
    theirs = GPTNeoForCausalLM.from_pretrained(tmp_path, dtype=torch.float32)
    assert sum(tensor.numel() for tensor in theirs.parameters()) == engine.info.parameters


def test_shape_stands_for_a_model_that_is_not_here_and_is_gone_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(shapes.SHAPES, "EleutherAI/gpt-neo-125m", TINY)
    monkeypatch.setattr(shapes, "find_cached", lambda _: None)
    with checkpoint("125M") as found:
        assert found.random
        assert read_config(Path(found.model)).hidden_size == 16
    assert not Path(found.model).exists()


def test_model_that_is_here_stands_for_itself(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(shapes, "find_cached", lambda _: tmp_path)
    for model in ("bundled", "125m", str(tmp_path)):
        with checkpoint(model) as found:
            assert (found.model, found.random) == (model, False)


@pytest.mark.parametrize(("name", "millions"), [("125m", 125.2), ("1.3B", 1315.6), ("2.7B", 2651.3)])
def test_shapes_have_the_size_that_their_names_say(name: str, millions: float) -> None:
    shape = shapes.SHAPES[f"EleutherAI/gpt-neo-{name}"]
    inner = 12 * shape.width**2 + 10 * shape.width
    numbers = (shape.vocabulary + shape.positions + 2) * shape.width + shape.layers * inner
    assert numbers / 1e6 == pytest.approx(millions, abs=0.1)


def config(*, tied: bool) -> ModelConfig:
    return ModelConfig(
        vocabulary=10,
        hidden_size=4,
        intermediate_size=16,
        heads=1,
        layers=(),
        window=8,
        positions=100,
        activation="gelu_new",
        layer_norm_epsilon=1e-5,
        tied=tied,
        eos_ids=(),
    )


def test_a_pass_reads_all_weights_but_the_rows_that_it_looks_up() -> None:
    head_and_norm = 10 * 4 + 2 * 4
    assert bytes_a_pass(config(tied=True), "float32") == 4 * head_and_norm
    assert bytes_a_pass(config(tied=False), "bfloat16") == 2 * head_and_norm


def test_bandwidth_is_bytes_over_seconds() -> None:
    # No memory of today is slower or faster by that much.
    assert 1e8 < measure_bandwidth(torch.device("cpu"), 8 * 1024**2) < 1e13
