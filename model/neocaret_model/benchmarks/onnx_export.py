"""A checkpoint as ONNX graphs, with the keys and values as inputs and outputs: onnxruntime's way to keep a cache.

    inputs     ids B x T     key.0, value.0, ... B x H x P x E, of the P positions before
    outputs    logits B x V of the last token     new_key.0, new_value.0, ... B x H x (P + T) x E

`B` rows, `T` tokens fed, `P` positions before them, `H` heads, `E` head size, `V` vocabulary.
"""

from __future__ import annotations

import importlib
import logging
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from neocaret_model.assembly import assemble
from neocaret_model.config import ModelConfig, read_config

IDS, LOGITS = "ids", "logits"

MOST_BYTES = 2 * 1000**3
"""What one file of ONNX can hold."""

_OPSET = 17
_HIDDEN = -1e9
"""The score of a position that is not seen."""


def cache_names(config: ModelConfig) -> list[str]:
    """Return the names of a graph's keys and values; what it gives back has `new_` before them."""
    return [f"{kind}.{layer}" for layer in range(len(config.layers)) for kind in ("key", "value")]


def export(folder: Path, graph: Path) -> None:
    """Write the checkpoint in `folder` as a float32 graph, of `MOST_BYTES` at most."""
    config = read_config(folder)
    network = assemble(
        folder,
        config,
        device=torch.device("cpu"),
        dtype=torch.float32,
        progress=lambda *_: None,
        cancelled=lambda: False,
    )
    names = cache_names(config)
    kept = torch.zeros(2, config.heads, 3, config.hidden_size // config.heads)
    grown = {name: {0: "rows", 2: "before"} for name in names}
    with torch.no_grad(), warnings.catch_warnings():
        # The exporter that takes its place needs a minute for what this one does in two seconds.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            _Step(network, config),
            (torch.ones(2, 2, dtype=torch.long), *(kept for _ in names)),
            str(graph),
            input_names=[IDS, *names],
            output_names=[LOGITS, *(f"new_{name}" for name in names)],
            dynamic_axes={IDS: {0: "rows", 1: "fed"}, **grown},
            opset_version=_OPSET,
            dynamo=False,
        )


def quantise(graph: Path, quantised: Path) -> None:
    """Write `graph` with its matrices in int8, a scale for each output; activations are rounded as they come."""
    # Without a handler the advice that it logs would make one, and all that is ever logged would be printed.
    handler = logging.NullHandler()
    logging.getLogger().addHandler(handler)
    quantisation: Any = importlib.import_module("onnxruntime.quantization")
    try:
        quantisation.quantize_dynamic(
            graph,
            quantised,
            op_types_to_quantize=["MatMul", "Gemm"],
            per_channel=True,
            weight_type=quantisation.QuantType.QInt8,
        )
    finally:
        logging.getLogger().removeHandler(handler)


class _Step(nn.Module):
    """GPT-Neo's forward over some tokens after a cache, in operations that ONNX has."""

    def __init__(self, network: Any, config: ModelConfig) -> None:
        super().__init__()
        self.body = network.transformer
        self.head = network.lm_head
        self.heads = config.heads
        self.windows = [config.window if kind == "local" else config.positions for kind in config.layers]

    def forward(self, ids: Tensor, *cache: Tensor) -> tuple[Tensor, ...]:
        rows, count = ids.shape
        before = cache[0].shape[2]
        positions = before + torch.arange(count)  # T
        distance = positions[:, None] - torch.arange(before + count)  # T x (P + T)
        hidden = self.body.wte(ids) + self.body.wpe(positions)  # B x T x D
        grown: list[Tensor] = []
        for layer, (block, window) in enumerate(zip(self.body.h, self.windows, strict=True)):
            attention, normed = block.attn.attention, block.ln_1(hidden)
            query, key, value = (
                product(normed).view(rows, count, self.heads, -1).transpose(1, 2)  # B x H x T x E
                for product in (attention.q_proj, attention.k_proj, attention.v_proj)
            )
            keys = torch.cat([cache[2 * layer], key], 2)
            values = torch.cat([cache[2 * layer + 1], value], 2)
            seen = (distance >= 0) & (distance < window)
            scores = (query @ keys.transpose(2, 3)).masked_fill(~seen, _HIDDEN)  # B x H x T x (P + T)
            attended = (scores.softmax(-1) @ values).transpose(1, 2).reshape(rows, count, -1)
            hidden = hidden + attention.out_proj(attended)
            hidden = hidden + block.mlp(block.ln_2(hidden))
            grown += [keys, values]
        return self.head(self.body.ln_f(hidden[:, -1])), *grown
