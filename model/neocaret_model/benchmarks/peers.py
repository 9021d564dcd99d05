"""The engine's peers over transformers: the tutorial's pipeline, and `generate` with a cache that is kept.

Both load the folder that our engine has loaded, and write as many tokens as it does: an end of text is held back.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoTokenizer,
    DynamicCache,
    GenerationConfig,
    StoppingCriteria,
    StoppingCriteriaList,
    TextGenerationPipeline,
    pipeline,
)
from transformers.utils import logging as transformers_logging

from neocaret_model.assembly import assemble
from neocaret_model.benchmarks.contestant import Answer, AskedRows
from neocaret_model.benchmarks.plan import EVERYONE, Peer
from neocaret_model.config import read_config
from neocaret_model.engine import dynamic_cache
from neocaret_model.engine.port import CancelToken
from neocaret_model.engine.prefix_cache import shared_prefix

_TUTORIAL_TEMPERATURE = 0.9


class FirstToken(StoppingCriteria):
    """Stops what is cancelled; remembers when the first token was chosen."""

    def __init__(self, cancel: CancelToken | None = None, chosen: Callable[[], None] | None = None) -> None:
        """`chosen` is called after the first token."""
        self._cancel = cancel or CancelToken()
        self._chosen = chosen
        self.seconds: float | None = None
        """By `time.perf_counter`."""

    def __call__(self, input_ids: torch.Tensor, scores: Any, **_: Any) -> torch.Tensor:
        """Be called by `generate` after each token."""
        del scores
        if self.seconds is None:
            self.seconds = time.perf_counter()
            if self._chosen is not None:
                self._chosen()
        return torch.full((input_ids.shape[0],), self._cancel.cancelled, device=input_ids.device)


class Pipeline:
    """The tutorial's call: `pipeline("text-generation")` with samples; nothing of a request serves the next."""

    name = "pipeline"
    keeps = False

    def __init__(self, generator: TextGenerationPipeline, dtype: str, threads: Sequence[int]) -> None:
        """Take a pipeline that computes in `dtype`."""
        self._generator = generator
        self.dtype = dtype
        self.threads = tuple(threads)

    def answer(self, prompt: str, rows: int, new_tokens: int) -> Answer:
        """As `Contestant.answer`."""
        first = FirstToken()
        began = time.perf_counter()
        self._generator(
            prompt,
            do_sample=True,
            temperature=_TUTORIAL_TEMPERATURE,
            num_return_sequences=rows,
            max_new_tokens=new_tokens,
            min_new_tokens=new_tokens,
            stopping_criteria=StoppingCriteriaList([first]),
        )
        return _answer(began, first, 0, new_tokens)

    def forget(self) -> None:
        """Keep what there is: nothing."""


class ReusedCache:
    """`generate` after what the prompt shares with the one before, read once for all rows."""

    name = "reused cache"
    keeps = True

    def __init__(self, network: Any, tokenizer: Any, rows: AskedRows, dtype: str, threads: Sequence[int]) -> None:
        """Take a `GPTNeoForCausalLM` that computes in `dtype`, and its tokenizer, as transformers loads them."""
        self._network = network
        self._tokenizer = tokenizer
        self._rows = rows
        self._cache = DynamicCache()
        self._tokens: list[int] = []
        """Which the cache covers."""
        self.dtype = dtype
        self.threads = tuple(threads)

    def answer(self, prompt: str, rows: int, new_tokens: int) -> Answer:
        """As `Contestant.answer`."""
        self.generate(prompt, rows, new_tokens)
        return self._answered

    def run(self, prompt: str, rows: int, new_tokens: int, cancel: CancelToken, decoding: Callable[[], None]) -> None:
        """As `Stoppable.run`: `generate` asks whether to stop after each token, and not before the first."""
        self.generate(prompt, rows, new_tokens, FirstToken(cancel, decoding))

    def generate(self, prompt: str, rows: int, new_tokens: int, first: FirstToken | None = None) -> list[str]:
        """Return the texts of all rows; `first` may stop them."""
        first = first or FirstToken()
        began = time.perf_counter()
        tokens: list[int] = self._tokenizer(prompt)["input_ids"]
        with torch.inference_mode():
            reused = self._read(tokens)
            written = self._network.generate(
                torch.tensor([tokens] * rows, device=self._network.device),
                past_key_values=dynamic_cache.expand(self._cache, rows),
                generation_config=self._asked(rows, new_tokens),
                stopping_criteria=StoppingCriteriaList([first]),
            )
        texts: list[str] = self._tokenizer.batch_decode(written[:, len(tokens) :], skip_special_tokens=True)
        self._answered = _answer(began, first, reused, new_tokens)
        return texts

    def forget(self) -> None:
        """As `Contestant.forget`."""
        self._cache = DynamicCache()
        self._tokens = []

    def _read(self, tokens: list[int]) -> int:
        """Make the cache cover all of `tokens` but the last, which `generate` feeds; returns how many it had."""
        kept = min(shared_prefix(self._tokens, tokens), len(tokens) - 1)
        self._cache = dynamic_cache.fork(self._cache, kept)
        if missing := tokens[kept:-1]:
            ids = torch.tensor([missing], device=self._network.device)
            self._network(input_ids=ids, past_key_values=self._cache, use_cache=True, logits_to_keep=1)
        self._tokens = tokens[:-1]
        return kept

    def _asked(self, rows: int, new_tokens: int) -> GenerationConfig:
        """As our engine is asked, but for a single temperature: `generate` has one for all rows."""
        sampling = self._rows(rows)[-1]
        how: dict[str, Any] = {"do_sample": False}
        if sampling.temperature > 0:
            how = {"do_sample": True, "temperature": sampling.temperature, "top_p": sampling.top_p, "top_k": 0}
        # transformers leaves the class without annotations.
        return GenerationConfig(  # type: ignore[no-untyped-call]
            max_new_tokens=new_tokens,
            min_new_tokens=new_tokens,
            eos_token_id=self._network.config.eos_token_id,
            pad_token_id=0,
            **how,
        )


@contextmanager
def loaded_peers(
    folder: Path,
    device: str,
    dtypes: Sequence[str],
    rows: AskedRows,
    threads: Sequence[int],
    *,
    who: Sequence[Peer] = EVERYONE,
) -> Iterator[list[Pipeline | ReusedCache]]:
    """Yield the peers: the pipeline in the first of `dtypes`, the reused cache in each; transformers is quiet so long.

    `threads` are the numbers of threads that may serve them best; `who` may leave one of the two out.
    """
    with _quiet():
        yield _load(folder, device, dtypes, rows, threads, who=who)


def _load(
    folder: Path, device: str, dtypes: Sequence[str], rows: AskedRows, threads: Sequence[int], *, who: Sequence[Peer]
) -> list[Pipeline | ReusedCache]:
    peers: list[Pipeline | ReusedCache] = []
    config = read_config(folder)
    tokenizer: Any = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    for dtype in dtypes:
        network = assemble(
            folder,
            config,
            device=torch.device(device),
            dtype=getattr(torch, dtype),
            progress=lambda *_: None,
            cancelled=lambda: False,
        )
        if "pipeline" in who and dtype == dtypes[0]:
            generator: Any = pipeline("text-generation", model=network, tokenizer=tokenizer, device=device)
            peers.append(Pipeline(generator, dtype, threads))
        if "cache" in who:
            peers.append(ReusedCache(network, tokenizer, rows, dtype, threads))
    return peers


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep transformers' advice and its progress bars from the terminal."""
    theirs: Any = transformers_logging  # half of it is without annotations
    verbosity, bar = theirs.get_verbosity(), theirs.is_progress_bar_enabled()
    theirs.set_verbosity(logging.ERROR)
    theirs.disable_progress_bar()
    try:
        yield
    finally:
        theirs.set_verbosity(verbosity)
        if bar:
            theirs.enable_progress_bar()


def _answer(began: float, first: FirstToken, reused: int, new_tokens: int) -> Answer:
    ended = time.perf_counter()
    assert first.seconds is not None  # noqa: S101, `generate` writes at least one token
    return Answer(
        ms=(ended - began) * 1000,
        prefill_ms=(first.seconds - began) * 1000,
        decode_ms=(ended - first.seconds) * 1000,
        steps=new_tokens - 1,
        reused_tokens=reused,
        new_tokens=new_tokens,
    )
