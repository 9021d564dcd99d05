from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from neocaret_model.engine.stopping import EndingTokens, StopTexts

letters = st.text("ab\n", max_size=12)


def test_the_earliest_stop_text_wins() -> None:
    assert StopTexts(("def", "\n\n")).find("x = 1\n\ndef f") == 5


def test_a_token_that_a_stop_text_stands_in_ends_a_continuation() -> None:
    endings = EndingTokens([b"a", b"):\n", None, b"\n\n  ", "é".encode(), b"\xc3"], ("\n", "é"))
    assert [token in endings for token in range(-1, 7)] == [False, False, True, False, True, True, False, False]
    assert 1 not in EndingTokens([b"a", b"\n"], ())
    assert 0 not in EndingTokens((), ("\n",))


def test_there_is_no_place_without_a_stop_text() -> None:
    assert StopTexts(("\n\n",)).find("x = 1\n") is None


@given(st.lists(letters, max_size=8), st.lists(letters.filter(bool), min_size=1, max_size=3))
def test_a_growing_text_stops_where_the_whole_text_would(pieces: list[str], stops: list[str]) -> None:
    stop_texts, text = StopTexts(tuple(stops)), ""
    for piece in pieces:
        text += piece
        found = stop_texts.find(text)
        places = [place for stop in stops if (place := text.find(stop)) >= 0]
        assert found == min(places, default=None)
        if found is not None:
            break
