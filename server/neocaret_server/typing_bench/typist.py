"""Types a script in an editor, and accepts what is right.

Just before a key the suggestion is looked at that has been on the screen for 0.1 s. Where it is what comes next, all of
it or its first words, and saves at least two keys, the typist stops, reads it for half a second, and accepts it, by a
key for all of it or for each word; three times in four, that is, as the script has it. A popup is only accepted whole,
at a key more for each item above the one that is right. What is wrong is typed over, and nothing is accepted to be
mended.
"""

from __future__ import annotations

import asyncio
import random
import re
import time
from collections.abc import Callable, Container
from dataclasses import dataclass

from neocaret_server.typing_bench.editors import Editor
from neocaret_server.typing_bench.rhythm import pause
from neocaret_server.typing_bench.script import Script, Visit

_WORD = re.compile(r"\s*(?:\w+|[^\w\s]+)")
_LEAST_SAVED = 2
_NOTICED_SECONDS = 0.1
"""What has been on the screen for less than that is not seen."""


@dataclass(slots=True)
class Typed:
    """What was done."""

    keys: int = 0
    """Acceptances included."""
    keys_alone: int = 0
    """What it would have taken without suggestions."""
    characters: int = 0
    accepted: int = 0
    """Characters that were not typed."""
    acceptances: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Choice:
    """A suggestion that is worth accepting."""

    pieces: tuple[str, ...]
    """What each key of it inserts."""
    keys: int


async def play(script: Script, editor: Editor, seed: int, progress: Callable[[float], None]) -> Typed:
    """Type all of a script; `progress` is told the seconds of it that are done."""
    typed = Typed()
    source = random.Random(seed)  # noqa: S311 - typing is no secret
    for visit in script.visits:
        file = script.files[visit.file]
        editor.visit(visit.file, visit.place, file.path, file.text, file.places)
        await _type(visit, editor, source, typed)
        if visit.closes:
            editor.leave(visit.file)
        typed.seconds += visit.seconds
        progress(typed.seconds)
    return typed


async def _type(visit: Visit, editor: Editor, source: random.Random, typed: Typed) -> None:
    keys, text = visit.keys, visit.text
    next_key = _next_keys(visit)
    at, done = 0, 0
    while at < len(keys):
        key = keys[at]
        await asyncio.sleep(key.pause)
        if key.willing and done in next_key and (choice := choose(editor, text[done:], done, next_key)):
            taken = await _accept(choice, editor, source, typed)
            if taken:
                done += taken
                at = next_key[done]
                continue
        editor.press(key.text, key.erases)
        typed.keys += 1
        at += 1
        done = -1 if key.done is None else key.done
    typed.keys_alone += len(keys)
    typed.characters += len(text)


def choose(editor: Editor, rest: str, done: int, stops: Container[int]) -> Choice | None:
    """Return what of the shown suggestions is right and worth its keys; `rest` is what is yet to be typed.

    `stops` are the places in the text where the editor's own indentation does not stand in between.
    """
    if time.perf_counter() - editor.shown_at < _NOTICED_SECONDS:
        return None
    for number, suggestion in enumerate(editor.shown[: 1 if editor.takes_words else None]):
        if rest.startswith(suggestion) and done + len(suggestion) in stops and len(suggestion) > number + _LEAST_SAVED:
            return Choice((suggestion,), number + 1)
    return _by_words(editor.shown[0], rest, done, stops) if editor.takes_words and editor.shown else None


def _by_words(suggestion: str, rest: str, done: int, stops: Container[int]) -> Choice | None:
    ends = {word.end() for word in _WORD.finditer(rest)}
    words = []
    for word in _WORD.finditer(suggestion):
        end = word.end()
        if end not in ends or suggestion[:end] != rest[:end] or done + end not in stops:
            break
        words.append(word.group())
    saved = sum(map(len, words)) - len(words)
    return Choice(tuple(words), len(words)) if saved >= _LEAST_SAVED else None


async def _accept(choice: Choice, editor: Editor, source: random.Random, typed: Typed) -> int:
    """Press the keys that accept, as long as the suggestion stands; returns how many characters came to be."""
    taken = 0
    for number, piece in enumerate(choice.pieces):
        await asyncio.sleep(pause("in word" if number else "accept", source))
        if not any(each.startswith(piece) for each in editor.shown):
            break
        editor.accept(piece)
        typed.keys += 1 if number else 1 + choice.keys - len(choice.pieces)
        taken += len(piece)
    typed.accepted += taken
    typed.acceptances += taken > 0
    return taken


def _next_keys(visit: Visit) -> dict[int, int]:
    """By the characters that stand there: the key that comes next, its mistakes included."""
    following = {0: 0}
    for number, key in enumerate(visit.keys, 1):
        if key.done is not None:
            following.setdefault(key.done, number)
    return following
