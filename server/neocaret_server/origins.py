"""Where continuations are from, and how sure the model was of them: remembered for whoever types into them; pure."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from neocaret_server.backend import Candidate, ModelInfo
from neocaret_server.documents import Place
from neocaret_server.statistics import model_label

MOST_TEXTS = 256
_MILLION = 1_000_000
_BILLION = 1000 * _MILLION


@dataclass(frozen=True, slots=True)
class Origin:
    """Of one continuation."""

    mean_logprob: float | None
    """Of the tokens of all that the model wrote there; None where a similar line of the document was copied."""


@dataclass(frozen=True, slots=True)
class _Made:
    uri: str
    place: Place
    text: str
    origin: Origin

    def holds(self, uri: str, place: Place, text: str) -> bool:
        """Say whether a text at a place is how this one goes on there."""
        lines, below = self.text.split("\n"), place.line - self.place.line
        if uri != self.uri or not 0 <= below < len(lines):
            return False
        begun = place.index - (self.place.index if below == 0 else 0)
        return 0 <= begun <= len(lines[below]) and "\n".join(lines[below:])[begun:].startswith(text)


class Origins:
    """The origins of what was made last."""

    def __init__(self) -> None:
        self._made: deque[_Made] = deque(maxlen=MOST_TEXTS)

    def remember(self, uri: str, place: Place, texts: Iterable[str], candidates: Iterable[Candidate]) -> None:
        """Take note of texts made for a caret: each is what was left of a candidate, or was copied."""
        written = [(each.text.replace("\r\n", "\n"), each.mean_logprob) for each in candidates]
        for text in texts:
            sure = next((logprob for whole, logprob in written if whole.startswith(text)), None)
            self._made.appendleft(_Made(uri, place, text, Origin(sure)))

    def forget(self, uri: str) -> None:
        """Keep nothing of a document, which is closed."""
        self._made = deque((made for made in self._made if made.uri != uri), maxlen=MOST_TEXTS)

    def find(self, uri: str, place: Place, text: str) -> Origin | None:
        """Return the origin of a text at a caret, also of the rest of one that was typed into; None if forgotten."""
        return next((made.origin for made in self._made if made.holds(uri, place, text)), None)


def told(origin: Origin | None, model: ModelInfo | None) -> str:
    """Return a line for the user: the model, and how sure it was, as the geometric mean over the tokens."""
    if origin is not None and origin.mean_logprob is None:
        return "From a similar line of this document"
    names = [] if model is None else [model_label(model.model), *_size(model.parameters)]
    sure = [] if origin is None or origin.mean_logprob is None else [_sure(origin.mean_logprob)]
    return ", ".join(names + sure)


def _sure(mean_logprob: float) -> str:
    return f"{math.exp(min(0.0, mean_logprob)):.0%} sure per token"


def _size(parameters: int) -> list[str]:
    if parameters <= 0:
        return []
    return [f"{parameters / _BILLION:.1f}B" if parameters >= _BILLION else f"{parameters / _MILLION:.0f}M"]
