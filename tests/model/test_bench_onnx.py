from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import GPTNeoForCausalLM

from neocaret_model.benchmarks import onnx_peer
from neocaret_model.benchmarks.onnx_peer import OnnxRuntime, choose, is_installed, loaded_onnx_runtimes
from neocaret_model.benchmarks.plan import EVERYONE, Plan
from neocaret_model.benchmarks.run import benchmark
from neocaret_model.benchmarks.shapes import Shape, write_random
from neocaret_model.engine.port import GenerationRequest, Sampling
from neocaret_model.loading import load_engine

TEXTS = (
    "import os\n\ndef f(a):\n",
    "import os\n\ndef f(a):\n    return",
    "import os\n\ndef g(",
    "x",
    "import os\n\ndef",
)

needs_onnx = pytest.mark.skipif(not is_installed(), reason="onnxruntime and onnx are not installed")


def rows(count: int) -> tuple[Sampling, ...]:
    return (Sampling(), *(Sampling(0.5, top_p=0.95, seed=row) for row in range(1, count)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("random")
    write_random(folder, Shape(layers=2, width=32, heads=2, vocabulary=8192, positions=128, window=8))
    return folder


@pytest.fixture(scope="module")
def peers(folder: Path) -> Iterator[list[OnnxRuntime]]:
    with loaded_onnx_runtimes(folder, rows, 1) as loaded:
        yield loaded


@needs_onnx
def test_float32_graph_writes_what_our_engine_writes(folder: Path, peers: list[OnnxRuntime]) -> None:
    engine = load_engine(str(folder), device="cpu", dtype="float32")
    for text in TEXTS:
        (ours,) = engine.generate(GenerationRequest(text, max_new_tokens=12)).continuations
        assert peers[0].generate(text, 1, 12) == [ours.text]
        assert peers[0].generate(text, 3, 12)[0] == ours.text


@needs_onnx
def test_int8_graph_is_near_the_network(folder: Path, peers: list[OnnxRuntime]) -> None:
    ids = torch.arange(1, 21)[None]
    expected = GPTNeoForCausalLM.from_pretrained(folder, dtype=torch.float32)(ids).logits[0, -1]
    peers[1].forget()
    logits, _ = peers[1]._read(ids[0].tolist())
    error = torch.from_numpy(logits[0]) - expected
    assert 0 < error.norm() < 0.1 * expected.norm()


@needs_onnx
def test_time_and_cache_are_accounted_for(peers: list[OnnxRuntime]) -> None:
    assert [(peer.name, peer.dtype) for peer in peers] == [("onnxruntime", "float32"), ("onnxruntime", "int8")]
    for peer in peers:
        peer.forget()
        cold, again = (peer.answer(TEXTS[1], 2, 6) for _ in range(2))
        assert (cold.reused_tokens, cold.steps, cold.new_tokens) == (0, 5, 6)
        assert again.reused_tokens > 0
        assert again.prefill_ms + again.decode_ms == pytest.approx(again.ms)


@needs_onnx
def test_export_leaves_logging_as_it_was(folder: Path) -> None:
    before = list(logging.getLogger().handlers)
    with loaded_onnx_runtimes(folder, rows, 1):
        assert logging.getLogger().handlers == before


def test_rows_choose_as_they_are_asked() -> None:
    logits = np.log(np.array([[0.1, 0.2, 0.3, 0.4]] * 3, dtype=np.float32))
    asked = (Sampling(), Sampling(1.0, top_p=0.5), Sampling(1e-3))
    drawn = np.stack([choose(logits, asked) for _ in range(200)])
    assert set(drawn[:, 0]) == {3}
    assert set(drawn[:, 1]) == {2, 3}  # 0.4 alone does not reach a half
    assert set(drawn[:, 2]) == {3}


def test_without_onnxruntime_the_report_says_so(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx_peer, "_NEEDED", ("no_such_module",))
    plan = Plan(
        models=(str(folder),),
        device="cpu",
        dtypes=("float32",),
        lengths=(16,),
        rows=(1,),
        new_tokens=2,
        repetitions=1,
        asked_rows=rows,
        peers=EVERYONE,
    )
    report = benchmark(plan, lambda model, dtype: load_engine(model, "cpu", dtype), lambda *_: None)
    assert report.notes == ("onnxruntime is not installed, and so not measured: pip install 'neocaret[bench]'.",)
    assert {each.who for each in report.models[0].figures} == {
        "neocaret",
        "neocaret, no guesses",
        "pipeline",
        "reused cache",
    }
