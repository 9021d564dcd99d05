from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lsprotocol import types

from neocaret_server.client import Client
from neocaret_server.items import (
    Spot,
    fenced,
    filter_text_of,
    inline_items,
    label_of,
    labels_of,
    popup_items,
    snippet_of,
    typed_word,
)

VS_CODE = Client(name="Visual Studio Code", as_is=True, snippets=True, documentation=types.MarkupKind.Markdown)
NEOVIM = Client(name="Neovim", snippets=True, documentation=types.MarkupKind.Markdown)
EGLOT = Client(name="Eglot")
PLAIN = Client()
RANGE = types.Range(types.Position(3, 4), types.Position(3, 6))
SPOT = Spot(RANGE, typed="re", indent="    ", line_end="\r\n", language_id="python")
TEXTS = ["turn x", "\n    return y"]
IDS = ["1:1", "1:2"]


def edits(items: list[types.CompletionItem]) -> list[types.TextEdit]:
    return [item.text_edit for item in items if isinstance(item.text_edit, types.TextEdit)]


@pytest.mark.parametrize("client", [VS_CODE, NEOVIM, PLAIN])
def test_all_items_replace_one_range_and_begin_with_what_was_typed(client: Client) -> None:
    items = popup_items(TEXTS, IDS, SPOT, client)
    assert [edit.range for edit in edits(items)] == [RANGE, RANGE]
    assert all(edit.new_text.startswith("re") for edit in edits(items))
    assert all((item.filter_text or "").startswith("re") for item in items)


def test_order_commit_characters_and_ids() -> None:
    items = popup_items(TEXTS, IDS, SPOT, PLAIN)
    assert [item.sort_text for item in items] == ["0000", "0001"]
    assert [item.commit_characters for item in items] == [[], []]
    assert [item.data for item in items] == [{"completionId": "1:1"}, {"completionId": "1:2"}]
    assert {item.kind for item in items} == {types.CompletionItemKind.Text}


def test_a_client_that_indents_is_asked_not_to() -> None:
    (item,) = popup_items(TEXTS[1:], IDS[1:], SPOT, VS_CODE)
    assert item.insert_text_mode == types.InsertTextMode.AsIs
    assert item.insert_text_format == types.InsertTextFormat.PlainText
    assert edits([item])[0].new_text == "re\r\n    return y"


def test_an_unknown_client_gets_plain_text_without_a_mode() -> None:
    (item,) = popup_items(TEXTS[1:], IDS[1:], SPOT, PLAIN)
    assert item.insert_text_mode is None
    assert item.documentation == "re\n    return y"


def test_neovim_gets_several_lines_as_a_snippet_and_one_line_as_text() -> None:
    one, several = popup_items(TEXTS, IDS, SPOT, NEOVIM)
    assert one.insert_text_format == types.InsertTextFormat.PlainText
    assert several.insert_text_format == types.InsertTextFormat.Snippet
    assert edits([several])[0].new_text == "re\nreturn y"


def test_documentation_is_all_of_it_fenced() -> None:
    item = popup_items(TEXTS, IDS, SPOT, VS_CODE)[1]
    assert item.documentation == types.MarkupContent(types.MarkupKind.Markdown, "```python\nre\n    return y\n```")


def test_documentation_ends_with_where_the_text_is_from() -> None:
    notes = ["my_model, 7M, 74% sure per token", ""]
    marked, plain = (popup_items(TEXTS, IDS, SPOT, client, notes) for client in (VS_CODE, PLAIN))
    assert marked[0].documentation == types.MarkupContent(
        types.MarkupKind.Markdown, "```python\nreturn x\n```\n\nmy\\_model, 7M, 74% sure per token"
    )
    assert plain[0].documentation == "return x\n\nmy_model, 7M, 74% sure per token"
    assert plain[1].documentation == "re\n    return y"


def test_ghost_text_is_a_plain_string_with_a_range() -> None:
    items = inline_items(TEXTS, IDS, SPOT)
    assert [item.insert_text for item in items] == ["return x", "re\r\n    return y"]
    assert [item.range for item in items] == [RANGE, RANGE]


@pytest.mark.parametrize(
    ("line", "word"), [("import pan", "pan"), ("x.", ""), ("", ""), ("naïve_1", "naïve_1"), ("a-b", "b"), ("x ", "")]
)
def test_the_typed_word(line: str, word: str) -> None:
    assert typed_word(line) == word


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("a", "a"),
        ("  a  ", "a"),
        ("a\nb", "a ↵"),
        ("\n    a", "a"),
        ("\n    a\n    b", "a ↵"),
        ("x" * 99, "x" * 59 + "…"),
    ],
)
def test_labels(text: str, label: str) -> None:
    assert label_of(text) == label


@pytest.mark.parametrize(
    ("texts", "labels"),
    [
        (["\n    return x", "\n    return y"], ["return x", "return y"]),
        (["a\nb", "c\nd"], ["a ↵", "c ↵"]),
        (['"""\n    One.\n    """', '"""\n    Two.', "x\ny"], ['""" ↵ One. ↵ """', '""" ↵ Two.', "x ↵ y"]),
        (["a\n" + "b" * 99, "a\nc"], ["a ↵ " + "b" * 55 + "…", "a ↵ c"]),
    ],
)
def test_labels_that_would_be_the_same_have_further_lines(texts: list[str], labels: list[str]) -> None:
    assert labels_of(texts, PLAIN) == labels


@pytest.mark.parametrize(
    ("texts", "labels"),
    [
        (["return x", "return y"], ["return x", "return y"]),
        (["pandas as pd", "os"], ["pandas as pd", "os"]),
        (["\n    a", "b"], ["a", "b"]),
        (["\n    return x"], ["return x"]),
        (["\n    return x", "\n    return y"], ["1 return x", "2 return y"]),
        ([" 1", " 10"], ["1 1", "2 10"]),
        (["a\nb", "a\nc", "d"], ["1 a ↵ b", "2 a ↵ c", "3 d"]),
        (["x" * 99, "x" * 98], ["1 " + "x" * 59 + "…", "2 " + "x" * 59 + "…"]),
    ],
)
def test_labels_where_the_client_inserts_what_they_share(texts: list[str], labels: list[str]) -> None:
    assert labels_of(texts, EGLOT) == labels
    assert [item.label for item in popup_items(texts, texts, replace(SPOT, typed=""), EGLOT)] == labels


@pytest.mark.parametrize(
    ("text", "typed", "filter_text"),
    [
        ("return x", "re", "return x"),
        ("return x\ny", "re", "return x"),
        ("pass\n    x = 1", "pass", "pass x = 1"),
        ("\n    x", "", "x"),
        (" 1", "", " 1"),
    ],
)
def test_filter_texts(text: str, typed: str, filter_text: str) -> None:
    assert filter_text_of(text, typed) == filter_text


@given(st.sampled_from(["", "ab", "é"]), st.text("ab \n:é", min_size=1).filter(str.strip))
def test_the_filter_text_begins_with_the_typed_word_and_is_more(typed: str, continuation: str) -> None:
    found = filter_text_of(typed + continuation, typed)
    assert found.startswith(typed)
    assert "\n" not in found
    assert found.strip() != typed


@pytest.mark.parametrize(
    ("text", "indent", "snippet"),
    [
        ("f'{x}' $y \\n", "", "f'{x\\}' \\$y \\\\n"),
        ("if x:\n        a\n    b", "    ", "if x:\n    a\nb"),
        ("a\n\n    b", "    ", "a\n\nb"),
        ("a\n    b\nc", "    ", "a\nb"),
        ("a\n  \n    b", "    ", "a\n\nb"),
        ("a\n\tb", "\t", "a\nb"),
    ],
)
def test_snippets(text: str, indent: str, snippet: str) -> None:
    assert snippet_of(text, indent) == snippet


def test_a_fence_is_longer_than_any_inside() -> None:
    assert fenced("a ```` b", "") == "`````\na ```` b\n`````"
