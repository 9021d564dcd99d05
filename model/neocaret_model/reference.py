"""The engine over transformers' own GPT-Neo: not the fastest there can be, but the ground truth for those that are.

One prefill at batch 1 in chunks, over the longest prefix kept from earlier prompts; its keys and values are then
repeated for the rows, which are decoded together, each leaving the batch when it is done.

B rows, T tokens, S scored tokens, V vocabulary.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch.nn.functional import cross_entropy
from transformers import DynamicCache, GPTNeoForCausalLM

from neocaret_model.engine import kv_cache
from neocaret_model.engine.plan import Plan, plan_request
from neocaret_model.engine.port import CancelToken, GenerationRequest, GenerationResult, ModelInfo, TokenProgress
from neocaret_model.engine.prefix_cache import PrefixCache
from neocaret_model.engine.row import Row
from neocaret_model.engine.sampling import RowSampler, sample
from neocaret_model.engine.score_windows import ScoreWindow, score_windows
from neocaret_model.errors import BrokenWeightsError, RequestError
from neocaret_model.tokenizer import END_OF_TEXT, TextTokenizer

CHUNK = 64
"""Tokens of one prefill step: how soon a cancelled prefill ends, and the grid on which prefixes are reused."""

KEPT_PROMPTS = 4


@dataclass(frozen=True, slots=True)
class _Prefill:
    logits: torch.Tensor | None
    """1 x V, of the prompt's last token; None where it was cancelled."""
    cache: DynamicCache
    reused: int


class TransformersEngine:
    """Implements the `Engine` port over `GPTNeoForCausalLM`."""

    def __init__(
        self, network: GPTNeoForCausalLM, tokenizer: TextTokenizer, eos_ids: Sequence[int], info: ModelInfo
    ) -> None:
        self._network = network
        self._tokenizer = tokenizer
        self._eos_ids = frozenset(eos_ids)
        self._info = info
        self._vocabulary = min(tokenizer.vocabulary, network.config.vocab_size)
        self._prefixes: PrefixCache[DynamicCache] = PrefixCache(KEPT_PROMPTS, CHUNK)

    @property
    def info(self) -> ModelInfo:
        """What is loaded."""
        return self._info

    def clear_cache(self) -> None:
        """Forget the keys and values kept for the next request."""
        self._prefixes.clear()

    def generate(
        self, request: GenerationRequest, cancel: CancelToken | None = None, progress: TokenProgress | None = None
    ) -> GenerationResult:
        """Continue the prompt once per row; see the port."""
        plan = plan_request(request, self._tokenizer.encode, self._info.positions)
        cancel = cancel or CancelToken()
        rows = [
            Row(RowSampler(sampling, plan.tokens, self._vocabulary), request.stop, self._tokenizer.decode)
            for sampling in request.rows
        ]
        with self._failures_told(), torch.inference_mode():
            began = time.perf_counter()
            prefill = self._prefill(plan.tokens, cancel)
            prefilled = time.perf_counter()
            self._decode(rows, prefill, plan, cancel, progress)
            ended = time.perf_counter()
        return GenerationResult(
            continuations=tuple(row.continuation() for row in rows),
            prompt_tokens=plan.prompt_tokens,
            used_tokens=len(plan.tokens),
            reused_tokens=prefill.reused,
            prefill_ms=(prefilled - began) * 1000,
            decode_ms=(ended - prefilled) * 1000,
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
        ids = torch.tensor([tokens[window.start : window.stop - 1]], device=self._network.device)  # 1 x T
        targets = torch.tensor(tokens[window.first : window.stop], device=self._network.device)  # S, the last of T
        output = self._network(input_ids=ids, use_cache=False, logits_to_keep=len(targets))
        losses = cross_entropy(output.logits[0].float(), targets, reduction="none")  # S
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

    def _prefill(self, tokens: list[int], cancel: CancelToken) -> _Prefill:
        hit = self._prefixes.find(tokens)
        reused = hit.shared_tokens if hit else 0
        cache = kv_cache.fork(hit.kept, reused) if hit else DynamicCache()
        logits = None
        for start in range(reused, len(tokens), CHUNK):
            if cancel.cancelled:
                self._keep(tokens[:start], cache)
                return _Prefill(None, cache, reused)
            logits = self._feed([tokens[start : start + CHUNK]], cache)
        self._keep(tokens, cache)
        return _Prefill(logits, cache, reused)

    def _keep(self, tokens: list[int], cache: DynamicCache) -> None:
        if tokens:
            self._prefixes.store(tokens, cache)

    def _decode(
        self,
        rows: list[Row[RowSampler]],
        prefill: _Prefill,
        plan: Plan,
        cancel: CancelToken,
        progress: TokenProgress | None,
    ) -> None:
        if prefill.logits is None:
            return
        active = rows
        cache = kv_cache.expand(prefill.cache, len(rows))
        logits = prefill.logits.expand(len(rows), -1)  # B x V
        for step in range(plan.new_tokens):
            if cancel.cancelled:
                return
            taken = sample(logits, [row.sampler for row in active], self._vocabulary)
            for row, token, logprob in zip(active, taken.tokens, taken.logprobs, strict=True):
                row.take(token, logprob, ends_text=token in self._eos_ids)
            if progress is not None:
                progress(step + 1, plan.new_tokens)
            going = [place for place, row in enumerate(active) if row.finish_reason is None]
            if not going or step + 1 == plan.new_tokens:
                break
            if len(going) < len(active):
                kv_cache.keep_rows(cache, going)
                active = [active[place] for place in going]
            logits = self._feed([[row.tokens[-1]] for row in active], cache)
        for row in active:
            row.run_out()

    def _feed(self, tokens: list[list[int]], cache: DynamicCache) -> torch.Tensor:
        """Put `tokens` (B x T) after what `cache` covers, which grows by them; the logits (B x V) of the last ones."""
        ids = torch.tensor(tokens, device=self._network.device)
        output = self._network(input_ids=ids, past_key_values=cache, use_cache=True, logits_to_keep=1)
        logits: torch.Tensor = output.logits
        return logits[:, -1]
