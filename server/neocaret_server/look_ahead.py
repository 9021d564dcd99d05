"""While the user looks at a suggestion: what would follow its acceptance is made and kept, at the lowest priority."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable
from dataclasses import replace
from functools import partial

from lsprotocol import types

from neocaret_server.asking import Asking, Caret, Context, SilentError, context_of
from neocaret_server.backend import Candidate
from neocaret_server.documents import Document, Edit, Place, Position
from neocaret_server.extent import one_line
from neocaret_server.following import CaretAt
from neocaret_server.prompt import for_document
from neocaret_server.server import NeocaretServer

IDLE_SECONDS = 0.2
"""So long nothing is typed after a suggestion: the next key of who types on comes sooner."""
MOST_TOKENS = 32
"""Of a candidate: a line or two, which are there before a suggestion has been read."""


def look_ahead(server: NeocaretServer, caret: Caret, context: Context, text: str) -> None:
    """Prepare for the acceptance of a text, once the user has been idle for a moment."""
    at = accepted(context.at, text)
    server.idle_work.begin(at, partial(_prepare, server, caret, context.document, at))


def accepted(at: CaretAt, text: str) -> CaretAt:
    """Return the caret behind a text that is inserted at another; the text has line feeds."""
    document, place = at.document, at.place
    here = Position(place.line, document.character(place))
    edit = Edit(for_document(text, document.line_end_near(place.line)), here, here)
    *lines, last = text.split("\n")
    behind = Place(place.line + len(lines), len(last) + (0 if lines else place.index))
    return CaretAt(document.edited([edit], document.version), behind)


def whole_lines(candidates: Iterable[Candidate]) -> tuple[Candidate, ...]:
    """End those that were cut off by their length before the line in which they were, unless that is their first."""
    return tuple(
        replace(each, text=lines) if each.finish_reason == "length" and lines.strip() else each
        for each in candidates
        for lines in [each.text.rpartition("\n")[0]]
    )


async def _prepare(server: NeocaretServer, caret: Caret, seen: Document, at: CaretAt) -> None:
    await asyncio.sleep(IDLE_SECONDS)
    settings, now = server.settings, server.documents.get(caret.uri)
    if now is None or now.version != seen.version or server.requests.under_way(caret.uri):
        return
    if server.model.state != "ready" or server.kept.find(at.document, at.place, settings) is not None:
        return
    behind = types.Position(at.place.line, at.document.character(at.place))
    context = context_of(at.document, replace(caret, position=behind))
    asking = Asking(server, caret, context, single=settings.multiline == "never")
    with contextlib.suppress(SilentError):
        completion = await asking.put(server.ahead, most_tokens=MOST_TOKENS)
        texts = asking.texts(replace(completion, candidates=whole_lines(completion.candidates)))
        single = one_line(settings.multiline, at.document, at.place, context.line_before)
        for part in by_lines(texts, single=single):
            asking.keep(part, single=single)


def by_lines(texts: list[str], *, single: bool) -> list[list[str]]:
    """Return the lists to be kept, the last one to be looked at first.

    Where a suggestion has one line, one list has what ends the line, and another what comes below it.
    """
    if not single:
        return [texts]
    below = [text for text in texts if begins_below(text)]
    ends = (text.partition("\n")[0].rstrip() for text in texts if not begins_below(text))
    return [below, list(dict.fromkeys(ends))]


def begins_below(text: str) -> bool:
    """Say whether a text leaves the caret's line as it is."""
    return "\n" in text and not text.partition("\n")[0].strip()
