"""The engine: prompts in, continuations out, over whatever runner computes.

One prefill at batch 1 in chunks, after the longest prefix kept from earlier prompts; the rows then share it, are
decoded together, and leave when they are done. What came next where the document says the same is fed along as a guess
(prompt look-up, A. Saxena 2023; verified as in speculative decoding, arXiv 2211.17192): right guesses save steps, and
wrong ones change nothing.

M tokens fed in a step, T tokens, V vocabulary.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from neocaret_model.engine.healing import Healed, TokenTexts
from neocaret_model.engine.open_document import OpenDocument
from neocaret_model.engine.plan import Plan, plan_request
from neocaret_model.engine.port import (
    CancelToken,
    GenerationRequest,
    GenerationResult,
    ModelInfo,
    Sampling,
    TokenProgress,
)
from neocaret_model.engine.prefix_cache import PrefixCache
from neocaret_model.engine.rewriting import Rewriting
from neocaret_model.engine.row import Row
from neocaret_model.engine.runner import KeptT, Rows, Runner
from neocaret_model.engine.sampling import RowSampler, sample
from neocaret_model.engine.score_windows import ScoreWindow, score_windows
from neocaret_model.errors import BrokenWeightsError, RequestError
from neocaret_model.path_comment import path_comment
from neocaret_model.tokenizer import END_OF_TEXT, TextTokenizer

CHUNK = 32
"""Tokens of one prefill step: how soon a cancelled prefill ends, and the grid on which prefixes are reused."""

DRAFT = 4
"""Tokens that a row is fed beyond its last one, where the document tells what may come: look-up decoding."""

CACHE_BYTES = 512 * 1024**2
"""What kept prompts may take together; the last one is kept whatever it takes."""


@dataclass(frozen=True, slots=True)
class _Prefilled(Generic[KeptT]):
    kept: KeptT
    reused: int
    logits: Tensor | None
    """1 x V, after the prompt's last token; None where it was cancelled."""


class LocalEngine(Generic[KeptT]):
    """Implements the `Engine` port over a runner."""

    def __init__(
        self, runner: Runner[KeptT], tokenizer: TextTokenizer, eos_ids: Sequence[int], vocabulary: int, info: ModelInfo
    ) -> None:
        """`vocabulary` is the network's own; the tokenizer may know fewer tokens."""
        self._runner = runner
        self._tokenizer = tokenizer
        self._eos_ids = frozenset(eos_ids)
        self._vocabulary = min(tokenizer.vocabulary, vocabulary)
        self._info = info
        token_bytes = tokenizer.token_bytes()
        self._texts = None if token_bytes is None else TokenTexts(token_bytes[: self._vocabulary])
        self._prefixes: PrefixCache[KeptT] = PrefixCache(CACHE_BYTES, CHUNK, lambda kept: kept.bytes)
        self._document = OpenDocument(tokenizer.encode)

    @property
    def info(self) -> ModelInfo:
        """What is loaded."""
        return self._info

    def clear_cache(self) -> None:
        """Forget what was kept of prompts for the next request."""
        self._prefixes.clear()
        self._document.forget()

    def generate(
        self, request: GenerationRequest, cancel: CancelToken | None = None, progress: TokenProgress | None = None
    ) -> GenerationResult:
        """Continue the prompt once per row; see the port."""
        header = path_comment(request.path) if self._info.path_comment else ""
        plan = plan_request(request, self._tokenizer.encode, self._info.positions, self._heal, header)
        cancel = cancel or CancelToken()
        if any(sampling.document_weight > 0.0 for sampling in request.rows):
            self._document.read(request.elsewhere, plan.document)
        rows = [self._row(request, sampling, plan) for sampling in request.rows]
        with self._failures_told(), torch.inference_mode():
            began = time.perf_counter()
            prefilled = self._prefill(plan.tokens, cancel)
            between = time.perf_counter()
            steps = self._decode(rows, prefilled, cancel, progress)
            ended = time.perf_counter()
        return GenerationResult(
            continuations=tuple(row.continuation() for row in rows),
            prompt_tokens=plan.prompt_tokens,
            used_tokens=len(plan.tokens) + plan.rewritten_tokens,
            reused_tokens=prefilled.reused,
            steps=steps,
            prefill_ms=(between - began) * 1000,
            decode_ms=(ended - between) * 1000,
        )

    def score(self, text: str) -> tuple[float, ...]:
        """The natural logarithm of the model's probability of each token of `text`; see the port."""
        tokens = self._begun(self._tokenizer.encode(text))
        logprobs: list[float] = []
        with self._failures_told(), torch.inference_mode():
            for window in score_windows(len(tokens), self._info.positions):
                logprobs += self._window_logprobs(tokens, window)
        return tuple(logprobs)

    def _begun(self, tokens: list[int]) -> list[int]:
        end = self._tokenizer.token_id(END_OF_TEXT)
        return tokens if end is None or tokens[:1] == [end] else [end, *tokens]

    def _window_logprobs(self, tokens: list[int], window: ScoreWindow) -> list[float]:
        targets = tokens[window.first : window.stop]
        logits = self._runner.score(tokens[window.start : window.stop - 1], len(targets))  # S x V
        losses = cross_entropy(logits.float(), torch.tensor(targets, device=logits.device), reduction="none")  # S
        if not bool(losses.isfinite().all()):
            raise FloatingPointError("The logits are not finite.")
        logprobs: list[float] = (-losses).tolist()
        return logprobs

    @contextmanager
    def _failures_told(self) -> Iterator[None]:
        try:
            yield
        except torch.OutOfMemoryError as error:
            self.clear_cache()
            raise RequestError(
                f"The memory of {self._info.device} does not suffice: ask for fewer candidates, or use a smaller model."
            ) from error
        except FloatingPointError as error:
            raise BrokenWeightsError(
                f"{self._info.name} in {self._info.dtype} gave numbers that are not finite: use dtype float32, or "
                "fetch the checkpoint again."
            ) from error

    def _heal(self, tokens: list[int]) -> Healed:
        return Healed(tokens, "") if self._texts is None else self._texts.heal(tokens)

    def _row(self, request: GenerationRequest, sampling: Sampling, plan: Plan) -> Row[RowSampler]:
        rewriting = Rewriting(self._texts, plan.rewritten) if self._texts is not None and plan.rewritten else None
        sampler = RowSampler(sampling, plan.tokens, self._vocabulary, rewriting, self._document.ngrams)
        return Row(sampler, request.stop, self._tokenizer.decode, plan.new_tokens, plan.rewritten)

    def _prefill(self, tokens: list[int], cancel: CancelToken) -> _Prefilled[KeptT]:
        kept, reused = self._begin(tokens)
        logits = None
        for start in range(reused, len(tokens), CHUNK):
            if cancel.cancelled:
                self._prefixes.store(tokens[:start], kept)
                return _Prefilled(kept, reused, None)
            logits = self._runner.prefill(tokens[start : start + CHUNK], kept)
        self._prefixes.store(tokens, kept)
        return _Prefilled(kept, reused, logits)

    def _begin(self, tokens: list[int]) -> tuple[KeptT, int]:
        hit = self._prefixes.take(tokens)
        if hit is None:
            return self._runner.empty(), 0
        reuse = self._runner.cut if hit.given_up else self._runner.fork
        return reuse(hit.kept, hit.shared_tokens), hit.shared_tokens

    def _decode(
        self,
        rows: list[Row[RowSampler]],
        prefilled: _Prefilled[KeptT],
        cancel: CancelToken,
        progress: TokenProgress | None,
    ) -> int:
        """Let all rows grow to their ends; returns in how many steps."""
        if prefilled.logits is None or cancel.cancelled:
            return 0
        for row in rows:
            self._take(row, prefilled.logits[0])
        going = [row for row in rows if row.finish_reason is None]
        running = self._runner.rows(prefilled.kept, len(going)) if going else None
        steps = 0
        _tell(progress, rows)
        while running is not None and going and not cancel.cancelled:
            going = self._step(running, going)
            steps += 1
            _tell(progress, rows)
        return steps

    def _step(self, running: Rows, rows: list[Row[RowSampler]]) -> list[Row[RowSampler]]:
        """Let each row go on by a token, and by as many more as were guessed right; returns those that go on."""
        fed = [[row.tokens[-1], *(self._draft(row) if running.takes_drafts else ())] for row in rows]
        logits = running.step(fed)  # M x V
        right = []
        begin = 0
        for row, tokens in zip(rows, fed, strict=True):
            right.append(self._follow(row, tokens, logits[begin : begin + len(tokens)]))
            begin += len(tokens)
        running.accept(right)
        going = [place for place, row in enumerate(rows) if row.finish_reason is None]
        if 0 < len(going) < len(rows):
            running.keep(going)
        return [rows[place] for place in going]

    def _follow(self, row: Row[RowSampler], fed: list[int], logits: Tensor) -> int:
        """Let a row take tokens as long as they are those that it was fed; returns how many of these were right.

        The row takes what it would take token by token: a guess is only compared with it.
        """
        for place, after in enumerate(logits, 1):
            self._take(row, after)
            if row.finish_reason is not None or place == len(fed) or fed[place] != row.tokens[-1]:
                return place
        return len(fed)

    def _draft(self, row: Row[RowSampler]) -> list[int]:
        return row.sampler.draft(min(DRAFT, row.left - 1))

    def _take(self, row: Row[RowSampler], logits: Tensor) -> None:
        taken = sample(logits, row.sampler, self._vocabulary)
        row.take(taken.token, taken.logprob, ends_text=taken.token in self._eos_ids)


def _tell(progress: TokenProgress | None, rows: Sequence[Row[RowSampler]]) -> None:
    if progress is not None:
        progress(max(len(row.tokens) for row in rows), rows[0].most)
