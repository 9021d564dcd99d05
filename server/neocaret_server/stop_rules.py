"""Where a continuation ends while it is being made, by what stands around its caret; pure.

Each rule's place holds however the text goes on, so that a row ends with the token that crosses it, and the model's
work for the rest is saved. The cheapest come first; the filters of `tidy.py` look at the whole text once more.
"""

from __future__ import annotations

from dataclasses import dataclass

from neocaret_server.brackets import open_brackets, unmatched_closer
from neocaret_server.docstrings import said_docstring
from neocaret_server.endings import block_end, following_line, next_line_start, repeated_lines
from neocaret_server.tidy import CaretText, is_closed_by, up_to_closer

_BRACKETS = frozenset(")]}")


@dataclass(frozen=True, slots=True)
class StopRules:
    """The rules of one caret; equal ones are the same question."""

    line_before: str
    line_after: str
    following: str
    """The next line that says something, its white space left out."""
    opened: str | None
    """The brackets that are open before the caret; None where brackets say nothing."""
    docstrings: frozenset[str]
    """The lines that the docstrings around the caret begin with."""
    language_id: str

    def __call__(self, text: str) -> int | None:
        """Return where a continuation ends that has come so far; None while it goes on."""
        places = (
            block_end(text, self.line_before),
            self._unmatched(text),
            self._closed(text),
            next_line_start(text, self.line_before, self.following),
            repeated_lines(text, self.line_before),
            said_docstring(text, self.line_before, self.docstrings),
        )
        return min((place for place in places if place is not None), default=None)

    def _unmatched(self, text: str) -> int | None:
        return None if self.opened is None else unmatched_closer(text, self.opened, self.language_id)

    def _closed(self, text: str) -> int | None:
        """Return where the text closes what the rest of the line closes already."""
        closer = self.line_after.lstrip()[:1]
        if closer not in _BRACKETS:
            end = len(up_to_closer(text, self.line_after)) if closer else len(text)
            return end if end < len(text) else None
        unopened = unmatched_closer(text, "", self.language_id)
        same = unopened is not None and text[unopened] == closer
        return unopened if same and is_closed_by(self.line_after) else None


def stop_rules(caret: CaretText) -> StopRules:
    """Make the rules of a caret."""
    return StopRules(
        caret.line_before,
        caret.line_after,
        following_line(caret.below),
        open_brackets(caret.before, caret.language_id),
        caret.docstrings,
        caret.language_id,
    )
