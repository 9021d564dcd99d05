"""Whether what is being generated for a caret still fits what its user has typed since; pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from neocaret_server import rope as ropes
from neocaret_server.backend import Candidate
from neocaret_server.documents import Document, Place
from neocaret_server.trigger import CLOSER_OF

_CLOSERS = "".join(sorted(set(CLOSER_OF.values())))


@dataclass(frozen=True, slots=True)
class CaretAt:
    """A caret in a version of a document."""

    document: Document
    place: Place


@dataclass(frozen=True, slots=True)
class Typed:
    """What came at a caret."""

    text: str
    """Before the caret of later, with line feeds."""
    closers: str
    """What an editor has added behind it."""


def typed_since(then: CaretAt, now: CaretAt, most: int) -> Typed | None:
    """Return what was typed between two carets, at most so many characters; None where anything else has changed.

    Below the caret's line nothing is compared: it says little about how a line goes on.
    """
    length = now.document.offset(now.place) - then.document.offset(then.place)
    # A line end may be two characters in the document, and is one here.
    if not 0 <= length <= 2 * most or not then.document.same_before(now.document, then.place):
        return None
    text = now.document.before(now.place, length).replace("\r\n", "\n").replace("\r", "\n") if length else ""
    before, after = then.document.line_after(then.place), now.document.line_after(now.place)
    closers = after.removesuffix(before)
    if not after.endswith(before) or closers.strip(_CLOSERS):
        return None
    return Typed(text, closers)


def inserted_since(then: CaretAt, now: Document) -> str | None:
    """Return what a later version has more at the caret, wherever its caret is; None where something is gone.

    Closers at its end are left out: an editor may have added them behind the caret.
    """
    length = now.rope.characters - then.document.rope.characters
    if length < 0 or not then.document.same_before(now, then.place):
        return None
    start = then.document.offset(then.place)
    text = ropes.between(now.rope, start, start + length)
    return text.replace("\r\n", "\n").replace("\r", "\n").rstrip(_CLOSERS)


def goes_on(candidates: Iterable[Candidate], typed: str) -> bool:
    """Say whether one of them may still turn out to begin with what was typed, and to go on after it.

    One that has no text yet speaks for nothing: whoever begins anew has lost little then, and knows more.
    """
    return not typed or any(_may_begin(candidate, typed) for candidate in candidates)


def whole_part(candidates: Iterable[Candidate], *, single_line: bool) -> tuple[Candidate, ...]:
    """Return what of them will not change: those that have ended, and the whole lines of those that still grow."""
    ended = []
    for candidate in candidates:
        if candidate.finish_reason != "cancelled":
            ended.append(candidate)
        elif not single_line and (lines := candidate.text.rpartition("\n")[0]).strip():
            ended.append(replace(candidate, text=lines, finish_reason="length"))
    return tuple(ended)


def _may_begin(candidate: Candidate, typed: str) -> bool:
    text = candidate.text
    if len(text) > len(typed):
        return text.startswith(typed)
    return bool(text) and candidate.finish_reason == "cancelled" and typed.startswith(text)
