"""From a caret to a suggestion, in one process, with a scripted model."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from in_process import Written, load
from lsprotocol import types

from neocaret_server import status_changes
from neocaret_server.app import build_server
from neocaret_server.asking import context_of, request_of
from neocaret_server.client import Client
from neocaret_server.documents import Document, Edit, Position
from neocaret_server.fake_backend import FakeBackend
from neocaret_server.features import completion, did_change_configuration, inline_completion
from neocaret_server.features.did_change import change_document
from neocaret_server.items import inline_items
from neocaret_server.prompt import MOST_CHARACTERS
from neocaret_server.reasons import SENTENCES
from neocaret_server.server import NeocaretServer
from neocaret_server.settings import Settings
from neocaret_server.status_changes import wants_status
from neocaret_server.stop_rules import stop_rules
from neocaret_server.suggest import Caret, spot_of, suggest
from neocaret_server.tidy import CaretText
from neocaret_server.trigger import Channel

URI = "file:///w/x.py"
Make = Callable[[Mapping[str, Sequence[str]]], "Made"]


class Made:
    """A server and its model."""

    def __init__(self, script: Mapping[str, Sequence[str]]) -> None:
        self.backend = FakeBackend(script=script)
        self.server: NeocaretServer = build_server(self.backend)
        self.out = Written()
        self.server.protocol.set_writer(self.out)
        initialize = b'{"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {"capabilities": {}}}'
        self.server.protocol.receive(initialize)

    async def ready(self) -> None:
        await load(self.server)

    def open(self, text: str, uri: str = URI, language: str = "python") -> types.Position:
        document = Document.of(uri, language, 1, text, self.server.encoding)
        self.server.documents.open(document)
        return types.Position(document.end.line, document.character(document.end))

    async def texts(
        self, position: types.Position, channel: Channel = "inline", automatic: bool = True, **more: Any
    ) -> list[str] | None:
        suggestion = await suggest(self.server, Caret(more.pop("uri", URI), position, channel, automatic, **more))
        return suggestion.texts if suggestion else None


@pytest.fixture
async def make() -> AsyncIterator[Make]:
    made: list[Made] = []

    def start(script: Mapping[str, Sequence[str]]) -> Made:
        made.append(Made(script))
        return made[-1]

    yield start
    for each in made:
        assert each.server.model.close(5)


async def test_the_prompt_is_the_text_before_the_caret_and_the_settings_make_the_request(make: Make) -> None:
    made = make({})
    await made.ready()
    made.server.settings = Settings(
        candidates=2, max_new_tokens=9, temperature=0.1, top_p=0.5, top_k=3, seed=7, document_ngrams=False
    )
    made.open("a = 1\r\nb = 2\r\nc")
    await made.texts(types.Position(1, 4), automatic=False)
    (request,) = made.backend.requests
    path = made.server.path_in_workspace(URI)
    expected = request_of(made.server.settings, "a = 1\nb = ", single=True, path=path)
    assert replace(request, ends=None) == expected
    assert request.ends == stop_rules(CaretText("a = 1\nb = ", "2", "c"))
    assert (request.candidates, request.max_new_tokens, request.temperature) == (2, 9, 0.1)
    assert (request.top_p, request.top_k, request.seed, request.stop) == (0.5, 3, 7, ("\n",))
    assert not request.document_ngrams
    assert request.greedy_first


async def test_only_python_files_are_named_and_only_below_their_workspace(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = make({})
    await made.ready()
    made.server.settings = Settings(untitled=True)
    monkeypatch.setattr(made.server, "roots", lambda: [Path("/other"), Path("/home/user/project")])
    for uri, language in (
        ("file:///home/user/project/app/%C3%A9.py", "python"),
        ("file:///home/user/project/app/main.js", "javascript"),
        ("file:///elsewhere/private/x.py", "python"),
        ("untitled:Untitled-1", "python"),
    ):
        await made.texts(made.open("x = ", uri=uri, language=language), uri=uri)
    assert [request.path for request in made.backend.requests] == ["app/é.py", "", "x.py", ""]


async def test_the_rest_of_the_document_goes_with_the_prompt_unless_it_shall_not_count(make: Make) -> None:
    made = make({})
    await made.ready()
    made.open("a = 1\r\nb = 2\r\nc = 3")
    await made.texts(types.Position(0, 4), automatic=False)
    made.server.settings = Settings(document_ngrams=False)
    await made.texts(types.Position(0, 4), automatic=False)
    assert [(each.prompt, each.elsewhere) for each in made.backend.requests] == [
        ("a = ", ("b = 2\nc = 3",)),
        ("a = ", ()),
    ]


async def test_similar_lines_are_looked_up_for_one_line_and_not_for_several(make: Make) -> None:
    made = make({})
    await made.ready()
    await made.texts(made.open("x = "))
    await made.texts(made.open("def f():\n    "))
    made.server.settings = Settings(document_ngrams=False)
    await made.texts(made.open("y = "))
    assert [request.similar_lines for request in made.backend.requests] == [True, False, False]


async def test_a_huge_document_is_not_given_whole(make: Make) -> None:
    made = make({})
    await made.ready()
    await made.texts(made.open("y = 1\n" * 170_000 + "x = "))
    assert len(made.backend.requests[0].prompt) <= MOST_CHARACTERS


async def test_a_finished_line_gives_nothing_to_who_types_and_more_lines_to_who_asks(make: Make) -> None:
    made = make({"import os": ["\n\nimport sys"]})
    await made.ready()
    end = made.open("import os")
    assert await made.texts(end) is None
    assert made.server.last_reason == "nothing-generated"
    assert await made.texts(end, automatic=False) == ["\n\nimport sys"]
    assert made.server.last_reason is None
    assert made.server.last_answer_ms is not None


async def test_never_several_lines_is_never(make: Make) -> None:
    made = make({"import os": ["\n\nimport sys"], "f():": ["\n    pass"]})
    await made.ready()
    made.server.settings = Settings(multiline="never")
    assert await made.texts(made.open("import os"), automatic=False) is None
    assert await made.texts(made.open("def f():"), automatic=False) is None


async def test_the_popups_selected_item_is_extended(make: Make) -> None:
    made = make({"import pandas": [" as pd"]})
    await made.ready()
    end = made.open("import pan")
    info = types.SelectedCompletionInfo(types.Range(types.Position(0, 7), end), "pandas")
    params = types.InlineCompletionParams(
        context=types.InlineCompletionContext(types.InlineCompletionTriggerKind.Automatic, info),
        text_document=types.TextDocumentIdentifier(URI),
        position=end,
    )
    answer = await inline_completion.handle(made.server, params)
    assert answer is not None
    (item,) = answer.items
    assert (item.insert_text, item.range) == ("pandas as pd", info.range)


async def test_a_selected_item_of_another_place_is_passed_over(make: Make) -> None:
    made = make({"import pan": ["das"]})
    await made.ready()
    end = made.open("x\nimport pan")
    info = types.SelectedCompletionInfo(types.Range(types.Position(0, 0), types.Position(0, 1)), "y")
    assert await made.texts(end, selected=info) == ["das"]


async def test_nothing_to_add_to_a_selected_item_is_no_silence(make: Make) -> None:
    made = make({"x = ": ["y"], "x = y": [""]})
    await made.ready()
    end = made.open("x = ")
    assert await made.texts(end, automatic=False) == ["y"]
    info = types.SelectedCompletionInfo(types.Range(end, end), "y")
    assert await made.texts(end, selected=info) is None
    assert made.server.silences.last(URI) is None


@pytest.mark.parametrize(("line", "column", "reason"), [("x = 1y", 5, "middle-of-line"), ("x = ", 0, "empty-document")])
async def test_a_question_that_is_silenced_supersedes_the_older_one(
    make: Make, line: str, column: int, reason: str
) -> None:
    made = make({})
    await made.ready()
    made.backend.token_seconds = 60
    older = asyncio.ensure_future(made.texts(made.open("x = "), "popup"))
    await asyncio.sleep(0)
    made.server.documents.change(URI, [Edit(line)], 2)
    assert await made.texts(types.Position(0, column), automatic=column > 0) is None
    assert made.server.last_reason == reason
    async with asyncio.timeout(10):
        assert await older is None
    assert made.server.requests.waiting() == 0


@pytest.mark.parametrize(
    ("text", "now", "answered"),
    [("f(", "f()", True), ("f()", "f())", True), ("f(", "f(x", False), ("f()", "f(", False), ("f()", "f(x)", False)],
)
async def test_what_typing_asked_is_answered_only_where_no_more_than_closers_came_after_the_caret(
    make: Make, text: str, now: str, answered: bool
) -> None:
    made = make({"f(": ["1"]})
    await made.ready()
    made.open(text)
    asked = asyncio.ensure_future(made.texts(types.Position(0, 2)))
    await asyncio.sleep(0)
    made.server.documents.change(URI, [Edit(now)], 2)
    assert await asked == (["1"] if answered else None)
    assert made.server.last_reason == (None if answered else "changed")


@pytest.mark.parametrize("automatic", [True, False])
@pytest.mark.parametrize(
    ("channel", "now", "answer"),
    [
        ("popup", "import pa", ["pandas as pd", "path", "pathlib"]),
        ("popup", "import path", ["pathlib"]),
        ("popup", "import os", None),
        ("popup", "import :", None),
        ("popup", "from p", None),
        ("inline", "import pa", None),
    ],
)
async def test_the_popup_has_what_goes_on_as_was_typed_in_the_meantime(
    make: Make, channel: Channel, now: str, answer: list[str] | None, automatic: bool
) -> None:
    made = make({"import ": ["pandas as pd", "path", "pathlib"]})
    await made.ready()
    end = made.open("import ")
    asked = asyncio.ensure_future(made.texts(end, channel, automatic))
    await asyncio.sleep(0)
    made.server.documents.change(URI, [Edit(now)], 2)
    assert await asked == answer
    assert made.server.last_reason == (None if answer else "changed")


async def test_what_the_editor_has_closed_is_not_closed_again(make: Make) -> None:
    made = make({"f(": ["1, 2)", ")"]})
    await made.ready()
    made.open("f()")
    assert await made.texts(types.Position(0, 2)) == ["1, 2"]


async def test_excluded_files_never_reach_the_model(make: Make) -> None:
    made = make({})
    await made.ready()
    uri = "file:///w/.env"
    assert await made.texts(made.open("KEY=", uri=uri), automatic=False, uri=uri) is None
    assert made.server.last_reason == "excluded-file"
    assert made.backend.requests == []


@pytest.mark.parametrize(
    ("client", "seconds", "asked_by_typing"),
    [
        ("", 0.01, True),
        ("", 0.15, False),
        ("", math.inf, False),
        ("helix", 0.26, True),
        ("helix", 0.5, False),
        ("Eglot", 0.0, False),
    ],
)
async def test_a_popup_on_the_heels_of_an_edit_was_asked_by_typing(
    make: Make, monkeypatch: pytest.MonkeyPatch, client: str, seconds: float, asked_by_typing: bool
) -> None:
    made = make({})
    await made.ready()
    made.server.client = Client(name=client)
    made.server.settings = Settings(automatic=False)
    monkeypatch.setattr(made.server.documents, "seconds_since_change", lambda _uri: seconds)
    params = types.CompletionParams(types.TextDocumentIdentifier(URI), made.open("x = "))
    assert len((await completion.handle(made.server, params)).items) == (0 if asked_by_typing else 1)
    assert made.server.last_reason == ("automatic-off" if asked_by_typing else None)


async def test_what_was_offered_can_be_found_with_the_documents_own_line_ends(make: Make) -> None:
    made = make({"f():": ["\n    a\n    b"]})
    await made.ready()
    suggestion = await suggest(made.server, Caret(URI, made.open("x\r\ndef f():"), "inline", automatic=True))
    assert suggestion is not None
    offer = made.server.offers.find(suggestion.ids[0])
    assert offer is not None
    assert offer.before + offer.text == "x\r\ndef f():\r\n    a\r\n    b"


async def test_settings_lie_in_layers_and_null_leaves_the_lower_one(make: Make) -> None:
    made = make({})
    made.server.initial_settings = {"candidates": 5}
    changed = types.DidChangeConfigurationParams
    await did_change_configuration.handle(made.server, changed({"neocaret": {"seed": 1, "candidates": None}}))
    assert (made.server.settings.candidates, made.server.settings.seed) == (5, 1)
    await did_change_configuration.handle(made.server, changed(None))
    assert (made.server.settings.candidates, made.server.settings.seed) == (5, None)
    await did_change_configuration.handle(made.server, changed({"candidates": 2}))
    assert made.server.settings.candidates == 2


async def test_settings_for_other_servers_only_change_nothing_and_bother_nobody(make: Make) -> None:
    made = make({})
    changed = types.DidChangeConfigurationParams
    await did_change_configuration.handle(made.server, changed({"neocaret": {"seed": 1}}))
    await did_change_configuration.handle(made.server, changed({"pylsp": {"plugins": {}}}))
    assert made.server.settings.seed == 1
    await did_change_configuration.handle(made.server, changed({"seed": 2, "pylsp": {"plugins": {}}}))
    assert made.server.settings.seed == 2
    assert made.out.told("window/showMessage") == []


async def test_only_a_change_of_the_model_loads_it_anew(make: Make) -> None:
    made = make({})
    await made.ready()
    for settings in ({"candidates": 2}, {"model": "other"}, {"model": "other", "dtype": "bfloat16"}):
        made.server.apply_settings(settings)
    await made.server.model.clear_cache()
    # A load that was superseded before its turn is skipped.
    assert made.backend.loads[0].model == "bundled"
    assert (made.backend.loads[-1].model, made.backend.loads[-1].dtype) == ("other", "bfloat16")


async def test_before_initialized_settings_load_nothing(make: Make) -> None:
    made = make({})
    made.server.apply_settings({"model": "other"})
    assert made.server.model.state == "starting"
    assert made.backend.loads == []


@pytest.mark.parametrize("wrong", [5, "x", [1], True])
async def test_settings_that_are_none_leave_the_defaults(make: Make, wrong: object) -> None:
    made = make({})
    made.server.apply_settings(wrong)
    assert made.server.settings == Settings()
    assert "must be an object of settings" in str(made.out.bodies)


async def test_after_a_deletion_nothing_is_offered_until_something_is_typed(make: Make) -> None:
    made = make({"imp": ["ort os"], "impo": ["rt os"]})
    await made.ready()
    made.open("impx")
    _change(made, Edit("", Position(0, 3), Position(0, 4)), 2)
    end = types.Position(0, 3)
    assert await made.texts(end) is None
    assert made.server.last_reason == "after-deletion"
    assert made.backend.requests == []
    assert await made.texts(end, automatic=False) == ["ort os"]
    _change(made, Edit("o", Position(0, 3), Position(0, 3)), 3)
    assert await made.texts(types.Position(0, 4)) == ["rt os"]


async def test_several_lines_that_were_pasted_are_no_question_and_those_that_were_accepted_are(make: Make) -> None:
    made = make({"f():": ["\n    a = 1\n    b = 2"], "a = 1\n    b = 2": [" + c"]})
    await made.ready()
    here = made.open("def f():")
    pasted = Edit("\n    a = 1\n    b = 2", Position(0, 8), Position(0, 8))
    _change(made, pasted, 2)
    assert await made.texts(types.Position(2, 9)) is None
    assert made.server.last_reason == "after-paste"
    made.open("def f():")
    assert await made.texts(here) == [pasted.text]
    _change(made, pasted, 2)
    assert await made.texts(types.Position(2, 9)) == [" + c"]


async def test_a_caret_elsewhere_minds_no_deletion(make: Make) -> None:
    made = make({"x = ": ["1"]})
    await made.ready()
    made.open("x = \nabc")
    _change(made, Edit("", Position(1, 1), Position(1, 3)), 2)
    assert await made.texts(types.Position(0, 4)) == ["1"]


async def test_a_newer_question_ends_the_wait_of_the_older_one_at_once(make: Make) -> None:
    made = make({"x = ": ["10"], "x = 2": ["0"]})
    await made.ready()
    made.server.settings = Settings(delay_ms=2000, deadline_ms=0)
    older = asyncio.ensure_future(made.texts(made.open("x = ")))
    await asyncio.sleep(0)
    _change(made, Edit("2", Position(0, 4), Position(0, 4)), 2)
    made.server.settings = Settings(delay_ms=0)
    async with asyncio.timeout(1):
        assert await made.texts(types.Position(0, 5)) == ["0"]
        assert await older is None
    assert [request.prompt for request in made.backend.requests] == ["x = 2"]


async def test_a_client_that_asks_is_told_why_there_was_nothing(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status_changes, "GATHER_SECONDS", 0.001)
    made = make({})
    assert wants_status({"statusNotifications": True})
    made.server.status_changes.on = True
    await made.ready()
    made.open("x = 1y")
    assert await made.texts(types.Position(0, 5)) is None
    await asyncio.sleep(0.05)
    told = str(made.out.told(status_changes.NAME))
    assert "middle-of-line" in told
    assert SENTENCES["middle-of-line"] in told


@given(st.text("ab_ .(\n\r😀é", max_size=30), st.integers(0, 5), st.integers(0, 12), st.text("xy\n) ", min_size=1))
def test_whatever_is_accepted_leaves_what_stands_in_the_document(
    text: str, line: int, character: int, continuation: str
) -> None:
    document = Document.of(URI, "python", 1, text)
    context = context_of(document, Caret(URI, types.Position(line, character), "inline", automatic=True))
    begin, end = document.offset(context.start), document.offset(context.place)
    assert text[begin:end] == context.typed
    spot = spot_of(context, "\n")
    (item,) = inline_items([continuation], ["1:1"], spot)
    assert isinstance(item.insert_text, str)
    assert item.range is not None
    accepted = document.edited([_replacement(item.range, item.insert_text)], 2).text
    assert accepted == text[:end] + continuation + text[end:]


def _replacement(there: types.Range, text: str) -> Edit:
    start, end = there.start, there.end
    return Edit(text, Position(start.line, start.character), Position(end.line, end.character))


def _change(made: Made, edit: Edit, version: int) -> None:
    assert edit.start is not None
    assert edit.end is not None
    there = types.Range(
        types.Position(edit.start.line, edit.start.character), types.Position(edit.end.line, edit.end.character)
    )
    change_document(made.server, URI, [types.TextDocumentContentChangePartial(there, edit.text)], version)
