"""Where a continuation ends because of what it says: the texts that stop it. No tensors, no tokens."""

from __future__ import annotations


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
