from __future__ import annotations

from typing import Any

import cattrs
import pytest
from lsprotocol import types
from lsprotocol.converters import get_converter

from neocaret_server.exact import make_exact

CONVERTER = get_converter()
make_exact(CONVERTER)


def fits(value: Any, kind: Any) -> bool:
    try:
        CONVERTER.structure(value, kind)
    except cattrs.BaseValidationError:
        return False
    return True


@pytest.mark.parametrize(
    ("kind", "member", "rest", "taken", "refused"),
    [
        (types.TextDocumentIdentifier, "uri", {}, ["", "x"], [None, 7, True, [], {}, ["x"]]),
        (types.Position, "line", {"character": 0}, [0, 7, 7.0], [None, "7", 7.5, True, [], -1, 2**40, float("inf")]),
        (types.ClientCompletionItemOptions, "snippetSupport", {}, [True, 0, 1, None], ["", "x", 2, 1.5, [], {}]),
        (types.CompletionContext, "triggerKind", {}, [1, 3], [None, "1", True, 0, 99, [1]]),
        (types.CodeActionContext, "diagnostics", {}, [[]], [None, {}, "", {"a": 1}, 5]),
        (types.Color, "red", {"green": 0, "blue": 0, "alpha": 1}, [0, 0.5], [None, "0", True, []]),
        (types.CompletionItem, "kind", {"label": ""}, [None, 1, 99], ["1", True, 1.5, [], {}]),
        (types.CodeAction, "kind", {"title": ""}, [None, "quickfix", "own"], [1, True, [], {}]),
        (types.TextDocumentItem, "languageId", {"uri": "", "version": 1, "text": ""}, ["c", "own"], [None, 1, [], {}]),
        (types.WorkDoneProgressParams, "workDoneToken", {}, [None, "x", 7], [True, [1], {}, 7.5]),
        (types.ProgressParams, "token", {"value": None}, ["x", 7], [None, True, [1], {}, 7.5]),
    ],
)
def test_nothing_is_bent_into_what_it_is_not(
    kind: Any, member: str, rest: Any, taken: list[Any], refused: list[Any]
) -> None:
    assert [value for value in taken if not fits({**rest, member: value}, kind)] == []
    assert [value for value in refused if fits({**rest, member: value}, kind)] == []


def test_an_enumeration_becomes_its_member_and_an_open_one_may_be_anything() -> None:
    context = CONVERTER.structure({"triggerKind": 1.0}, types.CompletionContext)
    assert context.trigger_kind is types.CompletionTriggerKind.Invoked
    assert CONVERTER.structure({"label": "x", "kind": 99}, types.CompletionItem).kind == 99
