from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from neocaret_model.engine.prefix_cache import PrefixCache, shared_prefix

GRID = 4
prompts = st.lists(st.integers(0, 1), max_size=30)


def one(_kept: object) -> int:
    return 1


def test_the_last_token_is_always_left_to_be_fed() -> None:
    cache: PrefixCache[str] = PrefixCache(2, GRID, one)
    cache.store(range(8), "eight")
    hit = cache.take(range(8))
    assert hit is not None
    assert hit.shared_tokens == 4


def test_a_prefix_ends_on_the_grid() -> None:
    cache: PrefixCache[str] = PrefixCache(2, GRID, one)
    cache.store(range(7), "seven")
    hit = cache.take(range(20))
    assert hit is not None
    assert (hit.kept, hit.shared_tokens, hit.given_up) == ("seven", 4, True)


def test_less_than_one_step_of_the_grid_is_no_hit() -> None:
    cache: PrefixCache[str] = PrefixCache(2, GRID, one)
    cache.store([1, 2, 3, 9], "other")
    assert cache.take([1, 2, 3, 4, 5, 6]) is None


def test_a_prompt_that_was_typed_on_takes_the_place_of_the_shorter() -> None:
    cache: PrefixCache[str] = PrefixCache(4, GRID, one)
    cache.store(range(5), "5")
    for length in range(6, 20):
        hit = cache.take(range(length))
        assert hit is not None
        assert hit.given_up
        cache.store(range(length), str(length))
    assert [slot.kept for slot in cache._slots] == ["19"]


def test_two_documents_with_one_licence_header_keep_a_place_each() -> None:
    cache: PrefixCache[str] = PrefixCache(4, GRID, one)
    header = list(range(8))
    first, second = header + [100] * 30, header + [200] * 30
    cache.store(first, "first")
    hit = cache.take(second)
    assert hit is not None
    assert (hit.shared_tokens, hit.given_up) == (8, False)
    cache.store(second, "second")
    for tokens, kept in ((first, "first"), (second, "second")):
        hit = cache.take([*tokens, 7])
        assert hit is not None
        assert hit.kept == kept


def test_the_longest_unused_prompt_makes_room() -> None:
    cache: PrefixCache[int] = PrefixCache(2, 1, one)
    for first in (1, 2, 3):
        cache.store([first] * 5, first)
    assert cache.take([1] * 5) is None
    assert cache.take([2] * 5) is not None
    assert cache.take([3] * 5) is not None


def test_no_more_prompts_are_kept_than_said_however_small() -> None:
    cache: PrefixCache[int] = PrefixCache(1000, 1, one, most=2)
    for kept in range(5):
        cache.store([kept, 0], kept)
        cache.check()
    assert [cache.take([kept, 0]) is not None for kept in range(5)] == [False, False, False, True, True]


def test_nothing_is_left_after_clearing() -> None:
    cache: PrefixCache[str] = PrefixCache(2, 1, one)
    cache.store([1, 2, 3], "kept")
    cache.clear()
    assert cache.take([1, 2, 3]) is None


@given(st.lists(prompts.filter(bool), max_size=20))
def test_a_hit_is_a_true_prefix_whatever_was_stored(history: list[list[int]]) -> None:
    cache: PrefixCache[tuple[int, ...]] = PrefixCache(60, GRID, len)
    for tokens in history:
        hit = cache.take(tokens)
        if hit is not None:
            assert 0 < hit.shared_tokens < len(tokens)
            assert hit.shared_tokens % GRID == 0
            assert list(hit.kept[: hit.shared_tokens]) == tokens[: hit.shared_tokens]
            assert hit.given_up == all(slot.kept is not hit.kept for slot in cache._slots)
        cache.store(tokens, tuple(tokens))
        cache.check()
        assert cache.bytes == sum(len(slot.tokens) for slot in cache._slots)


@given(prompts, prompts)
def test_the_shared_prefix_is_the_longest(left: list[int], right: list[int]) -> None:
    length = shared_prefix(left, right)
    assert left[:length] == right[:length]
    assert left[length : length + 1] != right[length : length + 1] or length == min(len(left), len(right))
