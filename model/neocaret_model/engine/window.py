"""Which part of a long prompt the model sees: its end, behind a left edge that holds still while the user types.

GPT-Neo learned a vector for each position, so a kept key or value is good only at the position it was computed for.
An edge that moved with each token typed would move every position and lose the whole cache; this one jumps.

    prompt   0 ........ start ................................. length
                        |<- kept, at most `budget` tokens ---->|
             start is a multiple of the block, 40 % of the budget: after a jump, that much can be typed before the next.
"""

from __future__ import annotations

_BLOCK_SHARE = 0.4

# No text needs fewer tokens than this per position in practice; above it, tokenizing the rest would be wasted.
CHARACTERS_PER_POSITION = 32


def new_token_limit(max_new_tokens: int, prompt_tokens: int, positions: int) -> int:
    """How many tokens can be decoded at most, of `max_new_tokens`.

    A continuation may take what a short prompt leaves, and half of the positions from a long one: no wish for length
    makes the model forget what it is to continue.
    """
    return min(max_new_tokens, max(positions - prompt_tokens, positions // 2))


def window_start(length: int, budget: int) -> int:
    """The first of `length` units to keep, so that at most `budget` (1 or more) remain; 0 where all fit.

    It depends on nothing but its arguments, grows in blocks, and is never below what is needed.
    """
    excess = length - budget
    if excess <= 0:
        return 0
    block = max(1, int(budget * _BLOCK_SHARE))
    return -(-excess // block) * block


def text_start(text: str, positions: int) -> int:
    """The first character worth tokenizing, at a line's beginning where one is near; 0 for all but huge prompts."""
    start = window_start(len(text), positions * CHARACTERS_PER_POSITION)
    if start == 0 or text[start - 1] == "\n":
        return start
    line_end = text.find("\n", start, start + positions)
    return start if line_end < 0 else line_end + 1
