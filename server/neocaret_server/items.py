"""From continuations to the items that every editor shows and inserts rightly; pure.

All items of a list replace one range: from the start of the typed word to the caret. Each brings its own edit, because
some editors know no list-wide defaults.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from lsprotocol import types

from neocaret_server.client import Client
from neocaret_server.prompt import for_document

_LABEL_LENGTH = 60
_FURTHER_LINES = " ↵"


@dataclass(frozen=True, slots=True)
class Spot:
    """Where the items of one list go."""

    range: types.Range
    """From the start of the typed word to the caret, on one line."""
    typed: str
    """What stands in that range, or will once the selected popup item is accepted."""
    indent: str
    """Of the caret's line."""
    line_end: str
    language_id: str


def typed_word(line_before: str) -> str:
    """Return the part of a word before the caret."""
    found = re.search(r"\w*\Z", line_before)
    return found.group() if found else ""


def popup_items(texts: Sequence[str], ids: Sequence[str], spot: Spot, client: Client) -> list[types.CompletionItem]:
    """Make the items of the completion popup, best first."""
    return [
        _popup_item(number, spot.typed + text, completion_id, spot, client)
        for number, (text, completion_id) in enumerate(zip(texts, ids, strict=True))
    ]


def inline_items(texts: Sequence[str], spot: Spot) -> list[types.InlineCompletionItem]:
    """Make the items of ghost text: plain strings, because not every editor minds the range of a snippet."""
    return [
        types.InlineCompletionItem(insert_text=for_document(spot.typed + text, spot.line_end), range=spot.range)
        for text in texts
    ]


def label_of(text: str) -> str:
    """Return the first line that says something, shortened, with a mark where further lines follow."""
    first, *rest = _lines_that_say(text)
    if len(first) > _LABEL_LENGTH:
        first = first[: _LABEL_LENGTH - 1] + "…"
    return first + (_FURTHER_LINES if rest else "")


def filter_text_of(text: str, typed: str) -> str:
    """Return what the editor matches with what was typed: never the typed word alone, which some editors hide."""
    first = text.partition("\n")[0]
    if first.strip() and first.strip() != typed:
        return first
    return f"{typed} {_lines_that_say(text[len(typed) :])[0]}".lstrip()


def snippet_of(text: str, indent: str) -> str:
    """Write text as a snippet whose later lines the editor indents like the caret's line.

    A line with less indentation cannot be expressed there; the snippet ends before it.
    """
    first, *rest = text.split("\n")
    lines = [first]
    for line in rest:
        if line.strip() and not line.startswith(indent):
            break
        lines.append(line.removeprefix(indent) if line.strip() else "")
    return re.sub(r"([\\$}])", r"\\\1", "\n".join(lines).rstrip())


def fenced(text: str, language_id: str) -> str:
    """Write text as a fenced block of Markdown, whatever fences it holds itself."""
    longest = max(map(len, re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language_id}\n{text}\n{fence}"


def _popup_item(number: int, text: str, completion_id: str, spot: Spot, client: Client) -> types.CompletionItem:
    snippet = client.wants_multiline_snippets and "\n" in text
    new_text = snippet_of(text, spot.indent) if snippet else for_document(text, spot.line_end)
    return types.CompletionItem(
        label=label_of(text),
        # Not Snippet, which Sublime drops.
        kind=types.CompletionItemKind.Text,
        detail="Neocaret",
        documentation=_documentation(text, spot.language_id, client),
        sort_text=f"{number:04}",
        filter_text=filter_text_of(text, spot.typed),
        insert_text_format=types.InsertTextFormat.Snippet if snippet else types.InsertTextFormat.PlainText,
        insert_text_mode=types.InsertTextMode.AsIs if client.as_is and not snippet else None,
        text_edit=types.TextEdit(range=spot.range, new_text=new_text),
        commit_characters=[],
        data={"completionId": completion_id},
    )


def _documentation(text: str, language_id: str, client: Client) -> str | types.MarkupContent:
    if client.documentation is None:
        return text
    markdown = client.documentation is types.MarkupKind.Markdown
    return types.MarkupContent(client.documentation, fenced(text, language_id) if markdown else text)


def _lines_that_say(text: str) -> list[str]:
    return [line.strip() for line in text.split("\n") if line.strip()]
