"""The life of one suggestion, from a caret to continuations with their ids; both channels go this way."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass
from functools import partial

from lsprotocol import types

from neocaret_server.acceptance import Offer
from neocaret_server.asking import Asking, Caret, Context, SilentError, context_of, fitting, typed_meanwhile
from neocaret_server.documents import Document, Place
from neocaret_server.extent import one_line
from neocaret_server.items import Spot
from neocaret_server.last_edit import EditKind
from neocaret_server.look_ahead import look_ahead
from neocaret_server.offers import OfferedList
from neocaret_server.origins import told
from neocaret_server.prompt import for_document
from neocaret_server.reading_ahead import read_ahead
from neocaret_server.reasons import Reason
from neocaret_server.server import NeocaretServer
from neocaret_server.silences import asked_how
from neocaret_server.statistics import answer_name
from neocaret_server.tracing import AnswerTrace, Source
from neocaret_server.trigger import Question, silence
from neocaret_server.while_typing import while_typing

__all__ = ["Caret", "Suggestion", "spot_of", "suggest"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Suggestion:
    """The continuations of one caret, best first, and where they go."""

    texts: list[str]
    ids: list[str]
    spot: Spot
    source: Source
    notes: list[str]
    """Where each is from, and how sure the model was."""


async def suggest(server: NeocaretServer, caret: Caret) -> Suggestion | None:
    """Return the suggestion for a caret, or None; the server's state then says why."""
    began = time.perf_counter()
    document = server.documents.get(caret.uri)
    suggestion: Suggestion | None = None
    reason: Reason | None = None
    try:
        suggestion = await _suggest(server, caret, document)
    except SilentError as silent:
        reason = silent.reason
        _log.debug("no suggestion: %s", reason)
    except asyncio.CancelledError:
        reason = "cancelled"
        raise
    finally:
        ms = (time.perf_counter() - began) * 1000
        closed = document is not None and server.documents.get(caret.uri) is None
        if caret.selected is None and not closed:
            # What could be added to an item of the popup is no silence: there is that item.
            server.silences.note(caret.uri, asked_how(caret.channel, automatic=caret.automatic), reason)
        server.status_changes.changed()
        if suggestion is not None:
            server.last_answer_ms = round(ms, 1)
            _count_answer(server, suggestion, ms)
        server.tell_trace(_trace(caret, document, suggestion, reason, ms))
    return suggestion


def _trace(
    caret: Caret, document: Document | None, suggestion: Suggestion | None, reason: Reason | None, ms: float
) -> AnswerTrace:
    return AnswerTrace(
        uri=caret.uri,
        version=document.version if document else None,
        line=caret.position.line,
        character=caret.position.character,
        channel=caret.channel,
        suggestions=len(suggestion.texts) if suggestion else 0,
        source=suggestion.source if suggestion else None,
        reason=reason,
        ms=round(ms, 3),
    )


async def _suggest(server: NeocaretServer, caret: Caret, document: Document | None) -> Suggestion:
    if document is None:
        raise SilentError("unknown-document")
    context = context_of(document, caret)
    question = Question(
        uri=server.notebooks.holding(caret.uri) or caret.uri,
        language_id=document.language_id,
        channel=caret.channel,
        automatic=caret.automatic,
        document_blank=document.is_blank() and all(cell.is_blank() for cell in server.cells_around(caret.uri)[0]),
        line_after=document.line_after(context.place),
        characters=document.rope.characters,
        last_edit=_last_edit(server, context),
    )
    server.delays.supersede(caret.uri, caret.channel, context.moment)
    # Who paused has said so; of what is asked by hand editors say it too seldom rightly to end that.
    if reason := "paused" if server.pause.on else silence(question, server.settings, server.model.state):
        server.requests.supersede(caret.uri, caret.channel, context.moment)
        if reason == "model-paused":
            server.in_background(server.model.wake())
        raise SilentError(reason)
    server.other_files.look(caret.uri, context.place.line, partial(read_ahead, server, caret))
    source: Source = "model"
    if caret.automatic and caret.selected is None and server.kept.on:
        texts, source = await while_typing(server, caret, context)
    else:
        server.refills.forget(caret.uri)
        texts = await _asked(server, caret, context)
    if not texts:
        raise SilentError("nothing-generated")
    texts = fitting(texts, typed_meanwhile(server, context), context, caret)
    if not texts:
        raise SilentError("changed")
    if caret.automatic and caret.selected is None and server.kept.on:
        look_ahead(server, caret, context, texts[0])
    return _offer(server, context, texts, source)


def _last_edit(server: NeocaretServer, context: Context) -> EditKind | None:
    """Return what was last done at the caret; to accept a suggestion of several lines is no pasting."""
    edit = server.last_edits.at(context.document, context.place)
    if edit is None:
        return None
    return "typing" if edit.kind == "paste" and server.offers.holds(edit.text) else edit.kind


async def _asked(server: NeocaretServer, caret: Caret, context: Context) -> list[str]:
    """Return the continuations of a caret from the model, best first."""
    single = one_line(server.settings.multiline, context.document, context.place, context.line_before)
    asking = Asking(server, caret, context, single=single)
    texts = asking.texts(await asking.put(server.requests))
    if not texts and single and not caret.automatic and server.settings.multiline == "auto":
        # The model would end the line here; who asks nevertheless wants to see how it goes on.
        asking = Asking(server, caret, context, single=False)
        texts = asking.texts(await asking.put(server.requests))
    asking.keep(texts)
    return texts


def _offer(server: NeocaretServer, context: Context, texts: list[str], source: Source) -> Suggestion:
    document, place = context.document, context.place
    line_end = document.line_end_near(place.line)
    before = document.before(Place(place.line, 0)) + context.line_before
    inserted = tuple(for_document(text, line_end) for text in texts)
    ids = server.offers.add(OfferedList(document.uri, before, line_end, inserted))
    offer = Offer(context.at, context.start, context.typed, tuple(texts), tuple(ids))
    server.acceptance.offered(offer, _model_name(server))
    notes = [told(server.origins.find(document.uri, place, text), server.model.info) for text in texts]
    return Suggestion(texts, ids, spot_of(context, line_end), source, notes)


def _count_answer(server: NeocaretServer, suggestion: Suggestion, ms: float) -> None:
    server.statistics.count(_model_name(server), suggestion.spot.language_id, {answer_name(ms): 1})


def _model_name(server: NeocaretServer) -> str:
    info = server.model.info
    return info.model if info else server.settings.model


def spot_of(context: Context, line_end: str) -> Spot:
    """Return where the items for a caret go."""
    document, place = context.document, context.place
    line = context.line_before
    return Spot(
        range=types.Range(
            types.Position(place.line, document.character(context.start)),
            types.Position(place.line, document.character(place)),
        ),
        typed=context.typed,
        indent=line[: len(line) - len(line.lstrip(" \t"))],
        line_end=line_end,
        language_id=document.language_id,
    )
