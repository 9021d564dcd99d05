"""Where a continuation ends because of what it says: the texts that stop it, and its own repetition. No tensors."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

LINES_REPEATED = 3
"""How often the same lines come one after the other before it is taken for a loop that will not end."""

WORDS_REPEATED = 3
"""The same of words within a line."""

LONGEST_PERIOD = 8
"""Lines that repeat together."""

LONGEST_WORDS = 60
"""Characters of words that repeat together."""

_LEAST_LETTERS_OF_LINES = 4
_LEAST_LETTERS_OF_WORDS = 8
"""Shorter ones repeat in good code: `None, None, None, None`."""


class StopTexts:
    """Looks for the earliest stop text in a continuation that grows at its end."""

    def __init__(self, stops: tuple[str, ...]) -> None:
        self._stops = stops
        self._longest = max(map(len, stops), default=0)
        self._searched = 0

    def find(self, text: str) -> int | None:
        """The place where a stop text begins, the earliest one, or None while there is none.

        `text` must begin with the text of the call before: what was searched is not searched again, but for a tail
        in which a stop text may have begun.
        """
        begin = max(0, self._searched - self._longest + 1)
        self._searched = len(text)
        places = [place for stop in self._stops if (place := text.find(stop, begin)) >= 0]
        return min(places, default=None)


class EndingTokens:
    """The tokens with which a continuation ends for certain: those that a stop text stands in."""

    def __init__(self, texts: Sequence[bytes | None], stops: Sequence[str]) -> None:
        """`texts` by the tokens' numbers; None for those that stand for no text."""
        self._texts = texts
        self._stops = [stop.encode() for stop in stops]

    def __contains__(self, token: object) -> bool:
        """Tell whether it is one of them."""
        text = self._texts[token] if isinstance(token, int) and 0 <= token < len(self._texts) else None
        return text is not None and any(stop in text for stop in self._stops)


class Repetition:
    """Looks for what a growing continuation says over and over, as small models do once they have begun to."""

    def __init__(self) -> None:
        self._searched = 0

    def find(self, text: str) -> int | None:
        """The place where a text begins to repeat what stands before it, or None while it does not.

        What has no words may repeat: closing brackets, blank lines, zeros. `text` must begin with the text of the
        call before.
        """
        ended = text.find("\n", self._searched) >= 0
        self._searched = len(text)
        return _lines_repeat(text) if ended else _words_repeat(text)


def _lines_repeat(text: str) -> int | None:
    lines = text.split("\n")[:-1]
    for period in range(1, min(LONGEST_PERIOD, len(lines) // LINES_REPEATED) + 1):
        unit = lines[-period:]
        if lines[-LINES_REPEATED * period :] == unit * LINES_REPEATED and _letters(unit) >= _LEAST_LETTERS_OF_LINES:
            return len("\n".join(lines[: len(lines) - (LINES_REPEATED - 1) * period]))
    return None


def _words_repeat(text: str) -> int | None:
    for period in range(_LEAST_LETTERS_OF_WORDS, min(LONGEST_WORDS, len(text) // WORDS_REPEATED) + 1):
        unit = text[-period:]
        if text.endswith(unit * WORDS_REPEATED) and _letters(unit) >= _LEAST_LETTERS_OF_WORDS:
            return _word_end(text, len(text) - (WORDS_REPEATED - 1) * period)
    return None


def _word_end(text: str, place: int) -> int:
    """Return the end of the word that a place is inside of, or the place itself."""
    if place and text[place - 1].isalnum():
        while place < len(text) and text[place].isalnum():
            place += 1
    return place


def _letters(texts: Iterable[str]) -> int:
    return sum(map(str.isalpha, "".join(texts)))
