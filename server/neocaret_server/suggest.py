"""The life of one suggestion, from a caret to continuations with their ids; both channels go this way."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from dataclasses import dataclass

from lsprotocol import types

from neocaret_server.backend import BackendError, Completion, CompletionRequest
from neocaret_server.documents import Document, Place, Position
from neocaret_server.items import Spot, typed_word
from neocaret_server.kept import Found, KeptList
from neocaret_server.offers import OfferedList
from neocaret_server.prompt import Surroundings, build_prompt, for_document, for_model, single_line, text_elsewhere
from neocaret_server.requests import Moment, Requests
from neocaret_server.server import NeocaretServer
from neocaret_server.settings import Settings
from neocaret_server.surroundings import surroundings
from neocaret_server.tidy import CaretText, offered
from neocaret_server.tracing import AnswerTrace, Source
from neocaret_server.trigger import CLOSER_OF, Channel, Question, Reason, silence

FEWEST = 2
"""Where fewer kept continuations go on as the user types, others are asked for meanwhile."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Caret:
    """Where a suggestion is asked for."""

    uri: str
    position: types.Position
    channel: Channel
    automatic: bool
    selected: types.SelectedCompletionInfo | None = None
    """The popup's selected item: suggestions must extend it."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """The continuations of one caret, best first, and where they go."""

    texts: list[str]
    ids: list[str]
    spot: Spot
    source: Source


@dataclass(frozen=True, slots=True)
class _Context:
    document: Document
    place: Place
    start: Place
    """Where the range begins that a suggestion replaces."""
    typed: str
    line_before: str
    """The caret's line up to the caret, with the selected popup item as if it were accepted."""

    @property
    def moment(self) -> Moment:
        """Return when and where it is asked."""
        return self.document.version, self.place.line, self.place.index


class _SilentError(Exception):
    """There is no suggestion, for a reason."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


async def suggest(server: NeocaretServer, caret: Caret) -> Suggestion | None:
    """Return the suggestion for a caret, or None; the server's state then says why."""
    began = time.perf_counter()
    document = server.documents.get(caret.uri)
    suggestion: Suggestion | None = None
    reason: Reason | None = None
    try:
        suggestion = await _suggest(server, caret, document)
    except _SilentError as silent:
        reason = silent.reason
        _log.debug("no suggestion: %s", reason)
    except asyncio.CancelledError:
        reason = "cancelled"
        raise
    finally:
        ms = (time.perf_counter() - began) * 1000
        server.last_reason = reason
        if suggestion is not None:
            server.last_answer_ms = round(ms, 1)
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
        raise _SilentError("unknown-document")
    context = _context(document, caret)
    question = Question(
        uri=server.notebooks.holding(caret.uri) or caret.uri,
        language_id=document.language_id,
        channel=caret.channel,
        automatic=caret.automatic,
        document_blank=document.is_blank() and all(cell.is_blank() for cell in server.cells_around(caret.uri)[0]),
        line_after=document.line_after(context.place),
    )
    if reason := silence(question, server.settings, server.model.state):
        server.requests.supersede(caret.uri, caret.channel, context.moment)
        if reason == "model-paused":
            server.in_background(server.model.wake())
        raise _SilentError(reason)
    if caret.automatic and (found := _found(server, caret, context)):
        server.requests.supersede(caret.uri, caret.channel, context.moment)
        _refill(server, caret, context, found)
        return _offer(server, context, list(found.texts), "store")
    server.refills.forget(caret.uri)
    texts = await _texts(server, caret, context)
    if not texts:
        raise _SilentError("nothing-generated")
    return _offer(server, context, texts, "model")


def _found(server: NeocaretServer, caret: Caret, context: _Context) -> Found | None:
    # A selected item of the popup is no text of the document yet.
    return None if caret.selected else server.kept.find(context.document, context.place, server.settings)


def _keep(server: NeocaretServer, caret: Caret, context: _Context, texts: list[str]) -> None:
    if texts and caret.selected is None:
        server.kept.keep(KeptList(context.document, context.place, tuple(texts), server.settings))


def _refill(server: NeocaretServer, caret: Caret, context: _Context, found: Found) -> None:
    """Ask for more where few of several are left, once for each list."""
    if len(found.texts) < FEWEST <= len(found.of.texts) and not found.of.refilled:
        found.of.refilled = True
        server.in_background(_keep_more(server, caret, context, found))


async def _keep_more(server: NeocaretServer, caret: Caret, context: _Context, found: Found) -> None:
    single = single_line(server.settings.multiline, context.line_before)
    with contextlib.suppress(_SilentError):
        more = await _tidied(server, server.refills, caret, context, single)
        # What is on the screen stays first.
        _keep(server, caret, context, list(dict.fromkeys([*found.texts, *more])))


async def _texts(server: NeocaretServer, caret: Caret, context: _Context) -> list[str]:
    single = single_line(server.settings.multiline, context.line_before)
    texts = await _tidied(server, server.requests, caret, context, single)
    if not texts and single and not caret.automatic and server.settings.multiline == "auto":
        # The model would end the line here; who asks nevertheless wants to see how it goes on.
        texts = await _tidied(server, server.requests, caret, context, False)
    _keep(server, caret, context, texts)
    fitting = _fitting(texts, _typed_since(server, context), context, caret)
    if texts and not fitting:
        raise _SilentError("changed")
    return fitting


async def _tidied(
    server: NeocaretServer, requests: Requests, caret: Caret, context: _Context, single: bool
) -> list[str]:
    around = _around(server, context)
    completion = await _ask(server, requests, caret, context, around, single=single)
    document = context.document
    caret_text = CaretText(
        for_model(around.before), document.line_after(context.place), for_model(around.below), document.language_id
    )
    most = server.settings.candidates
    return offered(completion.candidates, completion.similar_lines, caret_text, single_line=single, most=most)


async def _ask(
    server: NeocaretServer, requests: Requests, caret: Caret, context: _Context, around: Surroundings, *, single: bool
) -> Completion:
    prompt = build_prompt(around)
    if not prompt:
        server.requests.supersede(caret.uri, caret.channel, context.moment)
        raise _SilentError("empty-document")
    # The models that know paths know them as Python comments.
    path = server.path_in_workspace(caret.uri) if context.document.language_id == "python" else ""
    elsewhere = text_elsewhere(around) if server.settings.document_ngrams else ()
    request = request_of(server.settings, prompt, single, path, elsewhere)
    try:
        completion = await requests.ask(caret.uri, caret.channel, context.moment, request)
    except BackendError as error:
        server.last_error = str(error)
        raise _SilentError("model-error") from error
    except Exception as error:
        _log.exception("the model failed")
        server.last_error = "The model failed; the server's log says why."
        raise _SilentError("model-error") from error
    if completion is None:
        raise _SilentError("superseded")
    if server.model.state != "ready":
        raise _SilentError("model-loading")
    return completion


def _around(server: NeocaretServer, context: _Context) -> Surroundings:
    document = context.document
    above, beneath = server.cells_around(document.uri)
    return surroundings(document, context.place.line, context.line_before, above, beneath)


def request_of(
    settings: Settings, prompt: str, single: bool, path: str = "", elsewhere: tuple[str, ...] = ()
) -> CompletionRequest:
    """Make the request for a suggestion as the settings have it."""
    return CompletionRequest(
        prompt=prompt,
        candidates=settings.candidates,
        max_new_tokens=settings.max_new_tokens,
        temperature=settings.temperature,
        top_p=settings.top_p,
        top_k=settings.top_k,
        repetition_penalty=settings.repetition_penalty,
        document_ngrams=settings.document_ngrams,
        seed=settings.seed,
        stop=("\n",) if single else (),
        stop_repeating=not single,
        path=path,
        elsewhere=elsewhere,
        similar_lines=single and settings.document_ngrams,
    )


def _context(document: Document, caret: Caret) -> _Context:
    place = document.place(Position(caret.position.line, caret.position.character))
    before = document.line_before(place)
    if caret.selected is not None:
        first = caret.selected.range.start
        start = document.place(Position(first.line, first.character))
        if start.line == place.line and start.index <= place.index:
            typed = caret.selected.text
            return _Context(document, place, start, typed, before[: start.index] + typed)
    typed = typed_word(before)
    return _Context(document, place, Place(place.line, place.index - len(typed)), typed, before)


def _typed_since(server: NeocaretServer, context: _Context) -> str | None:
    """Return what came at the caret since the question was asked; None where anything else changed before its end."""
    then, now, place = context.document, server.documents.get(context.document.uri), context.place
    if now is None or not then.same_before(now, place):
        return None
    old, new = then.line_after(place), now.line_after(place)
    return new.removesuffix(old) if new.endswith(old) else None


def _fitting(texts: list[str], since: str | None, context: _Context, caret: Caret) -> list[str]:
    """Keep the texts that fit after what came at the caret in the meantime."""
    if since is None:
        return []
    # Editors that close brackets may do so after they ask.
    if not since or set(since) == {CLOSER_OF.get(context.line_before[-1:])}:
        return texts
    # Editors go on waiting for the popup while a word is typed, and filter what comes; with ghost text, not all do.
    return [text for text in texts if caret.channel == "popup" and text != since and text.startswith(since)]


def _offer(server: NeocaretServer, context: _Context, texts: list[str], source: Source) -> Suggestion:
    document, place = context.document, context.place
    line_end = document.line_end_near(place.line)
    before = document.before(Place(place.line, 0)) + context.line_before
    ids = server.offers.add(OfferedList(before, line_end, tuple(for_document(text, line_end) for text in texts)))
    return Suggestion(texts, ids, _spot(context, line_end), source)


def _spot(context: _Context, line_end: str) -> Spot:
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
