"""Where a continuation ends because of what it says: the texts that stop it, and its own repetition. No tensors."""

from __future__ import annotations

REPETITIONS = 3
"""How often the same lines come one after the other before it is taken for a loop that will not end."""

LONGEST_PERIOD = 8
"""Lines that repeat together."""

_LEAST_LETTERS = 4


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


class RepeatedLines:
    """Looks for lines that a growing continuation says over and over, as small models do once they have begun to."""

    def __init__(self) -> None:
        self._searched = 0

    def find(self, text: str) -> int | None:
        """The place where whole lines begin to repeat what stands before them, or None while they do not.

        Lines without words may repeat: closing brackets, blank lines, zeros. `text` must begin with the text of the
        call before.
        """
        ended = text.rfind("\n", self._searched) >= 0
        self._searched = len(text)
        if not ended:
            return None
        lines = text.split("\n")[:-1]
        for period in range(1, min(LONGEST_PERIOD, len(lines) // REPETITIONS) + 1):
            unit = lines[-period:]
            if lines[-REPETITIONS * period :] == unit * REPETITIONS and _says_something(unit):
                return len("\n".join(lines[: len(lines) - (REPETITIONS - 1) * period]))
        return None


def _says_something(lines: list[str]) -> bool:
    return sum(map(str.isalpha, "".join(lines))) >= _LEAST_LETTERS
