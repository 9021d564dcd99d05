"""How alike two texts are, by the edits between them."""

from __future__ import annotations


def edit_similarity(text: str, other: str) -> float:
    """1 less the Levenshtein distance over the longer length, as in CrossCodeEval (arXiv 2310.11248): 1 is equal."""
    longer = max(len(text), len(other))
    return 1 - edit_distance(text, other) / longer if longer else 1.0


def edit_distance(text: str, other: str) -> int:
    """The fewest characters to insert, delete or replace that turn one text into the other."""
    row = list(range(len(other) + 1))
    for above, character in enumerate(text, start=1):
        diagonal, row[0] = row[0], above
        for place, wanted in enumerate(other, start=1):
            changed = diagonal + (character != wanted)
            diagonal, row[place] = row[place], min(changed, row[place] + 1, row[place - 1] + 1)
    return row[-1]
