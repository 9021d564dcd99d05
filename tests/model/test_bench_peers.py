"""The peers must write what our engine writes: a peer that computes something else would be no measure."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest
import torch
from transformers.utils import logging

from neocaret_model.benchmarks.contestant import OwnEngine
from neocaret_model.benchmarks.onnx_peer import is_installed
from neocaret_model.benchmarks.peers import Pipeline, ReusedCache, loaded_peers
from neocaret_model.benchmarks.plan import EVERYONE, Peer, Plan
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


def rows(count: int) -> tuple[Sampling, ...]:
    return (Sampling(), *(Sampling(0.5, top_p=0.95, seed=row) for row in range(1, count)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("random")
    # The bundled tokenizer's own size: transformers chooses among all tokens that the network has.
    write_random(folder, Shape(layers=2, width=32, heads=2, vocabulary=8192, positions=128, window=8))
    return folder


@pytest.fixture(scope="module")
def peers(folder: Path) -> Iterator[list[Pipeline | ReusedCache]]:
    with loaded_peers(folder, "cpu", ("float32", "bfloat16"), rows, (1,)) as loaded:
        yield loaded


def test_pipeline_is_measured_once_and_the_reused_cache_in_each_format(peers: list[Pipeline | ReusedCache]) -> None:
    expected = [("pipeline", "float32"), ("reused cache", "float32"), ("reused cache", "bfloat16")]
    assert [(peer.name, peer.dtype) for peer in peers] == expected


@pytest.mark.parametrize("who", ["pipeline", "reused cache"])
def test_one_of_them_can_be_left_out(folder: Path, who: str) -> None:
    peer: Peer = "pipeline" if who == "pipeline" else "cache"
    with loaded_peers(folder, "cpu", ("float32",), rows, (1,), who=(peer,)) as loaded:
        assert [each.name for each in loaded] == [who]


def test_reused_cache_writes_what_our_engine_writes(folder: Path, peers: list[Pipeline | ReusedCache]) -> None:
    engine = load_engine(str(folder), device="cpu", dtype="float32")
    theirs = peers[1]
    assert isinstance(theirs, ReusedCache)
    theirs.forget()
    for text in TEXTS:
        (ours,) = engine.generate(GenerationRequest(text, max_new_tokens=12)).continuations
        assert ours.finish_reason == "length"
        assert theirs.generate(text, 1, 12) == [ours.text]
        assert len(theirs.generate(text, 3, 12)) == 3


def test_peers_account_for_their_time_and_their_cache(peers: list[Pipeline | ReusedCache]) -> None:
    for peer, count in product(peers, (1, 3)):
        peer.forget()
        cold, again = (peer.answer(TEXTS[1], count, 6) for _ in range(2))
        for answer in (cold, again):
            assert (answer.steps, answer.new_tokens) == (5, 6)
            assert answer.prefill_ms > 0
            assert answer.decode_ms > 0
            assert answer.prefill_ms + answer.decode_ms == pytest.approx(answer.ms)
        assert cold.reused_tokens == 0
        assert (again.reused_tokens > 0) == peer.keeps


def test_all_are_measured_in_one_run_and_leave_no_trace(folder: Path) -> None:
    before = torch.get_num_threads(), logging.get_verbosity(), logging.is_progress_bar_enabled()
    told: list[tuple[str, int, int]] = []
    plan = Plan(
        models=(str(folder),),
        device="cpu",
        dtypes=("float32", "bfloat16"),
        lengths=(16, 4000),
        rows=(1, 2),
        new_tokens=4,
        repetitions=1,
        asked_rows=rows,
        peers=EVERYONE,
        cancels=2,
    )
    report = benchmark(plan, lambda model, dtype: load_engine(model, "cpu", dtype), lambda *each: told.append(each))
    (model,) = report.models
    ours = [("neocaret", True), ("neocaret, no guesses", True)]
    assert [(each.who, "+1" in each.requests) for each in model.figures] == [
        *ours,
        *ours,
        ("pipeline", False),
        ("reused cache", True),
        ("reused cache", True),
        *([("onnxruntime", True)] * 2 if is_installed() else []),
    ] * 4
    assert model.notes == (
        "prompts of 4000 tokens do not fit 128 positions beside 4 new tokens: 116 is measured instead.",
    )
    contestants = len(model.figures) // 4
    assert [each for each in told if each[0].startswith("Measuring")][-1][1:] == (8, 8)
    assert told[-1] == (f"Cancelling {folder}", contestants, contestants)
    assert {each.who for each in model.cancels} <= {each.who for each in model.figures}
    assert {(each.size.prompt_tokens, each.size.rows) for each in model.cancels} == {(116, 2)}
    assert (torch.get_num_threads(), logging.get_verbosity(), logging.is_progress_bar_enabled()) == before


@pytest.mark.parametrize("peer", EVERYONE)
def test_those_alone_are_measured_who_are_asked_for(folder: Path, peer: Peer) -> None:
    plan = Plan(
        models=(str(folder),),
        device="cpu",
        dtypes=("bfloat16",),
        lengths=(16,),
        rows=(1,),
        new_tokens=2,
        repetitions=1,
        asked_rows=rows,
        peers=(peer,),
    )
    (model,) = benchmark(plan, lambda model, dtype: load_engine(model, "cpu", dtype), lambda *_: None).models
    expected = {
        "pipeline": [("pipeline", "float32")],
        "cache": [("reused cache", "float32"), ("reused cache", "bfloat16")],
        "onnxruntime": [("onnxruntime", "float32"), ("onnxruntime", "int8")] if is_installed() else [],
    }
    assert [(each.who, each.dtype) for each in model.figures][2:] == expected[peer]


def test_what_would_take_too_long_is_left_out_and_told(folder: Path) -> None:
    plan = Plan(
        models=(str(folder),),
        device="cpu",
        dtypes=("float32",),
        lengths=(16, 64),
        rows=(1,),
        new_tokens=2,
        repetitions=1,
        asked_rows=rows,
        peers=(),
        cancels=2,
        minutes=0,
    )
    (model,) = benchmark(plan, lambda model, dtype: load_engine(model, "cpu", dtype), lambda *_: None).models
    assert {each.size.prompt_tokens for each in model.figures} == {16}
    assert model.cancels == ()
    assert model.notes == (
        "not measured, since it would have taken longer than 0 minutes: N=64 K=1.",
        "nothing was cancelled, since 0 minutes were over.",
    )


def test_our_engine_is_asked_with_the_document_or_without(folder: Path) -> None:
    engine = load_engine(str(folder), device="cpu", dtype="float32")
    # What repeats is guessed, and guesses save steps: the same prompt without them takes a step a token.
    text = "a = b\n" * 16
    plain = OwnEngine(engine, rows, 1, document=False).answer(text, 1, 8)
    guessing = OwnEngine(engine, rows, 1, document=True).answer(text, 1, 8)
    assert plain.steps == 7
    assert guessing.steps < 7
