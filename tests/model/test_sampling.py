from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from transformers import (
    LogitsProcessorList,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from neocaret_model.engine import nucleus
from neocaret_model.engine.document_ngrams import DocumentNgrams
from neocaret_model.engine.port import Sampling
from neocaret_model.engine.sampling import RowSampler, Sampled, candidates, mixed, penalised, sample

seeds = st.integers(0, 2**31)
samplings = st.builds(
    Sampling,
    temperature=st.floats(0.1, 3.0),
    top_k=st.integers(0, 700),
    top_p=st.floats(0.05, 1.0),
    repetition_penalty=st.sampled_from([1.0, 1.3]),
    seed=seeds,
)


def sample_rows(logits: torch.Tensor, rows: list[RowSampler], vocabulary: int) -> list[Sampled]:
    return [sample(one, row, vocabulary) for one, row in zip(logits, rows, strict=True)]


def random_logits(seed: int, rows: int, vocabulary: int, spread: float = 2.0) -> torch.Tensor:
    return torch.randn(rows, vocabulary, generator=torch.Generator().manual_seed(seed)) * spread


def expected_probabilities(logits: torch.Tensor, sampling: Sampling, present: list[int]) -> torch.Tensor:
    """What transformers' own processors make of the logits (V), sorting all of them."""
    processors = LogitsProcessorList([TemperatureLogitsWarper(sampling.temperature)])
    if sampling.repetition_penalty != 1.0:
        processors.insert(0, RepetitionPenaltyLogitsProcessor(sampling.repetition_penalty))
    if sampling.top_k:
        processors.append(TopKLogitsWarper(sampling.top_k))
    if sampling.top_p < 1.0:
        processors.append(TopPLogitsWarper(sampling.top_p))
    scores = processors(torch.LongTensor([present]), logits[None].double())
    return scores.softmax(-1)[0]


def actual_probabilities(logits: torch.Tensor, sampling: Sampling, present: list[int]) -> torch.Tensor:
    seen = torch.zeros(logits.numel(), dtype=torch.bool)
    seen[present] = True
    scores = penalised(logits, seen, sampling.repetition_penalty) / sampling.temperature
    tokens, weights = candidates(scores, sampling.top_k, sampling.top_p)
    probabilities = torch.zeros(logits.numel(), dtype=torch.float64)
    probabilities[torch.arange(logits.numel()) if tokens is None else tokens] = weights / weights.sum()
    return probabilities


@settings(deadline=None, max_examples=150)
@given(seeds, st.sampled_from([5, 256, 257, 1500]), st.floats(0.01, 6.0), samplings)
def test_the_distribution_is_that_of_a_full_sort(seed: int, size: int, spread: float, sampling: Sampling) -> None:
    assume(0 < sampling.top_k < size or sampling.top_p == 1.0)
    logits = random_logits(seed, 1, size, spread)[0]
    actual = actual_probabilities(logits, sampling, [1, 2, 2])
    expected = expected_probabilities(logits, sampling, [1, 2, 2])
    # At the rim of the nucleus, rounding may let in or leave out one token: the rarest of it.
    differing = int(((actual > 0) != (expected > 0)).sum())
    assert differing <= 1
    rim = float(torch.maximum(actual, expected)[(actual > 0) != (expected > 0)].sum())
    assert torch.allclose(actual, expected, atol=rim + 1e-6)


def sorted_nucleus(scaled: torch.Tensor, top_p: float) -> tuple[list[int], torch.Tensor]:
    """The tokens, the likeliest first, and their weights cumulated, by sorting all (V)."""
    values, tokens = scaled.double().sort(descending=True, stable=True)
    cumulated = values.exp().cumsum(0)
    kept = int((cumulated < top_p * cumulated[-1]).sum()) + 1
    return tokens[:kept].tolist(), cumulated[:kept]


@settings(deadline=None, max_examples=300)
@given(
    seeds,
    st.sampled_from([1, 5, 257, 1500, 9000]),
    st.floats(0.0, 40.0),
    st.sampled_from([0.0, 0.1, 1.0]),
    st.tuples(st.floats(0.05, 0.999), st.floats(0.0, 1.0, exclude_max=True)),
)
def test_a_token_is_drawn_as_from_the_sorted_nucleus(
    seed: int, size: int, spread: float, step: float, asked: tuple[float, float]
) -> None:
    top_p, point = asked
    logits = random_logits(seed, 1, size, spread)[0]
    logits = (logits / step).round() * step if step else logits  # equal ones among them
    scaled = logits - logits.max()
    tokens, cumulated = sorted_nucleus(scaled, top_p)
    place = min(int(torch.searchsorted(cumulated, point * cumulated[-1], right=True)), len(tokens) - 1)
    # Sums are rounded in another order: at the rims of tokens, the one beside may be meant.
    near = set(tokens[max(place - 1, 0) : place + 2])
    for found in (nucleus.drawn(scaled, top_p, point), nucleus.drawn_from_buckets(scaled, top_p, point)):
        assert found == tokens[place] or (found in near and near_a_rim(cumulated, point))


def near_a_rim(cumulated: torch.Tensor, point: float) -> bool:
    return bool(((cumulated / cumulated[-1] - point).abs() < 1e-6).any())


def test_equally_likely_tokens_stay_in_their_order() -> None:
    scaled = torch.tensor([-1.0, 0.0, -1.0, 0.0])
    few = nucleus.few_candidates(scaled, 0.9)
    assert few is not None
    assert few[0] == [1, 3, 0, 2]
    points = [0.1, 0.45, 0.8, 0.99]
    assert [nucleus.drawn_from_buckets(scaled, 0.99, point) for point in points] == [1, 3, 0, 2]


def test_what_are_not_few_or_have_not_the_mass_are_counted_into_buckets() -> None:
    assert nucleus.few_candidates(torch.zeros(1000), 0.5) is None
    far = torch.full((100_000,), -9.5)
    far[7] = 0.0
    assert nucleus.few_candidates(far, 0.9) is None
    assert nucleus.drawn(far, 0.9, 0.05) == 7
    assert nucleus.drawn(far, 0.9, 0.5) != 7


def test_tokens_that_may_not_be_taken_are_never_drawn() -> None:
    scaled = torch.full((600,), -torch.inf)
    scaled[300:590] = 0.0
    points = [0.0, 0.3, 0.7, 1.0 - 2**-53]
    assert all(300 <= nucleus.drawn(scaled, 0.999, point) < 590 for point in points)


def test_tokens_come_as_often_as_their_probability_says() -> None:
    sampling = Sampling(temperature=1.0, top_p=0.9, seed=5)
    logits = random_logits(0, 1, 12)
    row = RowSampler(sampling, [], 12)
    draws = 20_000
    counts = torch.bincount(torch.tensor([sample(logits[0], row, 12).token for _ in range(draws)]), minlength=12)
    assert torch.allclose(counts / draws, expected_probabilities(logits[0], sampling, [0]).float(), atol=0.015)


@settings(deadline=None, max_examples=40)
@given(seeds, st.lists(samplings, min_size=1, max_size=5))
def test_a_row_takes_the_same_tokens_alone_and_beside_others(seed: int, rows: list[Sampling]) -> None:
    steps = [random_logits(seed + step, len(rows), 400) for step in range(4)]
    together = [RowSampler(sampling, [3], 400) for sampling in rows]
    side_by_side = [sample_rows(logits, together, 400) for logits in steps]
    for place, sampling in enumerate(rows):
        alone = RowSampler(sampling, [3], 400)
        assert [sample(logits[place], alone, 400) for logits in steps] == [taken[place] for taken in side_by_side]


def test_greedy_takes_the_likeliest_whatever_the_cuts() -> None:
    logits = random_logits(1, 1, 50)
    row = RowSampler(Sampling(temperature=0.0, top_k=3, top_p=0.1), [], 50)
    assert sample(logits[0], row, 50).token == int(logits.argmax())


@pytest.mark.parametrize("temperature", [1e-300, 1e-8, 1e-5])
def test_next_to_no_temperature_is_next_to_greedy(temperature: float) -> None:
    logits = random_logits(1, 1, 50)
    row = RowSampler(Sampling(temperature=temperature, seed=0), [], 50)
    assert sample(logits[0], row, 50).token == int(logits.argmax())


def test_a_penalised_token_is_not_repeated_for_ever() -> None:
    logits = torch.tensor([[3.0, 2.0, -1.0]])
    row = RowSampler(Sampling(repetition_penalty=2.0), [], 3)
    assert [sample(logits[0], row, 3).token for _ in range(2)] == [0, 1]


def test_rows_without_a_seed_differ() -> None:
    logits = torch.zeros(1, 50_000)
    rows = [RowSampler(Sampling(temperature=1.0), [], 50_000) for _ in range(2)]
    assert sample(logits[0], rows[0], 50_000).token != sample(logits[0], rows[1], 50_000).token


@pytest.mark.parametrize("seed", [0, 1, -1, 2**64 - 1, 2**64, 10**40])
def test_every_whole_number_is_a_seed(seed: int) -> None:
    logits = random_logits(0, 1, 100)
    first, second = (
        sample(logits[0], RowSampler(Sampling(temperature=1.0, seed=seed), [], 100), 100) for _ in range(2)
    )
    assert first == second


def test_logprobs_are_the_models_own() -> None:
    logits = random_logits(2, 2, 60)
    sampling = Sampling(temperature=2.0, top_k=5, repetition_penalty=1.5, seed=1, document_weight=1.0)
    rows = [RowSampler(sampling, [4], 60, ngrams=ngrams_of([4, 9, 4])) for _ in range(2)]
    taken = sample_rows(logits, rows, 60)
    expected = [float(logits[row].log_softmax(-1)[token]) for row, token in enumerate(one.token for one in taken)]
    assert [one.logprob for one in taken] == pytest.approx(expected, abs=1e-5)


def test_tokens_that_the_tokenizer_does_not_know_are_never_taken() -> None:
    logits = torch.zeros(1, 20)
    logits[0, 15] = 100.0
    row = RowSampler(Sampling(), [], 10)
    assert sample(logits[0], row, 10).token < 10


@settings(deadline=None, max_examples=40)
@given(seeds, samplings, st.lists(st.integers(0, 9), min_size=1, max_size=4))
def test_asking_ahead_is_what_is_asked_after_the_guesses_and_changes_nothing(
    seed: int, sampling: Sampling, guesses: list[int]
) -> None:
    sampling = replace(sampling, document_weight=1.0)
    document = torch.randint(10, (30,), generator=torch.Generator().manual_seed(seed)).tolist()
    asking, taking = (RowSampler(sampling, document, 10, ngrams=ngrams_of(document)) for _ in range(2))
    ahead = [asking.ask(guesses[:count]) for count in range(len(guesses) + 1)]
    for count, asked in enumerate(ahead):
        now = taking.ask()
        assert (asked.point, asked.masses) == (now.point, now.masses)
        assert (asked.present is None) == (now.present is None)
        assert asked.present is None or now.present is None or torch.equal(asked.present, now.present)
        if count < len(guesses):
            taking.take(guesses[count])
    fresh = RowSampler(sampling, document, 10, ngrams=ngrams_of(document))
    for step in range(4):
        logits = random_logits(step, 1, 10)[0]
        assert sample(logits, asking, 10) == sample(logits, fresh, 10)


def test_logits_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(FloatingPointError):
        sample(torch.full((4,), float("nan")), RowSampler(Sampling(), [], 4), 4)


# The mixture with the document's n-grams


@given(seeds, st.floats(0.1, 3.0), st.lists(st.integers(0, 9), min_size=2, max_size=20))
def test_probabilities_with_the_documents_n_grams_are_those_of_the_mixture(
    seed: int, weight: float, document: list[int]
) -> None:
    logits = random_logits(seed, 1, 10)[0]
    row = RowSampler(Sampling(1.0, seed=seed, document_weight=weight), document, 10, ngrams=ngrams_of(document))
    masses = row.ask().masses
    mixture = logits.softmax(-1).double()
    for token, mass in masses.items():
        mixture[token] += weight * mass
    took = sample(logits, row, 10)
    assert took.mixed_logprob == pytest.approx(math.log(mixture[took.token] / mixture.sum()), abs=1e-5)
    assert took.logprob == pytest.approx(float(logits.log_softmax(-1)[took.token]), abs=1e-5)


def ngrams_of(tokens: list[int]) -> DocumentNgrams:
    ngrams = DocumentNgrams()
    ngrams.read(tokens)
    return ngrams


some_masses = st.dictionaries(st.integers(0, 39), st.floats(1e-6, 100.0), min_size=1)


@settings(deadline=None)
@given(seeds, some_masses)
def test_a_mixture_is_a_distribution_with_the_masses_beside_the_networks_1(seed: int, masses: dict[int, float]) -> None:
    logits = random_logits(seed, 1, 40)[0]
    added = torch.zeros(40)
    added[list(masses)] = torch.tensor(list(masses.values()))
    probabilities = mixed(logits, float(logits.logsumexp(0)), masses).softmax(0)
    assert torch.allclose(probabilities, (logits.softmax(0) + added) / (1 + added.sum()), atol=1e-6)
    assert float(probabilities.sum()) == pytest.approx(1, abs=1e-5)


@settings(deadline=None, max_examples=40)
@given(seeds, st.lists(st.integers(0, 9), max_size=40), samplings)
def test_a_document_of_no_weight_changes_nothing(seed: int, document: list[int], sampling: Sampling) -> None:
    steps = [random_logits(seed + step, 1, 10) for step in range(4)]
    plain = RowSampler(sampling, [3, 1], 10)
    beside_it = RowSampler(sampling, [3, 1], 10, ngrams=ngrams_of(document))
    assert [sample(logits[0], plain, 10) for logits in steps] == [sample(logits[0], beside_it, 10) for logits in steps]


def test_a_document_is_followed_against_a_network_that_does_not_know_and_not_against_one_that_does() -> None:
    document = [*range(20), *range(10)]
    row = RowSampler(Sampling(document_weight=1.0), document, 50, ngrams=ngrams_of(document))
    assert [sample(torch.zeros(50), row, 50).token for _ in range(3)] == [10, 11, 12]
    sure = torch.zeros(1, 50)
    sure[0, 40] = 20.0
    doubted = RowSampler(Sampling(document_weight=0.1), document, 50, ngrams=ngrams_of(document))
    assert sample(sure[0], doubted, 50).token == 40


def test_no_ending_is_guessed_nor_what_comes_after_it() -> None:
    document = [*range(20), 5, 6, 7, 8]
    sampling = Sampling(document_weight=1.0)
    assert RowSampler(sampling, document, 50, ngrams=ngrams_of(document)).draft(4) == [9, 10, 11, 12]
    assert RowSampler(sampling, document, 50, ngrams=ngrams_of(document), endings={11, 12}).draft(4) == [9, 10]
    assert RowSampler(sampling, document, 50, ngrams=ngrams_of(document), endings={9}).draft(4) == []


def test_a_documents_weight_multiplies_its_masses() -> None:
    logits = torch.zeros(1, 4)
    document = [1, 2, 3, 1]

    def share(weight: float) -> float:
        ask = RowSampler(Sampling(document_weight=weight), document, 4, ngrams=ngrams_of(document)).ask()
        if not ask.masses:
            return float(logits[0].softmax(0)[2])
        unit = float(logits[0].logsumexp(0)) + math.log(weight)
        return float(mixed(logits[0], unit, ask.masses).softmax(0)[2])

    mass = ngrams_of(document).masses([3, 1])[2]
    assert share(2.0) == pytest.approx((0.25 + 2 * mass) / (1 + 2 * mass))
    assert share(0.0) == pytest.approx(0.25)


@settings(deadline=None, max_examples=40)
@given(seeds, st.lists(samplings, min_size=1, max_size=4), st.lists(st.integers(0, 9), min_size=1, max_size=30))
def test_rows_with_a_document_take_the_same_tokens_alone_and_beside_others(
    seed: int, rows: list[Sampling], document: list[int]
) -> None:
    rows = [replace(sampling, document_weight=place / 2) for place, sampling in enumerate(rows)]
    steps = [random_logits(seed + step, len(rows), 10) for step in range(4)]
    ngrams = ngrams_of(document)
    together = [RowSampler(sampling, document, 10, ngrams=ngrams) for sampling in rows]
    side_by_side = [sample_rows(logits, together, 10) for logits in steps]
    for place, sampling in enumerate(rows):
        alone = RowSampler(sampling, document, 10, ngrams=ngrams_of(document))
        for logits, beside in zip(steps, side_by_side, strict=True):
            assert sample(logits[place], alone, 10) == beside[place]
