"""The text of tokens while they come, each of which is looked at once. No tensors.

A token of a byte-level tokenizer may end inside a character: its bytes are held back until the character is whole.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Sequence
from typing import Protocol

REPLACEMENT = "\ufffd"


class TextStream(Protocol):
    """Text that grows with each token; what was in it stays, but for bytes at its end that are no character."""

    def take(self, token: int) -> None:
        """Add a token."""
        ...

    @property
    def text(self) -> str:
        """The text so far, up to the last whole character."""
        ...


class ByteStream:
    """Of tokens that stand for bytes."""

    def __init__(self, token_bytes: Sequence[bytes | None]) -> None:
        """`token_bytes` by token number; None for special ones, which are no text."""
        self._token_bytes = token_bytes
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._text = ""

    def take(self, token: int) -> None:
        """Add a token; one that is not in the vocabulary has no text."""
        if token < len(self._token_bytes):
            self._text += self._decoder.decode(self._token_bytes[token] or b"")

    @property
    def text(self) -> str:
        """The text so far, up to the last whole character."""
        return self._text.rstrip(REPLACEMENT)


class RedecodedStream:
    """Of tokens whose text depends on those before them: all are decoded again for each."""

    def __init__(self, decode: Callable[[Sequence[int]], str]) -> None:
        """`decode` gives the text of tokens, up to the last whole character."""
        self._decode = decode
        self._tokens: list[int] = []

    def take(self, token: int) -> None:
        """Add a token."""
        self._tokens.append(token)

    @property
    def text(self) -> str:
        """The text so far, up to the last whole character."""
        return self._decode(self._tokens)
