"""What becomes of suggestions: offered, shown, accepted; by what the client tells, else by the edits of the document.

- A suggestion lasts while the user types into it, on both channels: its offers are one for each caret.
- It counts as accepted once, when all or a part of it comes in one edit, or when the client says so, whichever is
  first; and each of its characters counts once.
- An edit accepts where it brings several characters at once that stand in an offer, up to the end of the edit: not
  white space alone, nor the pair of brackets that editors make of one.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from neocaret_server import rope as ropes
from neocaret_server.documents import Document, Edit, Place
from neocaret_server.following import CaretAt, typed_since
from neocaret_server.prompt import for_document
from neocaret_server.trigger import CLOSER_OF
from neocaret_server.units import index_of

MOST_DOCUMENTS = 64
MOST_OFFERS = 16
"""Of one suggestion: an editor shows the last."""
MOST_SUGGESTIONS = 64
"""To be known by their ids: clients tell of them a moment later."""
_FEWEST = 2
"""Characters that come at once."""


@dataclass(frozen=True, slots=True)
class Offer:
    """The continuations of one caret."""

    at: CaretAt
    start: Place
    """Of the range that they replace, together with what was typed."""
    typed: str
    texts: tuple[str, ...]
    """Best first, with line feeds."""
    ids: tuple[str, ...]

    def whole(self, number: int) -> str:
        """Return what stands in the document from the range's beginning once a text is accepted."""
        text = self.typed + self.texts[number]
        return for_document(text, self.at.document.line_end_near(self.at.place.line))

    @property
    def begin(self) -> int:
        """Where the range begins, in characters of the document."""
        return self.at.document.offset(self.start)


@dataclass(eq=False, slots=True)
class _Suggestion:
    model: str
    offers: list[Offer] = field(default_factory=list)
    shown: bool = False
    accepted: bool = False
    counted_to: int = 0
    """The character of the document up to which characters count already."""
    untold: tuple[int, str] | None = None
    """What the client has accepted, and the document has not had yet: where it begins, and all of it."""

    @property
    def last(self) -> Offer:
        return self.offers[-1]


class Follow(Protocol):
    """Is told of what was accepted."""

    def __call__(self, model: str, document: Document, start: int, end: int) -> None:
        """`start` and `end` are characters of the document, as it is with the text."""


Count = Callable[[str, str, Mapping[str, int]], None]
"""Takes the model, the language id and the counts."""


class Acceptance:
    """The suggestions of the open documents, the last one of each."""

    def __init__(self, count: Count, follow: Follow) -> None:
        self._count = count
        self._follow = follow
        self._last: OrderedDict[str, _Suggestion] = OrderedDict()
        self._by_id: OrderedDict[str, tuple[_Suggestion, Offer, int]] = OrderedDict()

    def offered(self, offer: Offer, model: str) -> None:
        """Take note of what was answered; not counted where it is what was offered before, typed into."""
        uri = offer.at.document.uri
        suggestion = self._last.get(uri)
        if suggestion is None or not _goes_on(suggestion.last, offer):
            suggestion = self._last[uri] = _Suggestion(model)
            self._tally(suggestion, offer, offered=1)
        self._last.move_to_end(uri)
        suggestion.offers = [*suggestion.offers[-MOST_OFFERS + 1 :], offer]
        for number, completion_id in enumerate(offer.ids):
            self._by_id[completion_id] = suggestion, offer, number
        _drop(self._last, MOST_DOCUMENTS)
        _drop(self._by_id, MOST_SUGGESTIONS)

    def shown(self, completion_id: str) -> None:
        """The client has shown it."""
        suggestion, offer, _ = self._by_id.get(completion_id, (None, None, 0))
        if suggestion is not None and offer is not None and not suggestion.shown:
            suggestion.shown = True
            self._tally(suggestion, offer, shown=1)

    def accepted(self, completion_id: str, find: Callable[[str], Document | None], length: int | None = None) -> None:
        """The client has accepted it, or so much of what it inserts, in UTF-16 units.

        `find` returns a document as it is now.
        """
        suggestion, offer, number = self._by_id.get(completion_id, (None, None, 0))
        if suggestion is None or offer is None:
            return
        whole = offer.whole(number)
        if length is not None:
            whole = whole[: index_of(whole, length, "utf-16")]
        begin = offer.begin
        since = max(suggestion.counted_to, begin + len(offer.typed))
        if begin + len(whole) > since:
            self._take(suggestion, offer, since, begin + len(whole))
            now = find(offer.at.document.uri)
            if now is not None and _stands_in(now, offer, begin, whole):
                self._follow(suggestion.model, now, since, begin + len(whole))
            else:
                suggestion.untold = since, whole

    def changed(self, before: Document, after: Document, edits: Sequence[Edit]) -> None:
        """Look whether edits of a document accept what was offered."""
        suggestion = self._last.get(after.uri)
        if suggestion is None or not any(map(_may_accept, edits)):
            return
        last = suggestion.last
        if suggestion.untold is not None:
            since, whole = suggestion.untold
            if _stands_in(after, last, last.begin, whole):
                suggestion.untold = None
                self._follow(suggestion.model, after, since, last.begin + len(whole))
        taken = max((_taken(last, number, before, after, edits) for number in range(len(last.texts))), default=(0, 0))
        end, begin = taken
        since = max(suggestion.counted_to, begin)
        if end - since >= _FEWEST:
            self._take(suggestion, last, since, end)
            self._follow(suggestion.model, after, since, end)

    def forget(self, uri: str) -> None:
        """A document is closed: what a client still tells of its suggestions is not counted."""
        self._last.pop(uri, None)
        for completion_id in [each for each, known in self._by_id.items() if known[1].at.document.uri == uri]:
            del self._by_id[completion_id]

    def _take(self, suggestion: _Suggestion, offer: Offer, since: int, end: int) -> None:
        suggestion.counted_to = end
        first, suggestion.accepted = not suggestion.accepted, True
        # The key that accepts is one that is not saved.
        self._tally(
            suggestion,
            offer,
            accepted=int(first),
            shownAccepted=int(first and suggestion.shown),
            characters=end - since - 1,
        )

    def _tally(self, suggestion: _Suggestion, offer: Offer, **counts: int) -> None:
        present = {name: number for name, number in counts.items() if number}
        self._count(suggestion.model, offer.at.document.language_id, present)


def _goes_on(last: Offer, now: Offer) -> bool:
    """Say whether an offer is what was offered before, with a part of it typed since."""
    typed = typed_since(last.at, now.at, max(map(len, last.texts)))
    if typed is None:
        return False
    return not typed.text or any(text == typed.text + now.texts[0] for text in last.texts)


def _may_accept(edit: Edit) -> bool:
    text = edit.text
    return len(text) >= _FEWEST and bool(text.strip()) and CLOSER_OF.get(text[0]) != text[1:]


def _taken(offer: Offer, number: int, before: Document, after: Document, edits: Sequence[Edit]) -> tuple[int, int]:
    """Return up to where, and from where, edits have brought what a text says; twice 0 where they have not."""
    begin, whole = offer.begin, offer.whole(number)
    # Where the client sends several edits at once, only the whole text tells that they accept it.
    end = begin + len(whole) if len(edits) > 1 else _end_of(edits[0], before)
    now = ropes.between(after.rope, begin, end) if begin < end <= begin + len(whole) else ""
    if not now or not whole.startswith(now) or not offer.at.document.same_before(after, offer.start):
        return 0, 0
    had = ropes.between(before.rope, begin, begin + len(whole))
    return end, begin + max(len(offer.typed), _shared(had, whole))


def _stands_in(document: Document, offer: Offer, begin: int, whole: str) -> bool:
    if ropes.between(document.rope, begin, begin + len(whole)) != whole:
        return False
    return offer.at.document.same_before(document, offer.start)


def _end_of(edit: Edit, before: Document) -> int:
    """Return where the text of an edit ends; 0 where it is the whole document's."""
    return 0 if edit.start is None else before.offset(before.place(edit.start)) + len(edit.text)


def _shared(one: str, other: str) -> int:
    pairs = zip(one, other, strict=False)
    return next((number for number, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


def _drop(kept: OrderedDict[str, Any], most: int) -> None:
    while len(kept) > most:
        kept.popitem(last=False)
