"""How generations move on: a chunk of a prompt, a step of all rows, and what they leave behind when they end.

Who comes first, what is reused and what is guessed is decided here; the runner computes.

V vocabulary.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial
from typing import Generic

from torch import Tensor

from neocaret_model.engine.choosing import Turn, chooser_of, on_host
from neocaret_model.engine.generation import Generation
from neocaret_model.engine.open_document import OpenDocuments
from neocaret_model.engine.prefix_cache import PrefixCache
from neocaret_model.engine.row import Row
from neocaret_model.engine.runner import GivenUpError, KeptT, Runner
from neocaret_model.engine.sampling import RowSampler, Sampled, sample

CHUNK = 32
"""Tokens of one prefill step: how long others wait for it at most, and the grid on which prefixes are reused."""

DRAFT = 12
"""Tokens that a row is fed beyond its last one at most, where the document tells what may come: look-up decoding."""

CACHE_BYTES = 512 * 1024**2
"""What kept prompts may take together; the last one is kept whatever it takes."""

MOST_PROMPTS = 4
"""How many prompts are kept: some open documents, and the places between which a user jumps. More would save
hardly a token, and a small model's take long to fill the bytes."""


class Stepper(Generic[KeptT]):
    """Moves generations on over one runner, with what is kept of earlier prompts and documents."""

    def __init__(
        self,
        runner: Runner[KeptT],
        documents: OpenDocuments,
        vocabulary: int,
        eos_ids: Collection[int],
        told: Callable[[Exception], Exception],
    ) -> None:
        """`told` turns whatever fails into what the user is told."""
        self.prefixes: PrefixCache[KeptT] = PrefixCache(CACHE_BYTES, CHUNK, lambda kept: kept.bytes, MOST_PROMPTS)
        self._runner = runner
        self._chooser = chooser_of(runner)
        self._documents = documents
        self._vocabulary = vocabulary
        self._eos_ids = eos_ids
        self._told = told

    def advance(self, generations: Sequence[Generation[KeptT, RowSampler]]) -> None:
        """Move on those that are not done, by a chunk of one prompt and a step of all rows."""
        for generation in generations:
            if generation.cancel.cancelled:
                self.end(generation)
        feeding = [generation for generation in generations if not generation.done and generation.feeding]
        if feeding:
            # Who has had the fewest chunks comes first: a short prompt never waits for a long one's end.
            first = min(feeding, key=lambda generation: generation.chunks)
            self._guarded([first], partial(self._feed, first))
        decoding = [generation for generation in generations if not generation.done and not generation.feeding]
        if decoding:
            self._guarded(decoding, partial(self._step, decoding))

    def end(self, generation: Generation[KeptT, RowSampler], error: Exception | None = None) -> None:
        """Give back what a generation holds; what was fed of its prompt stays for the next request."""
        if generation.done:
            return
        generation.done, generation.error = True, error
        if generation.kept is not None and generation.feeding and error is None:
            self.prefixes.store(generation.plan.tokens[: generation.fed], generation.kept)
        elif generation.kept is not None:
            self.prefixes.give_back(generation.kept)
        if generation.document is not None:
            self._documents.give_back(generation.document)
        if generation.running is not None:
            self._chooser.give_back(generation.running)
        generation.kept = generation.running = generation.document = None

    def _guarded(self, generations: Sequence[Generation[KeptT, RowSampler]], work: Callable[[], None]) -> None:
        """Do some work; what fails ends those it was for, and nobody else."""
        try:
            work()
        except Exception as error:  # noqa: BLE001 - it belongs to those who wait for the result
            for generation in generations:
                self.end(generation, self._told(error))

    def _feed(self, generation: Generation[KeptT, RowSampler]) -> None:
        """Feed a chunk of a prompt; after the last one, each row takes its first token."""
        began = time.perf_counter()
        tokens = generation.plan.tokens
        if generation.kept is None:
            generation.kept, generation.reused = self._kept(tokens)
            generation.fed = generation.reused
        chunk = tokens[generation.fed : generation.fed + CHUNK]
        try:
            logits = self._runner.prefill(chunk, generation.kept, lambda: generation.cancel.cancelled)
        except GivenUpError:
            return
        generation.fed = min(generation.fed + CHUNK, len(tokens))
        generation.chunks += 1
        if generation.feeding:
            generation.prefill_seconds += time.perf_counter() - began
            return
        after = on_host(logits[0])  # a device computes until then
        generation.prefill_seconds += time.perf_counter() - began
        self.prefixes.store(tokens, generation.kept, lent=True)
        self._branch(generation, after)

    def _kept(self, tokens: list[int]) -> tuple[KeptT, int]:
        """What is kept of the prompt's beginning, and of how many of its tokens."""
        hit = self.prefixes.take(tokens)
        if hit is None:
            return self._runner.empty(), 0
        reuse = self._runner.cut if hit.given_up else self._runner.fork
        return reuse(hit.kept, hit.shared_tokens), hit.shared_tokens

    def _branch(self, generation: Generation[KeptT, RowSampler], logits: Tensor) -> None:
        for row in generation.rows:
            self._take(row, sample(logits, row.sampler, self._vocabulary))
        generation.going = [row for row in generation.rows if row.finish_reason is None]
        generation.tell()
        if generation.going and generation.kept is not None:
            generation.running = self._runner.rows(generation.kept, len(generation.going))
        else:
            self.end(generation)

    def _step(self, generations: Sequence[Generation[KeptT, RowSampler]]) -> None:
        """Let each row go on by a token, and by as many more as were guessed right."""
        began = time.perf_counter()
        turns = [
            Turn(generation.running, _fed(generation), [row.sampler for row in generation.going])
            for generation in generations
            if generation.running is not None
        ]
        all_taken = self._chooser.choose(turns, self._vocabulary)
        for generation, turn, taken in zip(generations, turns, all_taken, strict=True):
            self._guarded([generation], partial(self._follow_all, generation, turn, taken))
            generation.steps += 1
            generation.decode_seconds += time.perf_counter() - began
            generation.tell()

    def _follow_all(
        self, generation: Generation[KeptT, RowSampler], turn: Turn, taken: Sequence[Iterator[Sampled]]
    ) -> None:
        rows = generation.going
        right = [self._follow(row, fed, own) for row, fed, own in zip(rows, turn.fed, taken, strict=True)]
        going = [place for place, row in enumerate(rows) if row.finish_reason is None]
        generation.going = [rows[place] for place in going]
        if not going:
            self.end(generation)
            return
        turn.rows.accept(right)
        if len(going) < len(rows):
            turn.rows.keep(going)

    def _follow(self, row: Row[RowSampler], fed: Sequence[int], taken: Iterator[Sampled]) -> int:
        """Let a row take tokens as long as they are those that it was fed; returns how many of these were right.

        The row takes what it would take token by token: a guess is only compared with it.
        """
        for place, one in enumerate(taken, 1):
            self._take(row, one)
            if row.finish_reason is not None or place == len(fed) or fed[place] != one.token:
                return place
        return len(fed)

    def _take(self, row: Row[RowSampler], taken: Sampled) -> None:
        row.take(taken.token, taken.logprob, taken.mixed_logprob, ends_text=taken.token in self._eos_ids)


def _fed(generation: Generation[KeptT, RowSampler]) -> list[list[int]]:
    """What each row is fed next: its last token, and what the document lets expect."""
    drafts = generation.running is not None and generation.running.takes_drafts
    return [
        [row.tokens[-1], *(row.sampler.draft(min(DRAFT, row.left - 1)) if drafts else ())] for row in generation.going
    ]
