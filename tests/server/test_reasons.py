from __future__ import annotations

from typing import get_args

from neocaret_server.reasons import SENTENCES, Reason, reason_text


def test_every_reason_has_a_sentence_of_its_own() -> None:
    assert set(SENTENCES) == set(get_args(Reason))
    assert len(set(SENTENCES.values())) == len(SENTENCES)
    assert all(sentence[0].isupper() and sentence.endswith(".") for sentence in SENTENCES.values())


def test_no_silence_needs_no_sentence() -> None:
    assert reason_text(None) is None
    assert reason_text("cancelled") == SENTENCES["cancelled"]
