"""From continuations to the items that every editor shows and inserts rightly; pure.

All items of a list replace one range: from the start of the typed word to the caret. Each brings its own edit, because
some editors know no list-wide defaults.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, takewhile

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


def popup_items(
    texts: Sequence[str], ids: Sequence[str], spot: Spot, client: Client, notes: Sequence[str] = ()
) -> list[types.CompletionItem]:
    """Make the items of the completion popup, best first; `notes` are the last lines of their documentations."""
    texts = [spot.typed + text for text in texts]
    return [
        _popup_item(text, completion_id, spot, client, number=number, label=label, note=note)
        for number, (text, label, completion_id, note) in enumerate(
            zip(texts, labels_of(texts, client), ids, notes or [""] * len(texts), strict=True)
        )
    ]


def inline_items(texts: Sequence[str], ids: Sequence[str], spot: Spot) -> list[types.InlineCompletionItem]:
    """Make the items of ghost text: plain strings, because not every editor minds the range of a snippet."""
    return [
        types.InlineCompletionItem(
            insert_text=for_document(spot.typed + text, spot.line_end),
            range=spot.range,
            command=_accepted(completion_id),
        )
        for text, completion_id in zip(texts, ids, strict=True)
    ]


def labels_of(texts: Sequence[str], client: Client) -> list[str]:
    """Return the labels of a list: with further lines where first lines are the same, as those of docstrings are.

    They are numbered where the client would insert a beginning of them that no text has.
    """
    labels = [label_of(text) for text in texts]
    if len(set(labels)) < len(labels):
        labels = [_shortened(f"{_FURTHER_LINES} ".join(_lines_that_say(text))) for text in texts]
    if client.inserts_shared_labels and not _begin_as_their_texts(labels, texts):
        return [f"{number} {label}" for number, label in enumerate(labels, 1)]
    return labels


def label_of(text: str) -> str:
    """Return the first line that says something, shortened, with a mark where further lines follow."""
    first, *rest = _lines_that_say(text)
    return _shortened(first) + (_FURTHER_LINES if rest else "")


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


def _popup_item(
    text: str, completion_id: str, spot: Spot, client: Client, *, number: int, label: str, note: str
) -> types.CompletionItem:
    snippet = client.wants_multiline_snippets and "\n" in text
    new_text = snippet_of(text, spot.indent) if snippet else for_document(text, spot.line_end)
    return types.CompletionItem(
        label=label,
        # Not Snippet, which Sublime drops.
        kind=types.CompletionItemKind.Text,
        detail="Neocaret",
        documentation=_documentation(text, spot.language_id, client, note),
        sort_text=f"{number:04}",
        filter_text=filter_text_of(text, spot.typed),
        insert_text_format=types.InsertTextFormat.Snippet if snippet else types.InsertTextFormat.PlainText,
        insert_text_mode=types.InsertTextMode.AsIs if client.as_is and not snippet else None,
        text_edit=types.TextEdit(range=spot.range, new_text=new_text),
        commit_characters=[],
        command=_accepted(completion_id),
        data={"completionId": completion_id},
    )


def _accepted(completion_id: str) -> types.Command:
    """Return what editors run after the item has been inserted; some run nothing."""
    return types.Command(title="Accepted", command="neocaret.accepted", arguments=[{"completionId": completion_id}])


def _documentation(text: str, language_id: str, client: Client, note: str) -> str | types.MarkupContent:
    markdown = client.documentation is types.MarkupKind.Markdown
    shown = fenced(text, language_id) if markdown else text
    if note:
        shown += "\n\n" + (re.sub(r"([\\`*_\[\]<>#])", r"\\\1", note) if markdown else note)
    return shown if client.documentation is None else types.MarkupContent(client.documentation, shown)


def _shortened(label: str) -> str:
    return label if len(label) <= _LABEL_LENGTH else label[: _LABEL_LENGTH - 1] + "…"


def _begin_as_their_texts(labels: Sequence[str], texts: Sequence[str]) -> bool:
    """Say whether what any two labels share is also what their texts begin with."""
    for (label, text), (other_label, other_text) in combinations(zip(labels, texts, strict=True), 2):
        beginning = _shared_beginning(label, other_label)
        if not (text.startswith(beginning) and other_text.startswith(beginning)):
            return False
    return True


def _shared_beginning(one: str, other: str) -> str:
    pairs = takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False))
    return "".join(character for character, _ in pairs)


def _lines_that_say(text: str) -> list[str]:
    return [line.strip() for line in text.split("\n") if line.strip()]
