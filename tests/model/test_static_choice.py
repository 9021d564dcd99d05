"""The sampler for devices takes the tokens that the host's takes, whatever is asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from neocaret_model.captured import PlainCalls
from neocaret_model.engine.port import Sampling
from neocaret_model.engine.sampling import Ask, choose
from neocaret_model.engine.static_choice import StaticChoice

Recorded = Callable[[], Any]
"""Makes a stand-in for CUDA graphs."""

NETWORK, VOCABULARY = 70, 60
tokens = st.integers(0, VOCABULARY - 1)
samplings = st.builds(
    Sampling,
    temperature=st.sampled_from([0.0, 1e-8, 0.3, 1.0, 3.0]),
    top_k=st.sampled_from([0, 1, 7, VOCABULARY - 1, VOCABULARY, 500]),
    top_p=st.sampled_from([0.01, 0.5, 0.95, 1.0]),
    repetition_penalty=st.sampled_from([0.5, 1.0, 1.3]),
    document_weight=st.sampled_from([0.2, 1.0, 30.0]),
)


def present_tensor(present: list[int]) -> torch.Tensor:
    mask = torch.zeros(VOCABULARY, dtype=torch.bool)
    mask[present] = True
    return mask


def made_ask(sampling: Sampling, point: float, masses: dict[int, float], present: list[int], allowed: Any) -> Ask:
    penalised = sampling.repetition_penalty != 1.0
    return Ask(sampling, point, masses, present_tensor(present) if penalised else None, allowed)


asks = st.builds(
    made_ask,
    samplings,
    st.floats(0.0, 1.0, exclude_max=True),
    st.dictionaries(tokens, st.floats(1e-6, 10.0), max_size=12),
    st.lists(tokens, max_size=8),
    st.none() | st.lists(st.integers(0, NETWORK + 5), min_size=1, max_size=9).map(lambda some: (3, *some)),
)


def random_logits(seed: int, slots: int, dtype: torch.dtype) -> torch.Tensor:
    return (torch.randn(slots, NETWORK, generator=torch.Generator().manual_seed(seed)) * 3).to(dtype)


def expected(logits: torch.Tensor, ask: Ask) -> tuple[int, float]:
    raw = logits.float()
    token = choose(raw[:VOCABULARY], float(raw.logsumexp(0)), ask)
    return token, float(raw[token] - raw.logsumexp(0))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@settings(deadline=None, max_examples=150)
@given(
    steps=st.lists(st.tuples(st.integers(0, 2**31), st.dictionaries(st.integers(0, 4), asks)), min_size=1, max_size=4)
)
def test_slots_take_what_the_hosts_sampler_takes(
    dtype: torch.dtype, steps: list[tuple[int, dict[int, Ask]]], recorded_calls: Recorded
) -> None:
    with torch.inference_mode():
        logits = torch.zeros(5, NETWORK, dtype=dtype)
        choice = StaticChoice(logits, VOCABULARY, recorded_calls())
        for seed, asked in steps:
            logits.copy_(random_logits(seed, 5, dtype))
            taken, logprobs, _ = choice.run(asked)
            for slot, ask in asked.items():
                token, logprob = expected(logits[slot], ask)
                assert taken[slot] == token
                assert logprobs[slot] == pytest.approx(logprob, abs=1e-5)


def test_equal_logits_are_drawn_alike() -> None:
    logits = torch.zeros(1, NETWORK)
    logits[0, 5:40] = 1.0
    choice = StaticChoice(logits, VOCABULARY, PlainCalls())
    for sampling in (Sampling(1.0), Sampling(1.0, top_p=0.6), Sampling(1.0, top_k=9), Sampling(1.0, 9, 0.6)):
        for hundredth in range(100):
            ask = Ask(sampling, hundredth / 100, {}, None, None)
            assert choice.run({0: ask})[0] == [expected(logits[0], ask)[0]]


def test_tokens_come_as_often_as_their_probability_says() -> None:
    logits = random_logits(3, 1, torch.float32)
    points = torch.rand(20_000, generator=torch.Generator().manual_seed(1), dtype=torch.float64).tolist()
    choice = StaticChoice(logits.repeat(1000, 1), VOCABULARY, PlainCalls())
    taken: list[float] = []
    for begin in range(0, len(points), 1000):
        some = points[begin : begin + 1000]
        taken += choice.run({slot: Ask(Sampling(2.0), point, {}, None, None) for slot, point in enumerate(some)})[0]
    counts = torch.bincount(torch.tensor(taken).long(), minlength=VOCABULARY)
    assert torch.allclose(counts / len(points), (logits[0, :VOCABULARY] / 2.0).softmax(0), atol=0.015)


def test_logits_that_are_no_numbers_are_told() -> None:
    logits = torch.zeros(2, NETWORK)
    logits[1, 0] = torch.nan
    ask = Ask(Sampling(1.0), 0.5, {}, None, None)
    _, _, normalisers = StaticChoice(logits, VOCABULARY, PlainCalls()).run({0: ask, 1: replace(ask)})
    assert torch.tensor(normalisers).isfinite().tolist() == [True, False]
