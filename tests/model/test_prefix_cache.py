from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from neocaret_model.engine.prefix_cache import PrefixCache, shared_prefix

GRID = 4
prompts = st.lists(st.integers(0, 1), max_size=30)


def test_the_last_token_is_always_left_to_be_fed() -> None:
    cache: PrefixCache[str] = PrefixCache(2, GRID)
    cache.store(range(8), "eight")
    hit = cache.find(range(8))
    assert hit is not None
    assert hit.shared_tokens == 4


def test_a_prefix_ends_on_the_grid() -> None:
    cache: PrefixCache[str] = PrefixCache(2, GRID)
    cache.store(range(7), "seven")
    hit = cache.find(range(20))
    assert hit is not None
    assert (hit.kept, hit.kept_tokens, hit.shared_tokens) == ("seven", 7, 4)


def test_less_than_one_step_of_the_grid_is_no_hit() -> None:
    cache: PrefixCache[str] = PrefixCache(2, GRID)
    cache.store([1, 2, 3, 9], "other")
    assert cache.find([1, 2, 3, 4, 5, 6]) is None


def test_a_prompt_that_was_typed_on_takes_the_place_of_the_shorter() -> None:
    cache: PrefixCache[str] = PrefixCache(4, GRID)
    for length in range(1, 20):
        cache.store(range(length), str(length))
    assert len(cache._slots) == 1


def test_two_documents_with_one_licence_header_keep_a_place_each() -> None:
    cache: PrefixCache[str] = PrefixCache(4, GRID)
    header = list(range(8))
    one, other = header + [100] * 30, header + [200] * 30
    cache.store(one, "one")
    cache.store(other, "other")
    for tokens, kept in ((one, "one"), (other, "other")):
        hit = cache.find([*tokens, 7])
        assert hit is not None
        assert hit.kept == kept


def test_the_longest_unused_prompt_makes_room() -> None:
    cache: PrefixCache[int] = PrefixCache(2, 1)
    for first in (1, 2, 3):
        cache.store([first] * 5, first)
    assert cache.find([1] * 5) is None
    assert cache.find([2] * 5) is not None
    assert cache.find([3] * 5) is not None


def test_nothing_is_left_after_clearing() -> None:
    cache: PrefixCache[str] = PrefixCache(2, 1)
    cache.store([1, 2, 3], "kept")
    cache.clear()
    assert cache.find([1, 2, 3]) is None


@given(st.lists(prompts.filter(bool), max_size=20))
def test_a_hit_is_a_true_prefix_whatever_was_stored(history: list[list[int]]) -> None:
    cache: PrefixCache[tuple[int, ...]] = PrefixCache(3, GRID)
    for tokens in history:
        hit = cache.find(tokens)
        if hit is not None:
            assert 0 < hit.shared_tokens < len(tokens)
            assert hit.shared_tokens % GRID == 0
            assert list(hit.kept[: hit.shared_tokens]) == tokens[: hit.shared_tokens]
            assert hit.kept_tokens == len(hit.kept)
        cache.store(tokens, tuple(tokens))
        cache.check()


@given(prompts, prompts)
def test_the_shared_prefix_is_the_longest(one: list[int], other: list[int]) -> None:
    length = shared_prefix(one, other)
    assert one[:length] == other[:length]
    assert one[length : length + 1] != other[length : length + 1] or length == min(len(one), len(other))
