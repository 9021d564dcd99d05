"""Token healing: a prompt's last tokens are taken back, and the continuation must begin with their text. No tensors.

A prompt ends where the caret stands, and its last token where the tokenizer had to stop: `nump` becomes tokens that
never stand before `y` in any text that the model learned from. So the last piece, a word or a run of white space, is
taken back, and the first new tokens are chosen among those that begin with its text, or that its text begins with,
until it is written again.

An indentation that is where the next line begins is left as it is, if the tokenizer made one token of it and the line
end before it: no text that the model learned from has more indentation after such a token.

Source: the method is known as token healing (S. Lundberg, guidance, 2023); JetBrains' local completion does the same
(arXiv 2405.08704, section 5).
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from neocaret_model.engine.indentation import is_whole

MOST_BYTES = 48
"""A longer piece is left as it is: what begins like that was hardly ever learned as fewer tokens."""
MOST_TOKENS_ABOVE = 512
"""That are read to see which blocks the end of a prompt is in."""

_PIECE = re.compile(r"(?:\n[ \t]*|[ \t]+|[ ]?\w+|[ ]?[^\w\s]+)\Z")
_CONTINUATION = range(0x80, 0xC0)
"""Bytes that never begin a character in UTF-8."""


@dataclass(frozen=True, slots=True)
class Healed:
    """A prompt without its last piece."""

    tokens: list[int]
    """What to feed; at least one token."""
    text: str
    """What the continuation must begin with; empty where nothing was taken back."""


class TokenTexts:
    """The bytes of every token, to be searched by their beginning."""

    def __init__(self, texts: Sequence[bytes | None]) -> None:
        """`texts` by token number; None for those that stand for no text, which are never part of a healed piece."""
        self._texts = texts
        known = sorted((text, token) for token, text in enumerate(texts) if text)
        self._sorted = [text for text, _ in known]
        self._tokens = [token for _, token in known]
        self._of = lru_cache(maxsize=256)(self._search)

    def allowed(self, text: bytes) -> tuple[int, ...]:
        """Return the tokens that begin with `text`, or that `text` begins with; cheap for what was asked before."""
        return self._of(text)

    def rest(self, text: bytes, token: int) -> bytes:
        """Return what of `text` is still to be written after one of the allowed tokens."""
        return text[len(self._texts[token] or b"") :]

    def heal(self, tokens: Sequence[int]) -> Healed:
        """Take the last piece back from a prompt, unless nothing would be left of it."""
        wanted = self._last_piece(tokens)
        taken, begin = b"", len(tokens)
        while wanted and (len(taken) < wanted or taken[0] in _CONTINUATION):
            begin -= 1
            text = self._texts[tokens[begin]] if begin > 0 else None
            if text is None or len(taken) + len(text) > MOST_BYTES:
                return Healed(list(tokens), "")
            taken = text + taken
        if begin == len(tokens) - 1 and self._is_whole_indentation(tokens):
            return Healed(list(tokens), "")
        return Healed(list(tokens[:begin]), taken.decode())

    def _is_whole_indentation(self, tokens: Sequence[int]) -> bool:
        tail = b"".join(self._texts[token] or b"" for token in tokens[-MOST_TOKENS_ABOVE:]).decode("utf-8", "ignore")
        above, line_end, indentation = tail.rpartition("\n")
        return bool(line_end) and not indentation.strip(" \t") and is_whole(above, indentation)

    def _last_piece(self, tokens: Sequence[int]) -> int:
        """The length of the last piece in bytes."""
        tail = b""
        for token in reversed(tokens):
            text = self._texts[token]
            if text is None or len(tail) > MOST_BYTES:
                break
            tail = text + tail
        found = _PIECE.search(tail.decode("utf-8", "ignore"))
        return len(found.group().encode()) if found else 0

    def _search(self, text: bytes) -> tuple[int, ...]:
        first = bisect_left(self._sorted, text)
        # No valid UTF-8 holds 0xFF, so this is above all that begin with `text`.
        last = bisect_left(self._sorted, text + b"\xff", first)
        shorter = (self._token(text[:length]) for length in range(1, len(text)))
        return (*self._tokens[first:last], *(token for token in shorter if token is not None))

    def _token(self, text: bytes) -> int | None:
        place = bisect_left(self._sorted, text)
        return self._tokens[place] if place < len(self._sorted) and self._sorted[place] == text else None
