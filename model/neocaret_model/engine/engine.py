"""The engine: prompts in, continuations out, over whatever runner computes.

One prefill at batch 1 in chunks, after the longest prefix kept from earlier prompts; the rows then share it, are
decoded together, and leave when they are done. What came next where the document says the same is fed along as a guess
(prompt look-up, A. Saxena 2023; verified as in speculative decoding, arXiv 2211.17192): right guesses save steps, and
wrong ones change nothing.

S tokens scored, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Generic

import torch
from torch.nn.functional import cross_entropy

from neocaret_model.engine.generation import Generation
from neocaret_model.engine.healing import Healed, TokenTexts
from neocaret_model.engine.open_document import OpenDocument, OpenDocuments
from neocaret_model.engine.plan import Plan, plan_request
from neocaret_model.engine.port import (
    CancelToken,
    GenerationRequest,
    GenerationResult,
    ModelInfo,
    Sampling,
    TokenProgress,
    Work,
)
from neocaret_model.engine.rewriting import Rewriting
from neocaret_model.engine.row import Row
from neocaret_model.engine.runner import KeptT, Runner
from neocaret_model.engine.sampling import Choice, RowSampler
from neocaret_model.engine.score_windows import ScoreWindow, score_windows
from neocaret_model.engine.stepper import Stepper
from neocaret_model.engine.stopping import EndingTokens
from neocaret_model.errors import BrokenWeightsError, RequestError
from neocaret_model.path_comment import path_comment
from neocaret_model.tokenizer import END_OF_TEXT, TextTokenizer


class LocalEngine(Generic[KeptT]):
    """Implements the `Engine` port over a runner."""

    def __init__(
        self,
        runner: Runner[KeptT],
        tokenizer: TextTokenizer,
        eos_ids: Sequence[int],
        vocabulary: int,
        info: ModelInfo,
        *,
        choice: Choice | None = None,
    ) -> None:
        """`vocabulary` is the network's own; the tokenizer may know fewer tokens. `choice` is for `RowSampler`."""
        self._runner = runner
        self._tokenizer = tokenizer
        self._vocabulary = min(tokenizer.vocabulary, vocabulary)
        self._info = info
        self._choice = choice
        token_bytes = tokenizer.token_bytes
        self._texts = None if token_bytes is None else TokenTexts(token_bytes[: self._vocabulary])
        self._documents = OpenDocuments(tokenizer.encode)
        self._stepper = Stepper(runner, self._documents, self._vocabulary, frozenset(eos_ids), self._told)

    @property
    def info(self) -> ModelInfo:
        """What is loaded."""
        return self._info

    def clear_cache(self) -> None:
        """Forget what was kept of prompts for the next request."""
        self._stepper.prefixes.clear()
        self._documents.forget()

    def generate(
        self, request: GenerationRequest, cancel: CancelToken | None = None, progress: TokenProgress | None = None
    ) -> GenerationResult:
        """Continue the prompt once per row; see the port."""
        generation = self.begin(request, cancel, progress)
        try:
            while not generation.done:
                self.advance([generation])
        except BaseException:
            self._stepper.end(generation)
            raise
        return generation.result()

    def begin(
        self, request: GenerationRequest, cancel: CancelToken | None = None, progress: TokenProgress | None = None
    ) -> Generation[KeptT, RowSampler]:
        """Take a request; see the port."""
        header = path_comment(request.path) if self._info.path_comment else ""
        plan = plan_request(request, self._tokenizer.encode, self._info.positions, self._heal, header)
        counts = any(sampling.document_weight > 0.0 for sampling in request.rows)
        document = self._documents.lend(request.elsewhere, plan.document) if counts else None
        rows = [self._row(request, sampling, plan, document) for sampling in request.rows]
        return Generation(plan, rows, document, cancel or CancelToken(), progress)

    def advance(self, works: Sequence[Work]) -> None:
        """Move on what was begun by a step; see the port."""
        with torch.inference_mode():
            self._stepper.advance([work for work in works if isinstance(work, Generation) and not work.done])

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
        except (torch.OutOfMemoryError, FloatingPointError) as error:
            raise self._told(error) from error

    def _told(self, error: Exception) -> Exception:
        if isinstance(error, torch.OutOfMemoryError):
            self.clear_cache()
            told: Exception = RequestError(
                f"The memory of {self._info.device} does not suffice: ask for fewer candidates, or use a smaller model."
            )
        elif isinstance(error, FloatingPointError):
            told = BrokenWeightsError(
                f"{self._info.name} in {self._info.dtype} gave numbers that are not finite: use dtype float32, or "
                "fetch the checkpoint again."
            )
        else:
            return error
        told.__cause__ = error
        return told

    def _heal(self, tokens: list[int]) -> Healed:
        return Healed(tokens, "") if self._texts is None else self._texts.heal(tokens)

    def _row(
        self, request: GenerationRequest, sampling: Sampling, plan: Plan, document: OpenDocument | None
    ) -> Row[RowSampler]:
        rewriting = Rewriting(self._texts, plan.rewritten) if self._texts is not None and plan.rewritten else None
        ngrams = None if document is None else document.ngrams
        endings = EndingTokens(self._tokenizer.token_bytes or (), request.stop)
        sampler = RowSampler(
            sampling, plan.tokens, self._vocabulary, rewriting, ngrams, endings=endings, choice=self._choice
        )
        return Row(
            sampler,
            request.stop,
            self._tokenizer.stream(),
            plan.new_tokens,
            plan.rewritten,
            ends=request.ends,
            stop_repeating=request.stop_repeating,
        )
