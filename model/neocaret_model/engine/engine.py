"""The engine: prompts in, continuations out, over whatever runner computes.

One prefill at batch 1 in chunks, after the longest prefix kept from earlier prompts; the rows then share it, are
decoded together, and leave when they are done.

B rows, T tokens, V vocabulary.
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
from neocaret_model.engine.sampling import RowSampler, Sampled, sample
from neocaret_model.engine.score_windows import ScoreWindow, score_windows
from neocaret_model.errors import BrokenWeightsError, RequestError
from neocaret_model.path_comment import path_comment
from neocaret_model.tokenizer import END_OF_TEXT, TextTokenizer

CHUNK = 64
"""Tokens of one prefill step: how soon a cancelled prefill ends, and the grid on which prefixes are reused."""

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
            self._decode(rows, prefilled, plan, cancel, progress)
            ended = time.perf_counter()
        return GenerationResult(
            continuations=tuple(row.continuation() for row in rows),
            prompt_tokens=plan.prompt_tokens,
            used_tokens=len(plan.tokens) + plan.rewritten_tokens,
            reused_tokens=prefilled.reused,
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
        return Row(sampler, request.stop, self._tokenizer.decode, plan.rewritten)

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
        plan: Plan,
        cancel: CancelToken,
        progress: TokenProgress | None,
    ) -> None:
        if prefilled.logits is None:
            return
        active = rows
        running: Rows | None = None
        logits = prefilled.logits.expand(len(rows), -1)  # B x V
        for step in range(plan.new_tokens):
            if cancel.cancelled:
                return
            self._take(active, sample(logits, [row.sampler for row in active], self._vocabulary))
            if progress is not None:
                progress(step + 1, plan.new_tokens)
            going = [place for place, row in enumerate(active) if row.finish_reason is None]
            if not going or step + 1 == plan.new_tokens:
                break
            if running is None:
                running = self._runner.rows(prefilled.kept, len(going), plan.new_tokens - 1)
            elif len(going) < len(active):
                running.keep(going)
            active = [active[place] for place in going]
            logits = running.step([row.tokens[-1] for row in active])
        for row in active:
            row.run_out()

    def _take(self, rows: list[Row[RowSampler]], taken: Sampled) -> None:
        for row, token, logprob in zip(rows, taken.tokens, taken.logprobs, strict=True):
            row.take(token, logprob, ends_text=token in self._eos_ids)
