"""How sure the model was of a text is known for as long as somebody types into it."""

from __future__ import annotations

import pytest

from neocaret_server.backend import Candidate, ModelInfo
from neocaret_server.documents import Place
from neocaret_server.origins import MOST_TEXTS, Origin, Origins, told

URI = "file:///w/x.py"
MODEL = ModelInfo("bundled", "", "cpu", "float32", 7_000_000, 1024)
SURE = -0.3


@pytest.fixture
def origins() -> Origins:
    made = Origins()
    candidates = [Candidate("foo(1)\r\n    bar  ", SURE, 5, "eos"), Candidate("baz", -1.0, 1, "eos")]
    made.remember(URI, Place(3, 4), ["foo(1)\n    bar", "baz", "copied"], candidates)
    return made


@pytest.mark.parametrize(
    ("place", "text", "origin"),
    [
        (Place(3, 4), "foo(1)\n    bar", Origin(SURE)),
        (Place(3, 6), "o(1)\n    bar", Origin(SURE)),
        (Place(3, 6), "o(1)", Origin(SURE)),
        (Place(4, 4), "bar", Origin(SURE)),
        (Place(3, 4), "baz", Origin(-1.0)),
        (Place(3, 5), "opied", Origin(None)),
        (Place(3, 4), "other", None),
        (Place(3, 3), "foo(1)", None),
        (Place(5, 0), "bar", None),
        (Place(2, 4), "baz", None),
    ],
)
def test_rest_of_a_text_has_its_origin(origins: Origins, place: Place, text: str, origin: Origin | None) -> None:
    assert origins.find(URI, place, text) == origin
    assert origins.find("file:///other.py", place, text) is None


def test_what_is_remembered_is_bounded(origins: Origins) -> None:
    for number in range(2 * MOST_TEXTS):
        origins.remember(URI, Place(9, 0), [str(number)], [])
    assert len(origins._made) == MOST_TEXTS
    assert origins.find(URI, Place(3, 4), "baz") is None


def test_nothing_of_a_closed_document_is_remembered(origins: Origins) -> None:
    origins.remember("file:///other.py", Place(3, 4), ["foo(1)"], [])
    origins.forget(URI)
    assert origins.find(URI, Place(3, 4), "foo(1)") is None
    assert origins.find("file:///other.py", Place(3, 4), "foo(1)") == Origin(None)
    test_what_is_remembered_is_bounded(origins)


@pytest.mark.parametrize(
    ("origin", "model", "line"),
    [
        (Origin(SURE), MODEL, "bundled, 7M, 74% sure per token"),
        (Origin(0.1), MODEL, "bundled, 7M, 100% sure per token"),
        (Origin(None), MODEL, "From a similar line of this document"),
        (None, MODEL, "bundled, 7M"),
        (Origin(SURE), None, "74% sure per token"),
        (None, None, ""),
    ],
)
def test_line_for_the_user(origin: Origin | None, model: ModelInfo | None, line: str) -> None:
    assert told(origin, model) == line
