"""Other architectures behind the engine's port: what transformers generates, warm as cold, alone as beside others."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from transformers import AutoModelForCausalLM

from neocaret_model.engine.engine import LocalEngine
from neocaret_model.engine.port import CancelToken, GenerationRequest, GenerationResult, Sampling
from neocaret_model.engine.stepper import CHUNK
from neocaret_model.loading import load_engine
from neocaret_model.model_type import THROUGH_TRANSFORMERS
from neocaret_model.recomputing import RecomputingRunner
from neocaret_model.reference import TransformersRunner

PROMPT = "import pandas as pd\n\ndef main():\n    for i in range(10):\n        print(i)\n    return"
LADDER = tuple(Sampling(temperature=0.3 * row, top_p=0.9, seed=row) for row in range(1, 4))
KEEPING = ["gpt2", "codegen", "qwen2", "starcoder2", "gemma2", "mixtral", "bloom", "opt"]
RECOMPUTING = ["mamba", "lfm2"]

AnyEngine = LocalEngine[Any]


def load(folder: Path, dtype: str = "float32") -> AnyEngine:
    engine = load_engine(str(folder), device="cpu", dtype=dtype)
    assert isinstance(engine, LocalEngine)
    return engine


@pytest.fixture(scope="module", params=KEEPING + RECOMPUTING)
def loaded(other_folders: dict[str, Path], request: pytest.FixtureRequest) -> AnyEngine:
    return load(other_folders[request.param])


@pytest.fixture
def engine(loaded: AnyEngine) -> Iterator[AnyEngine]:
    loaded.clear_cache()
    yield loaded
    loaded._stepper.prefixes.check()
    assert not any(slot.lent for slot in loaded._stepper.prefixes._slots)


def without_times(result: GenerationResult) -> GenerationResult:
    return replace(result, prefill_ms=0.0, decode_ms=0.0, reused_tokens=0)


def finish(engine: AnyEngine, *works: Any) -> None:
    for _ in range(1000):
        if all(work.done for work in works):
            return
        engine.advance(works)
    raise AssertionError("it does not end")


def test_what_continues_from_what_it_keeps_does_so_and_all_say_how_they_run(other_folders: dict[str, Path]) -> None:
    for kinds, runner in ((KEEPING, TransformersRunner), (RECOMPUTING, RecomputingRunner)):
        for kind in kinds:
            engine = load(other_folders[kind])
            assert isinstance(engine._runner, runner), kind
            assert engine.info.note.startswith(THROUGH_TRANSFORMERS)
            assert ("very slow" in engine.info.note) == (runner is RecomputingRunner)


@pytest.mark.parametrize("prompt", ["i", PROMPT, PROMPT + "\n" + PROMPT], ids=["short", "middle", "long"])
def test_greedy_equals_generate(engine: AnyEngine, prompt: str) -> None:
    result = engine.generate(GenerationRequest(prompt, max_new_tokens=24))
    network: Any = AutoModelForCausalLM.from_pretrained(engine.info.folder)
    ids = torch.tensor([engine._tokenizer.encode(prompt)])[:, -result.used_tokens :]
    asked: dict[str, Any] = {"max_new_tokens": 24, "pad_token_id": 0, "do_sample": False}
    new = network.generate(ids, attention_mask=torch.ones_like(ids), **asked)[0, ids.shape[1] :].tolist()
    with torch.inference_mode():
        logits = network(torch.cat([ids, torch.tensor([new])], dim=1), use_cache=False).logits
    logprobs = logits[0, ids.shape[1] - 1 : -1].log_softmax(-1)
    (only,) = result.continuations
    assert only.text == engine._tokenizer.decode(new)
    assert only.tokens == len(new)
    assert only.mean_logprob == pytest.approx(float(logprobs[range(len(new)), new].mean()), abs=1e-4)


def test_warm_answers_equal_cold_ones_whatever_was_asked_before(engine: AnyEngine) -> None:
    edits, text, reused = random.Random(3), PROMPT, 0  # noqa: S311, no secret
    cold = LocalEngine(engine._runner, engine._tokenizer, [0], engine._vocabulary, engine.info)
    for step in range(9):
        place = edits.randrange(len(text))
        text = {0: text[:place] + "x" + text[place:], 1: text[:place] + text[place + 9 :], 2: text + "\n    value = 1"}[
            step % 3
        ]
        request = GenerationRequest(text, (Sampling(), LADDER[1]), max_new_tokens=5, heal=True)
        cold.clear_cache()
        warm = engine.generate(request)
        assert without_times(warm) == without_times(cold.generate(request))
        reused += warm.reused_tokens
    assert reused > 0


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("kind", KEEPING)
def test_logits_after_a_reused_prefix_are_those_of_a_cold_run_bit_by_bit(
    other_folders: dict[str, Path], kind: str, dtype: str
) -> None:
    runner = load(other_folders[kind], dtype)._runner
    tokens = [token * 7 % 290 for token in range(2 * CHUNK + 9)]
    other = [*tokens[: CHUNK + 5], *(3 for _ in range(CHUNK))]

    def chunks(fed: list[int], kept: Any, begin: int) -> list[torch.Tensor]:
        return [runner.prefill(fed[place : place + CHUNK], kept) for place in range(begin, len(fed), CHUNK)]

    with torch.inference_mode():
        cold, earlier = runner.empty(), runner.empty()
        expected = chunks(tokens, cold, 0)[1:]
        chunks(other, earlier, 0)
        warm = runner.fork(earlier, CHUNK)
        found = chunks(tokens, warm, CHUNK)
        for kept, computed in ((cold, expected), (warm, found)):
            rows = runner.rows(kept, 3)
            computed.extend(runner.step([(rows, [[1], [2], [3]])]))
            rows.keep([0, 2])
            computed.extend(runner.step([(rows, [[4], [5]])]))
        assert [torch.equal(*pair) for pair in zip(expected, found, strict=True)] == [True] * 4


def test_a_row_is_the_same_alone_and_beside_others(engine: AnyEngine) -> None:
    rows = (Sampling(), *LADDER, Sampling(temperature=1.0, repetition_penalty=1.4, top_k=20, seed=9))
    together = engine.generate(GenerationRequest(PROMPT, rows, max_new_tokens=10, stop=("e", "\n"), heal=True))
    assert len({one.text for one in together.continuations}) > 1
    for sampling, beside in zip(rows, together.continuations, strict=True):
        (alone,) = engine.generate(
            GenerationRequest(PROMPT, (sampling,), max_new_tokens=10, stop=("e", "\n"), heal=True)
        ).continuations
        assert replace(alone, mean_logprob=0.0, logprob=0.0) == replace(beside, mean_logprob=0.0, logprob=0.0)
        assert alone.mean_logprob == pytest.approx(beside.mean_logprob, abs=1e-4)


def test_two_requests_at_once_get_what_each_gets_alone(engine: AnyEngine) -> None:
    requests = (
        GenerationRequest(PROMPT, LADDER, max_new_tokens=8, heal=True),
        GenerationRequest(PROMPT[:40] + "print", (Sampling(), LADDER[0]), max_new_tokens=12),
    )
    works = [engine.begin(request) for request in requests]
    finish(engine, *works)
    for work, request in zip(works, requests, strict=True):
        engine.clear_cache()
        alone = engine.generate(request).continuations
        assert [one.text for one in work.result().continuations] == [one.text for one in alone]


def test_cancelling_is_obeyed_within_one_token(engine: AnyEngine) -> None:
    cancel = CancelToken()

    def progress(done: int, _most: int) -> None:
        if done == 3:
            cancel.cancel()

    result = engine.generate(GenerationRequest(PROMPT, LADDER[:2], max_new_tokens=40), cancel, progress)
    assert [(one.tokens, one.finish_reason) for one in result.continuations] == [(3, "cancelled")] * 2


def test_cancelling_is_obeyed_within_one_chunk_and_what_was_fed_is_kept(engine: AnyEngine) -> None:
    cancel, request = CancelToken(), GenerationRequest("z" * 90, max_new_tokens=2)
    work = engine.begin(request, cancel)
    engine.advance([work])
    cancel.cancel()
    engine.advance([work])
    assert work.result().continuations[0].finish_reason == "cancelled"
    assert engine.generate(request).reused_tokens == CHUNK


def test_a_text_is_scored_by_its_tokens_probabilities(engine: AnyEngine) -> None:
    network = AutoModelForCausalLM.from_pretrained(engine.info.folder)
    ids = torch.tensor([[0, *engine._tokenizer.encode(PROMPT)]])
    with torch.inference_mode():
        logprobs = network(ids, use_cache=False).logits[0, :-1].log_softmax(-1)
    expected = logprobs[range(len(logprobs)), ids[0, 1:]].tolist()
    assert engine.score(PROMPT) == pytest.approx(expected, abs=1e-4)


BEGINNINGS = ("import pandas as pd\n", "def main():\n    for i in range(10):\n", "x = 1\n" * 30)
requests = st.builds(
    lambda beginning, end, rows, most, weight: GenerationRequest(
        beginning + end,
        tuple(Sampling(temperature=0.4 * row, top_p=0.9, seed=row, document_weight=weight) for row in range(rows)),
        max_new_tokens=most,
        heal=True,
    ),
    st.sampled_from(BEGINNINGS),
    st.sampled_from(["", "p", "    print(i)\n", "    print(i)\n    ret"]),
    st.integers(1, 3),
    st.integers(1, 10),
    st.sampled_from([0.0, 1.0]),
)


@pytest.fixture(scope="module")
def windowed(other_folders: dict[str, Path]) -> AnyEngine:
    """Of layers with and without a window, far shorter than the prompts."""
    return load(other_folders["qwen2"])


@settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_random_requests_get_what_a_cold_engine_gives(windowed: AnyEngine, data: Any) -> None:
    windowed.clear_cache()  # an example that hypothesis gives up leaves its requests unfinished
    works: list[tuple[GenerationRequest, CancelToken, Any]] = []
    for request in data.draw(st.lists(requests, min_size=1, max_size=5)):
        cancel = CancelToken()
        works.append((request, cancel, windowed.begin(request, cancel)))
        for _ in range(data.draw(st.integers(0, 3))):
            windowed.advance([work for _, _, work in works])
        if data.draw(st.booleans()) and data.draw(st.booleans()):
            data.draw(st.sampled_from(works))[1].cancel()
    finish(windowed, *(work for _, _, work in works))
    windowed._stepper.prefixes.check()
    assert not any(slot.lent for slot in windowed._stepper.prefixes._slots)
    for request, cancel, work in works:
        if not cancel.cancelled:
            windowed.clear_cache()
            cold = windowed.generate(request).continuations
            assert [one.text for one in work.result().continuations] == [one.text for one in cold]
