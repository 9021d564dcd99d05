from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neocaret_model.engine.document_ngrams import AHEAD, BREAK, EXPONENT, LONGEST, MOST_PLACES, WEIGHT, DocumentNgrams

documents = st.lists(st.sampled_from([BREAK, 0, 1, 2]), max_size=60)
contexts = st.lists(st.integers(0, 3), min_size=1, max_size=8)


def ngrams_of(tokens: Sequence[int]) -> DocumentNgrams:
    ngrams = DocumentNgrams()
    ngrams.read(tokens)
    return ngrams


def agreement(before: Sequence[int], context: Sequence[int]) -> int:
    length = 0
    while length < min(len(before), len(context), LONGEST) and before[-1 - length] == context[-1 - length]:
        length += 1
    return length


def expected_masses(document: Sequence[int], context: Sequence[int]) -> dict[int, float]:
    """The formula as it is written, with every place compared in full."""
    matches = [(agreement(document[:place], context), token) for place, token in enumerate(document) if token != BREAK]
    masses = {}
    for token in {token for length, token in matches if length > 0}:
        longest = max(length for length, follower in matches if follower == token)
        followers = [follower for length, follower in matches if length >= longest]
        masses[token] = WEIGHT * followers.count(token) * (longest / len(set(followers))) ** EXPONENT
    return masses


@given(documents, contexts)
def test_masses_are_those_of_the_formula(document: list[int], context: list[int]) -> None:
    assert ngrams_of(document).masses(context) == pytest.approx(expected_masses(document, context))


@given(st.lists(st.tuples(documents, st.integers(0, 60)), max_size=6), contexts)
def test_a_document_read_after_others_counts_like_one_read_alone(
    edits: list[tuple[list[int], int]], context: list[int]
) -> None:
    ngrams = DocumentNgrams()
    document: list[int] = []
    for typed, kept in edits:
        document = document[:kept] + typed
        ngrams.read(document)
        assert ngrams.masses(context) == ngrams_of(document).masses(context)


def test_reading_a_document_typed_on_leaves_its_beginning_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    ngrams = ngrams_of(range(1_000))
    appended: list[int] = []
    monkeypatch.setattr(ngrams, "_append", appended.append)
    ngrams.read([*range(1_000), 7, 8])
    assert appended == [7, 8]


@given(documents)
def test_a_document_taken_back_leaves_nothing(document: list[int]) -> None:
    ngrams = ngrams_of(document)
    ngrams.read([])
    assert not any(ngrams._latest.values())
    assert ngrams._tokens == ngrams._earlier == ngrams._times == []


def test_what_always_followed_a_long_context_outweighs_the_network_and_one_of_many_hardly_counts() -> None:
    line = list(range(10, 20))
    document = [*line, 1, *line, 1, *(token for follower in range(30, 60) for token in (5, follower))]
    ngrams = ngrams_of(document)
    assert ngrams.masses(line) == {1: pytest.approx(WEIGHT * 2 * 10**EXPONENT)}
    assert ngrams.masses(line)[1] > 1
    assert max(ngrams.masses([5]).values()) < 0.001


@pytest.mark.parametrize("agreeing", [2, 3, 10])
def test_what_agrees_in_more_tokens_tells_more_of_what_follows(agreeing: int) -> None:
    ngrams = ngrams_of(range(100))
    context = [1000, *range(30, 30 + agreeing)]
    assert ngrams.following(context, 50) == list(range(30 + agreeing, 30 + agreeing + AHEAD * agreeing))
    assert ngrams.following(context, 2) == list(range(30 + agreeing, 32 + agreeing))


def test_a_single_token_tells_nothing_and_nothing_follows_beyond_a_text() -> None:
    ngrams = ngrams_of([1, 2, 3, 4, BREAK, 5, 6])
    assert ngrams.following([9, 2], 8) == []
    assert ngrams.following([1, 2], 8) == [3, 4]
    assert ngrams.following([5, 6], 8) == []


def test_no_context_reaches_from_one_text_into_another() -> None:
    ngrams = ngrams_of([BREAK, 1, 2, BREAK, 3, 4])
    assert ngrams.masses([1, 2]) == {}
    assert ngrams.masses([2, 3]) == ngrams.masses([3])


def test_agreement_is_counted_up_to_a_bound() -> None:
    document = [*range(100), 1]
    assert ngrams_of(document).masses(range(100)) == {1: pytest.approx(WEIGHT * LONGEST**EXPONENT)}


def test_a_pair_that_stands_everywhere_is_compared_at_its_latest_places_only() -> None:
    document = [1, 2, 7, *[1, 2, 8] * MOST_PLACES]
    masses = ngrams_of(document).masses([1, 2])
    assert masses[8] == pytest.approx(WEIGHT * MOST_PLACES * 2**EXPONENT)
    assert masses[7] == pytest.approx(WEIGHT * 2**-EXPONENT)
