"""What each token of a vocabulary stands for, where that does not depend on the tokens before it.

Two families of tokenizers are known: byte-level BPE, which spells bytes by letters (GPT-2 and most that came after it),
and pieces of text in which a mark stands for a space, with a token for each byte that is in no piece (SentencePiece:
Llama, Mistral, Gemma). A whole text of the latter loses the space that it begins with; a continuation must not.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from tokenizers import Tokenizer

_SPACE_MARK = "\u2581"
_SPACE_MARKS = (_SPACE_MARK, {"String": _SPACE_MARK})
"""As the two decoders have it that turn marks into spaces."""
_BYTE = re.compile(r"<0x([0-9A-F]{2})>")


def token_bytes(tokenizer: Tokenizer, size: int) -> list[bytes | None] | None:
    """Return what each of `size` tokens stands for, by its number; None for special ones, which are no text.

    Returns None instead where it is neither of the two families.
    """
    read = _reader(tokenizer)
    if read is None:
        return None
    texts: list[bytes | None] = [None] * size
    added = tokenizer.get_added_tokens_decoder()
    for spelling, number in tokenizer.get_vocab(with_added_tokens=False).items():
        if number not in added:
            texts[number] = read(spelling)
    for number, token in added.items():
        texts[number] = None if token.special else read(token.content)
    return texts


def _reader(tokenizer: Tokenizer) -> Callable[[str], bytes] | None:
    """Return what reads a token's spelling."""
    if tokenizer.decoder is None:
        return None
    decoder: dict[str, Any] = json.loads(tokenizer.decoder.__getstate__())
    steps = decoder["decoders"] if decoder["type"] == "Sequence" else [decoder]
    kinds = [step["type"] for step in steps]
    if kinds == ["ByteLevel"]:
        return _letters
    spaces = [step for step in steps if step.get("replacement", step.get("pattern")) in _SPACE_MARKS]
    if not spaces or not set(kinds) <= {"Replace", "Metaspace", "ByteFallback", "Fuse", "Strip"}:
        return None
    return _piece_or_byte if "ByteFallback" in kinds else _piece


def _byte_letters() -> dict[str, int]:
    """The letters with which byte-level BPE spells bytes: a byte's own where it shows, and others from U+0100 on."""
    shown = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = [byte for byte in range(0x100) if byte not in shown]
    return {chr(byte): byte for byte in shown} | {chr(0x100 + place): byte for place, byte in enumerate(hidden)}


_BYTE_OF = _byte_letters()


def _letters(spelling: str) -> bytes:
    try:
        return bytes(map(_BYTE_OF.__getitem__, spelling))
    except KeyError:  # what is added to a vocabulary may be spelled plainly: runs of spaces, for one
        return spelling.encode()


def _piece(spelling: str) -> bytes:
    return spelling.replace(_SPACE_MARK, " ").encode()


def _piece_or_byte(spelling: str) -> bytes:
    byte = _BYTE.fullmatch(spelling)
    return bytes([int(byte[1], 16)]) if byte else _piece(spelling)
