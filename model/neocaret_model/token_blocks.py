r"""Tokens of a text that is asked for again and again with another end: what was encoded before is not encoded anew.

A text is cut into blocks where no token can lie across the cut, and each block but the last is remembered. Such a cut
is before a line feed that follows a visible ASCII character, with the pieces into which these tokenizers cut before
they look for tokens:

- none of their pieces goes on from a visible character to a line feed, so that a piece ends there;
- none begins with anything that depends on what stands before it, so that the next one begins there;
- where a piece looks ahead, it asks for something other than a space, which neither a line feed nor the end is.

With other tokenizers, texts are encoded whole.
"""

from __future__ import annotations

import json
import re
from array import array
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

from tokenizers import AddedToken, Tokenizer
from tokenizers.models import BPE

LEAST_CHARACTERS = 512
"""Of a block, but for the last one."""
MOST_CHARACTERS = 4_096
"""A longer block, as of one long line, is not remembered."""
MOST_BLOCKS = 256
"""So many are remembered, those asked for last: 128 kB of ordinary text. Blocks of one token for each ASCII character
take 5 MB, and of other characters four times as much at the most."""

_CUT = re.compile(r"(?<=[!-~])\n")
OWN_PIECES = r"\n+[ \t]*|[ ]?[\p{L}_]+|[ ]?\p{N}{1,3}|[ ]?[^\s\p{L}\p{N}_]+|[ \t]+(?=[ \t]\S)|\s"
"""Of the tokenizers that are trained here."""

Encode = Callable[[str], list[int]]


class TokenBlocks:
    """Encodes texts as a tokenizer does that passes `can_be_cut`."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._begin: list[int] = tokenizer.encode("").ids
        self._remembered = lru_cache(maxsize=MOST_BLOCKS)(self._packed)

    def encode(self, text: str) -> list[int]:
        """The tokens of `text`, with what the tokenizer puts in front of every text."""
        tokens = list(self._begin)
        *finished, last = blocks(text)
        for block in finished:
            tokens += self._encoded(block) if len(block) > MOST_CHARACTERS else self._remembered(block)
        return tokens + self._encoded(last)

    @property
    def remembered(self) -> int:
        """How many blocks are remembered."""
        return self._remembered.cache_info().currsize

    def _encoded(self, block: str) -> list[int]:
        ids: list[int] = self._tokenizer.encode(block, add_special_tokens=False).ids
        return ids

    def _packed(self, block: str) -> array[int]:
        return array("I", self._encoded(block))


def blocks(text: str) -> Iterator[str]:
    """Cut a text into blocks, one at least; together they are the text."""
    begin = 0
    while cut := _CUT.search(text, begin + LEAST_CHARACTERS):
        yield text[begin : cut.start()]
        begin = cut.start()
    yield text[begin:]


def can_be_cut(tokenizer: Tokenizer) -> bool:
    """Say whether texts can be encoded block by block: it is one of the two kinds of tokenizers that are known here."""
    return (
        tokenizer.normalizer is None
        and isinstance(tokenizer.model, BPE)
        and not tokenizer.model.dropout
        and _cuts_at_line_feeds(tokenizer.pre_tokenizer)
        and not any(map(_reaches_out, tokenizer.get_added_tokens_decoder().values()))
        and _adds_in_front_only(tokenizer)
    )


def _cuts_at_line_feeds(pre_tokenizer: Any) -> bool:
    match json.loads(pre_tokenizer.__getstate__()) if pre_tokenizer is not None else None:
        case {"type": "ByteLevel", "add_prefix_space": False, "use_regex": True}:
            return True
        case {
            "type": "Sequence",
            "pretokenizers": [
                {"type": "Split", "pattern": {"Regex": pieces}, "behavior": "Isolated", "invert": False},
                {"type": "ByteLevel", "add_prefix_space": False, "use_regex": False},
            ],
        }:
            return bool(pieces == OWN_PIECES)
    return False


def _reaches_out(token: AddedToken) -> bool:
    """Say whether what is added to a vocabulary may be found by what stands beside it, or across a cut."""
    return token.lstrip or token.rstrip or token.single_word or "\n" in token.content


def _adds_in_front_only(tokenizer: Tokenizer) -> bool:
    begin, alone = tokenizer.encode("").ids, tokenizer.encode("a", add_special_tokens=False).ids
    return bool(tokenizer.encode("a").ids == begin + alone)
