"""One question put to the model: from a caret to the prompt, and from the completion to what can be offered."""

from __future__ import annotations

import logging
from collections.abc import Coroutine
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from lsprotocol import types

from neocaret_server.backend import BackendError, Completion, CompletionRequest
from neocaret_server.documents import Document, Place, Position
from neocaret_server.following import CaretAt
from neocaret_server.items import typed_word
from neocaret_server.kept import KeptList
from neocaret_server.prompt import build_prompt, for_model, text_elsewhere
from neocaret_server.reasons import Reason
from neocaret_server.requests import PATIENT, Lasting, Moment, Patience, Requests
from neocaret_server.server import NeocaretServer
from neocaret_server.settings import Settings
from neocaret_server.stop_rules import stop_rules
from neocaret_server.surroundings import surroundings
from neocaret_server.tidy import CaretText, offered
from neocaret_server.trigger import CLOSER_OF, Channel

_T = TypeVar("_T")
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
class Context:
    """What is known of a caret when it is asked about."""

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

    @property
    def at(self) -> CaretAt:
        """Return where it is asked."""
        return CaretAt(self.document, self.place)


class SilentError(Exception):
    """There is no suggestion, for a reason."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


class Asking:
    """A caret whose continuations are asked for."""

    def __init__(self, server: NeocaretServer, caret: Caret, context: Context, *, single: bool) -> None:
        """With `single` they end with the line."""
        self.server = server
        self.caret = caret
        self.context = context
        self.single = single
        self.settings = server.settings
        document = context.document
        above, beneath = server.cells_around(document.uri)
        self._around = surroundings(document, context.place.line, context.line_before, above, beneath)

    def request(self) -> CompletionRequest:
        """Return what is asked of the model.

        Raises:
            SilentError: there is nothing to continue.
        """
        prompt = build_prompt(self._around)
        if not prompt:
            self.server.requests.supersede(self.caret.uri, self.caret.channel, self.context.moment)
            raise SilentError("empty-document")
        # The models that know paths know them as Python comments.
        python = self.context.document.language_id == "python"
        path = self.server.path_in_workspace(self.caret.uri) if python else ""
        elsewhere: tuple[str, ...] = ()
        if self.settings.document_ngrams:
            # Other files first: of equally similar lines the last one counts, and this document is nearer.
            elsewhere = (*self.server.other_files.texts(self.caret.uri), *text_elsewhere(self._around))
        request = request_of(self.settings, prompt, self.single, path, elsewhere)
        return replace(request, ends=stop_rules(self._caret_text()))

    def texts(self, completion: Completion) -> list[str]:
        """Return what of a completion can be offered, best first."""
        caret_text = self._caret_text()
        most = self.settings.candidates
        candidates = completion.candidates
        texts = offered(candidates, completion.similar_lines, caret_text, single_line=self.single, most=most)
        self.server.origins.remember(self.context.document.uri, self.context.place, texts, candidates)
        return texts

    def _caret_text(self) -> CaretText:
        document, place = self.context.document, self.context.place
        before, below = for_model(self._around.before), for_model(self._around.below)
        return CaretText(before, document.line_after(place), below, document.language_id)

    def keep(self, texts: list[str], *, single: bool | None = None) -> None:
        """Keep what was made, for whoever types into it; `single` where it is for one line and more was asked for."""
        # A selected item of the popup is no text of the document yet.
        if texts and self.caret.selected is None:
            context = self.context
            single = self.single if single is None else single
            self.server.kept.keep(KeptList(context.document, context.place, tuple(texts), self.settings, single))

    def keep_completion(self, completion: Completion) -> bool:
        """Keep what of a completion can be offered; says whether there is anything."""
        texts = self.texts(completion)
        self.keep(texts)
        return bool(texts)

    async def put(
        self,
        requests: Requests,
        patience: Patience = PATIENT,
        *,
        lasting: bool = False,
        most_tokens: int | None = None,
    ) -> Completion:
        """Put it to the model; with `lasting` the generation may outlive the question, and keeps what it makes.

        Of `most_tokens` and the setting the smaller number holds.

        Raises:
            SilentError: it was superseded, or the model has failed or is not there.
        """
        what_for = Lasting(self.context.at, self.single, self.keep_completion) if lasting else None
        caret, moment, request = self.caret, self.context.moment, self.request()
        if most_tokens is not None:
            request = replace(request, max_new_tokens=min(most_tokens, request.max_new_tokens))
        completion = await answered(
            self.server,
            requests.ask(caret.uri, caret.channel, moment, request, lasting=what_for, patience=patience),
        )
        if completion is None:
            raise SilentError("superseded")
        if self.server.model.state != "ready":
            raise SilentError("model-loading")
        return completion


async def answered(server: NeocaretServer, answer: Coroutine[Any, Any, _T]) -> _T:
    """Wait for an answer of the model.

    Raises:
        SilentError: the model has failed; the server's state says how.
    """
    try:
        return await answer
    except BackendError as error:
        server.last_error = str(error)
        raise SilentError("model-error") from error
    except Exception as error:
        _log.exception("the model failed")
        server.last_error = "The model failed; the server's log says why."
        raise SilentError("model-error") from error


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
        path=path,
        elsewhere=elsewhere,
        similar_lines=single and settings.document_ngrams,
    )


def context_of(document: Document, caret: Caret) -> Context:
    """Look up a caret in its document."""
    place = document.place(Position(caret.position.line, caret.position.character))
    before = document.line_before(place)
    if caret.selected is not None:
        first = caret.selected.range.start
        start = document.place(Position(first.line, first.character))
        if start.line == place.line and start.index <= place.index:
            typed = caret.selected.text
            return Context(document, place, start, typed, before[: start.index] + typed)
    typed = typed_word(before)
    return Context(document, place, Place(place.line, place.index - len(typed)), typed, before)


def typed_meanwhile(server: NeocaretServer, context: Context) -> str | None:
    """Return what came at the caret since the question was asked; None where anything else changed before its end."""
    then, now, place = context.document, server.documents.get(context.document.uri), context.place
    if now is None or not then.same_before(now, place):
        return None
    old, new = then.line_after(place), now.line_after(place)
    return new.removesuffix(old) if new.endswith(old) else None


def fitting(texts: list[str], since: str | None, context: Context, caret: Caret) -> list[str]:
    """Keep the texts that fit after what came at the caret in the meantime."""
    if since is None:
        return []
    # Editors that close brackets may do so after they ask.
    if not since or set(since) == {CLOSER_OF.get(context.line_before[-1:])}:
        return texts
    # Editors go on waiting for the popup while a word is typed, and filter what comes; with ghost text, not all do.
    return [text for text in texts if caret.channel == "popup" and text != since and text.startswith(since)]
