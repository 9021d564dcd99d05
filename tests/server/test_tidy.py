from __future__ import annotations

from neocaret_server.backend import Candidate, FinishReason
from neocaret_server.tidy import tidy


def candidates(*texts: str, reason: FinishReason = "eos") -> list[Candidate]:
    return [Candidate(text, -1.0, 3, reason) for text in texts]


def test_equal_and_blank_ones_go_and_the_order_stays() -> None:
    assert tidy(candidates("b", "a", "b ", "", " \n\t"), single_line=True) == ["b", "a"]


def test_white_space_at_the_end_goes() -> None:
    assert tidy(candidates("a\n    b  \n\n"), single_line=False) == ["a\n    b"]


def test_white_space_at_the_start_stays() -> None:
    assert tidy(candidates("\n    b", "  a"), single_line=False) == ["\n    b", "  a"]


def test_a_single_line_is_one_whatever_the_model_says() -> None:
    assert tidy(candidates("a\nb", "a\r\nc", "\nd"), single_line=True) == ["a"]


def test_what_was_cancelled_is_not_offered() -> None:
    assert tidy(candidates("half a w", reason="cancelled"), single_line=True) == []
