"""The compiled library takes the tokens that the sampler takes, at every level of instructions."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from neocaret_model.engine.port import Sampling
from neocaret_model.engine.sampling import Ask, RowSampler, chosen, sample
from neocaret_model.native.choice import CompiledChoice
from neocaret_model.native.library import library

COMPILED = library()
assert COMPILED is not None
CHOICES = [CompiledChoice(COMPILED, level) for level in range(COMPILED.levels)]
POINTS = st.floats(0.0, 1.0, exclude_max=True)


def random_logits(seed: int, size: int, spread: float, step: float) -> Tensor:
    """Of a step's width apart, where there is one, so that some are equal."""
    logits = torch.randn(size, generator=torch.Generator().manual_seed(seed)) * spread
    return (logits / step).round() * step if step else logits


@st.composite
def asks(draw: st.DrawFn, size: int) -> Ask:
    tokens = st.integers(0, size - 1)
    masses = draw(st.dictionaries(tokens, st.floats(0.001, 50.0), max_size=30))
    present = torch.zeros(size, dtype=torch.bool)
    present[draw(st.lists(tokens, max_size=30))] = True
    sampling = Sampling(
        temperature=draw(st.sampled_from([0.0, 1e-9, 0.2, 0.8, 1.0, 3.0])),
        top_p=draw(st.floats(0.05, 0.999)),
        top_k=draw(st.sampled_from([0, 0, 0, 40])),
        repetition_penalty=draw(st.sampled_from([1.0, 1.3])),
        document_weight=draw(st.sampled_from([0.5, 1.0])),
    )
    point = 0.0 if sampling.temperature == 0.0 else draw(POINTS)
    return Ask(sampling, point, masses, present if sampling.repetition_penalty != 1.0 else None)


@settings(deadline=None, max_examples=400)
@given(
    st.data(),
    st.integers(0, 2**31),
    st.sampled_from([1, 5, 17, 257, 513, 1500, 9000]),
    st.floats(0.0, 40.0),
    st.sampled_from([0.0, 0.1, 1.0]),
)
def test_every_level_takes_what_the_sampler_takes(
    data: st.DataObject, seed: int, size: int, spread: float, step: float
) -> None:
    vocabulary = data.draw(st.integers(max(1, size - 20), size))
    ask = data.draw(asks(vocabulary))
    logits = random_logits(seed, size, spread, step)
    before = logits.clone()
    expected = chosen(logits, vocabulary, ask)
    # Sums are rounded in another order: at the rims of tokens, the one beside may be meant.
    beside = {
        chosen(logits, vocabulary, Ask(ask.sampling, point, ask.masses, ask.present)).token
        for point in (max(0.0, ask.point - 1e-5), min(1.0 - 1e-9, ask.point + 1e-5))
    }
    for choice in CHOICES:
        found = choice(logits, vocabulary, ask)
        assert found.token in {expected.token} | (beside if ask.sampling.temperature else set())
        assert found.logprob == pytest.approx(float(logits.double().log_softmax(0)[found.token]), abs=1e-4)
    assert torch.equal(logits, before)


@pytest.mark.parametrize("choice", CHOICES)
def test_of_equally_likely_tokens_the_first_comes_first(choice: CompiledChoice) -> None:
    logits = torch.tensor([-1.0, 0.0, -1.0, 0.0])
    sampling = Sampling(temperature=1.0, top_p=0.99)
    assert choice(logits, 4, Ask(Sampling(), 0.0)).token == 1
    assert [choice(logits, 4, Ask(sampling, point)).token for point in (0.1, 0.45, 0.8, 0.99)] == [1, 3, 0, 2]


@pytest.mark.parametrize("choice", CHOICES)
@pytest.mark.parametrize("size", [600, 60_000])
def test_all_of_many_equal_tokens_are_drawn(choice: CompiledChoice, size: int) -> None:
    logits = torch.zeros(size)
    sampling = Sampling(temperature=1.0, top_p=0.5)
    taken = [choice(logits, size, Ask(sampling, place / 100)).token for place in range(100)]
    assert taken == pytest.approx([size * 0.5 * place / 100 for place in range(100)], abs=2)


@pytest.mark.parametrize("choice", CHOICES)
@pytest.mark.parametrize("temperature", [0.0, 1.0])
@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
@pytest.mark.parametrize("place", [0, 15, 40, 70])
def test_what_is_not_finite_is_refused(choice: CompiledChoice, temperature: float, bad: float, place: int) -> None:
    logits = torch.zeros(71)
    logits[place] = bad
    for vocabulary in (1, 71):
        with pytest.raises(FloatingPointError, match="not finite"):
            choice(logits, vocabulary, Ask(Sampling(temperature=temperature, top_p=0.9), 0.5))


@pytest.mark.parametrize("choice", CHOICES)
def test_nothing_that_may_be_taken_is_no_disaster(choice: CompiledChoice) -> None:
    logits = torch.full((50,), -torch.inf)
    logits[40:] = 1.0
    assert choice(logits, 30, Ask(Sampling(temperature=1.0, top_p=0.9), 0.5)).token in range(30)
    with pytest.raises(FloatingPointError):
        choice(logits[:30], 30, Ask(Sampling(temperature=1.0, top_p=0.9), 0.5))


def test_a_row_takes_the_same_tokens_with_it() -> None:
    logits = [random_logits(seed, 8192, 3.0, 0.0) for seed in range(100)]
    for temperature in (0.0, 0.8):
        sampling = Sampling(temperature=temperature, top_p=0.95, seed=3)
        plain, compiled = (RowSampler(sampling, [1], 8192, choice=choice) for choice in (chosen, CHOICES[-1]))
        taken = [[sample(each, row, 8000).token for each in logits] for row in (plain, compiled)]
        assert taken[0] == taken[1]


@pytest.mark.parametrize("choice", CHOICES)
def test_a_penalty_that_makes_logits_infinite_leaves_a_token(choice: CompiledChoice) -> None:
    logits = random_logits(3, 50, 3.0, 0.0)
    sampling = Sampling(temperature=0.8, top_p=0.9, repetition_penalty=1e-39)
    token = choice(logits, 50, Ask(sampling, 0.5, present=torch.ones(50, dtype=torch.bool))).token
    assert logits[token] > 0


@pytest.mark.parametrize("choice", CHOICES)
def test_what_the_vocabulary_does_not_hold_is_left_to_the_sampler(choice: CompiledChoice) -> None:
    with pytest.raises(IndexError):
        choice(torch.zeros(50), 40, Ask(Sampling(document_weight=1.0), 0.0, {45: 1.0}))
