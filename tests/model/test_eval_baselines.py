from __future__ import annotations

import time

import pytest

from neocaret_model.evaluation.ngram import Ngram, ngram_lines
from neocaret_model.similar_line import MOST_CHARACTERS, similar_lines

# The most similar earlier line


def test_line_that_agrees_longest_comes_first_and_then_the_less_similar() -> None:
    earlier = "self.one = make(1)\nshelf.one = make(2)\nx.one = make(3)\n"
    assert similar_lines(earlier + "self.one = ", 3) == ["make(1)", "make(2)", "make(3)"]


def test_of_equally_similar_lines_the_last_comes_first() -> None:
    assert similar_lines("a.x = 1\na.x = 2\na.x = ", 5)[:2] == ["2", "1"]


def test_at_the_start_of_a_line_the_lines_above_decide() -> None:
    assert similar_lines("import os\nfirst()\nimport re\nsecond()\nimport os\n", 1) == ["first()"]


def test_inside_a_word_its_beginning_is_aligned() -> None:
    assert similar_lines("value = read(path)\nva", 1) == ["lue = read(path)"]


def test_each_rest_is_given_once_without_white_space_at_its_end_and_never_blank() -> None:
    assert similar_lines("f(a)  \nf(a)\nf(\nf(", 5) == ["a)"]


@pytest.mark.parametrize("before", ["", "first", "\n", "abc\n?"])
def test_without_a_similar_place_there_is_nothing(before: str) -> None:
    assert similar_lines(before, 5) == []


def test_lines_alike_for_longer_than_is_looked_at_are_equally_similar() -> None:
    long = "x" * MOST_CHARACTERS
    assert similar_lines(f"a{long}1\nb{long}2\na{long}", 1) == ["2"]


# The n-gram


def test_token_that_followed_the_longest_context_is_the_best() -> None:
    ngram = Ngram(list("abcxbdxbd"))
    assert ngram.ranked(("a", "b")) == ["c", "d"]
    assert ngram.ranked(("b",)) == ["d", "c"]


def test_scores_are_those_of_stupid_back_off() -> None:
    # After "a": b twice of three times, c once.
    ngram = Ngram(list("ababacd"))
    assert ngram.ranked(("a",)) == ["b", "c"]
    # "c a" was never seen: backed off to "a".
    assert ngram.ranked(("c", "a")) == ["b", "c"]


def test_of_equally_frequent_tokens_the_last_seen_comes_first() -> None:
    assert Ngram(list("abac")).ranked(("a",)) == ["c", "b"]


def test_unseen_context_ranks_nothing_unless_a_word_has_begun() -> None:
    ngram = Ngram(["alpha", "beta", "alps"])
    assert ngram.ranked(("?",)) == []
    assert ngram.ranked(("?",), "al") == ["alps", "alpha"]


EARLIER = "import os\npath = os.path.join(a, b)\nname = os.path.basename(a)\nmore = os.path.join(a, b)\n"


def test_line_is_continued_to_its_end() -> None:
    assert ngram_lines(EARLIER + "last = os.", 1) == ["path.join(a, b)"]


def test_ways_differ_in_their_first_token() -> None:
    assert ngram_lines(EARLIER + "last = os.path.", 5) == ["join(a, b)", "basename(a)", "path.join(a, b)"]


def test_begun_word_is_healed() -> None:
    assert ngram_lines(EARLIER + "last = os.path.ba", 5) == ["sename(a)"]


def test_whole_word_goes_on_behind_it() -> None:
    assert ngram_lines(EARLIER + "last = os", 1) == [".path.join(a, b)"]


def test_beginning_of_a_file_has_nothing_to_learn_from() -> None:
    assert ngram_lines("import o", 5) == []


def test_line_that_goes_in_circles_ends() -> None:
    (text,) = ngram_lines("a a a a a a\nb a", 1)
    assert set(text) == {"a", " "}


@pytest.mark.parametrize("baseline", [similar_lines, ngram_lines])
def test_baselines_take_milliseconds_in_a_long_file(baseline: object) -> None:
    before = (
        "".join(f"    value_{number} = self.method_{number % 77}(argument={number})\n" for number in range(1500))
        + "    va"
    )
    assert callable(baseline)
    began = time.perf_counter()
    assert baseline(before, 5)
    assert time.perf_counter() - began < 5
