"""A baseline without a model: an n-gram of the file's own earlier lines, with stupid back-off (Brants et al., 2007).

A word that the caret stands in or after is healed: the first token must begin with it.
"""

from __future__ import annotations

import re
from collections import defaultdict
from functools import lru_cache

ORDER = 5
BACK_OFF = 0.4
MOST_TOKENS = 48

_TOKEN = re.compile(r"\n|[^\S\n]+|\w+|[^\w\s]")
_WORD_AT_END = re.compile(r"\w+\Z")

Context = tuple[str, ...]


class Ngram:
    """How often which token followed up to `ORDER` - 1 others, in a text."""

    def __init__(self, tokens: list[str]) -> None:
        self._followers: dict[Context, dict[str, int]] = defaultdict(dict)
        # From the end, so that of tokens seen equally often, the one seen last comes first.
        for place in range(len(tokens) - 1, -1, -1):
            token = tokens[place]
            for length in range(min(ORDER, place + 1)):
                counts = self._followers[tuple(tokens[place - length : place])]
                counts[token] = counts.get(token, 0) + 1

    def ranked(self, context: Context, beginning: str = "") -> list[str]:
        """List the tokens that start with `beginning` by their score after `context`, the best first.

        Without a beginning, only tokens that followed at least the context's last token are listed.
        """
        scores: dict[str, float] = {}
        weight = 1.0
        for length in range(min(ORDER - 1, len(context)), -1 if beginning else 0, -1):
            counts = self._followers.get(context[len(context) - length :], {})
            total = sum(counts.values())
            for token, count in counts.items():
                if token.startswith(beginning):
                    scores.setdefault(token, weight * count / total)
            weight *= BACK_OFF
        return sorted(scores, key=scores.__getitem__, reverse=True)


def ngram_lines(before: str, count: int) -> list[str]:
    """Continue the caret's line in at most `count` ways, the best first, each text once and none blank.

    The ways differ in their first token; from there, each goes on with the best token up to the line's end.
    """
    line = before.rfind("\n") + 1
    ngram, tail = _of_earlier_lines(before[:line])
    typed = _WORD_AT_END.search(before[line:])
    beginning = typed.group() if typed else ""
    context = (*tail, *_TOKEN.findall(before[line : len(before) - len(beginning)]))
    found: dict[str, None] = {}
    for token in ngram.ranked(context, beginning):
        text = (token + _continued(ngram, (*context, token)))[len(beginning) :].partition("\n")[0].rstrip()
        if text:
            found[text] = None
        if len(found) == count:
            break
    return list(found)


@lru_cache(maxsize=1)
def _of_earlier_lines(text: str) -> tuple[Ngram, Context]:
    # Kept while a line is typed: the lines above it stay the same.
    tokens = _TOKEN.findall(text)
    return Ngram(tokens), tuple(tokens[1 - ORDER :])


def _continued(ngram: Ngram, context: Context) -> str:
    tokens: list[str] = []
    while context[-1] != "\n" and len(tokens) < MOST_TOKENS and (best := ngram.ranked(context[1 - ORDER :])):
        tokens.append(best[0])
        context = (*context, best[0])
    return "".join(tokens)
