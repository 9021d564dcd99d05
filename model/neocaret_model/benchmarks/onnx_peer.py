"""The engine's peer over onnxruntime, in float32 and int8, with its cache kept as `ReusedCache` keeps it."""

from __future__ import annotations

import importlib
import importlib.util
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

from neocaret_model.benchmarks.contestant import Answer, AskedRows
from neocaret_model.benchmarks.onnx_export import IDS, cache_names, export, quantise
from neocaret_model.config import read_config
from neocaret_model.engine.port import CancelToken, Sampling
from neocaret_model.engine.prefix_cache import shared_prefix
from neocaret_model.tokenizer import read_tokenizer

_NEEDED = ("onnxruntime", "onnx")
_CANDIDATES = 256
"""Among so many likeliest tokens a row chooses: nearly always all that top-p leaves."""


def is_installed() -> bool:
    """Tell whether there is all that this peer needs."""
    return all(importlib.util.find_spec(name) is not None for name in _NEEDED)


class OnnxRuntime:
    """A graph of `onnx_export`, and the keys and values of the last prompt."""

    name = "onnxruntime"
    keeps = True

    def __init__(self, graph: Path, folder: Path, dtype: str, rows: AskedRows, threads: int) -> None:
        """Load `graph`, which the checkpoint in `folder` has become, with its matrices in `dtype`."""
        config = read_config(folder)
        runtime: Any = importlib.import_module("onnxruntime")
        options = runtime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3  # errors only
        self._session = runtime.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])
        self._value = runtime.OrtValue.ortvalue_from_numpy
        self._names = cache_names(config)
        self._empty = np.zeros((1, config.heads, 0, config.hidden_size // config.heads), np.float32)
        self._tokenizer = read_tokenizer(folder)
        self._rows = rows
        self.dtype = dtype
        self.threads = (threads,)
        self.forget()

    def forget(self) -> None:
        """As `Contestant.forget`."""
        self._cache = [self._empty for _ in self._names]
        self._tokens: list[int] = []

    def answer(self, prompt: str, rows: int, new_tokens: int) -> Answer:
        """As `Contestant.answer`."""
        self.generate(prompt, rows, new_tokens)
        return self._answered

    def run(self, prompt: str, rows: int, new_tokens: int, cancel: CancelToken, decoding: Callable[[], None]) -> None:
        """As `Stoppable.run`: between two runs of the graph."""
        self.generate(prompt, rows, new_tokens, cancel, decoding)

    def generate(
        self,
        prompt: str,
        rows: int,
        new_tokens: int,
        cancel: CancelToken | None = None,
        decoding: Callable[[], None] | None = None,
    ) -> list[str]:
        """Return the texts of all rows."""
        asked = self._rows(rows)
        began = time.perf_counter()
        logits, reused = self._read(self._tokenizer.encode(prompt))
        read = time.perf_counter()
        written = [choose(np.repeat(logits, rows, 0), asked)]
        cache = [self._value(np.repeat(each, rows, 0)) for each in self._cache]
        if decoding is not None:
            decoding()
        for _ in range(new_tokens - 1):
            if cancel is not None and cancel.cancelled:
                break
            logits, cache = self._step(written[-1][:, None], cache)
            written.append(choose(logits, asked))
        texts = [self._tokenizer.decode(row) for row in np.stack(written, 1).tolist()]
        ended = time.perf_counter()
        self._answered = Answer(
            ms=(ended - began) * 1000,
            prefill_ms=(read - began) * 1000,
            decode_ms=(ended - read) * 1000,
            steps=len(written) - 1,
            reused_tokens=reused,
            new_tokens=len(written),
        )
        return texts

    def _read(self, tokens: list[int]) -> tuple[Any, int]:
        """Make the cache cover `tokens`; returns the logits (1 x V) after them, and how many it had covered."""
        kept = min(shared_prefix(self._tokens, tokens), len(tokens) - 1)
        before = [self._value(np.ascontiguousarray(each[:, :, :kept])) for each in self._cache]
        logits, cache = self._step(np.array([tokens[kept:]]), before)
        self._cache = [each.numpy() for each in cache]
        self._tokens = tokens
        return logits, kept

    def _step(self, ids: Any, cache: Sequence[Any]) -> tuple[Any, list[Any]]:
        """Feed `ids` (B x T) after `cache`; returns the logits (B x V) and the cache that there is then."""
        fed = {IDS: self._value(ids.astype(np.int64)), **dict(zip(self._names, cache, strict=True))}
        logits, *grown = self._session.run_with_ort_values(None, fed)
        return logits.numpy(), grown


def choose(logits: Any, rows: Sequence[Sampling]) -> Any:
    """Choose a token for each row of `logits` (B x V) as its sampling says; top-p within the likeliest ones."""
    values, ids = torch.from_numpy(logits).topk(min(_CANDIDATES, logits.shape[1]))  # B x 256, in descending order
    chosen = [
        0 if row.temperature == 0 else _sampled(own / row.temperature, row.top_p)
        for own, row in zip(values, rows, strict=True)
    ]
    return ids[torch.arange(len(chosen)), torch.tensor(chosen)].numpy()


def _sampled(logits: torch.Tensor, top_p: float) -> int:
    """Draw a place in `logits`, which descend, from the first that together reach `top_p`."""
    shares = logits.softmax(0)
    shares[shares.cumsum(0) - shares >= top_p] = 0
    return int(torch.multinomial(shares, 1))


@contextmanager
def loaded_onnx_runtimes(folder: Path, rows: AskedRows, threads: int) -> Iterator[list[OnnxRuntime]]:
    """Yield onnxruntime over the checkpoint in `folder`, in float32 and in int8; the graphs are gone afterwards."""
    with TemporaryDirectory(prefix="neocaret-", ignore_cleanup_errors=True) as place:
        floats, integers = Path(place) / "float32.onnx", Path(place) / "int8.onnx"
        export(folder, floats)
        quantise(floats, integers)
        yield [
            OnnxRuntime(graph, folder, dtype, rows, threads)
            for graph, dtype in ((floats, "float32"), (integers, "int8"))
        ]
