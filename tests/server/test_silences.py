"""Each channel of each document has the reason of its own last silence."""

from __future__ import annotations

from neocaret_server.silences import MOST_DOCUMENTS, Silences, asked_how

ONE, OTHER = "file:///one.py", "file:///other.py"


def test_channels_and_documents_are_kept_apart() -> None:
    silences = Silences()
    silences.note(ONE, "popup", "middle-of-line")
    silences.note(ONE, "inline", None)
    silences.note(OTHER, "explicit", "excluded-file")
    assert silences.by_channel(ONE) == {"inline": None, "popup": "middle-of-line"}
    assert silences.by_channel(OTHER) == {"explicit": "excluded-file"}
    assert (silences.last_uri, silences.last(OTHER)) == (OTHER, "excluded-file")


def test_last_question_of_a_document_says_its_reason() -> None:
    silences = Silences()
    silences.note(ONE, "popup", "deadline")
    silences.note(ONE, "inline", "deadline")
    silences.note(OTHER, "popup", "untitled")
    silences.note(ONE, "popup", None)
    assert (silences.last_uri, silences.last(ONE), silences.last(OTHER)) == (ONE, None, "untitled")


def test_closed_and_unknown_documents_have_no_reason() -> None:
    silences = Silences()
    assert (silences.last_uri, silences.last(None), silences.by_channel(None)) == (None, None, {})
    silences.note(ONE, "popup", "untitled")
    silences.forget(ONE)
    silences.forget(OTHER)
    assert (silences.last_uri, silences.last(ONE), silences.by_channel(ONE)) == (None, None, {})


def test_cleared_there_are_no_reasons() -> None:
    silences = Silences()
    silences.note(ONE, "popup", "untitled")
    silences.clear()
    assert (silences.last_uri, silences.last(ONE), silences.by_channel(ONE)) == (None, None, {})


def test_what_is_remembered_is_bounded() -> None:
    silences = Silences()
    for number in range(MOST_DOCUMENTS + 1):
        silences.note(f"file:///{number}.py", "popup", "untitled")
    assert silences.last("file:///0.py") is None
    assert silences.last("file:///1.py") == "untitled"


def test_what_is_asked_by_hand_is_one_channel() -> None:
    assert [asked_how("popup", automatic=True), asked_how("inline", automatic=True)] == ["popup", "inline"]
    assert {asked_how("popup", automatic=False), asked_how("inline", automatic=False)} == {"explicit"}
