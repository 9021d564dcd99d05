"""A `GPTNeoForCausalLM` made of a checkpoint's tensors: no random number is drawn, and no tensor is made twice.

`from_pretrained` fills what is missing with random numbers, prints, and gives every layer a mask of positions squared;
here a missing tensor is an error, and the layers of a kind share one mask.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from transformers import GPTNeoConfig, GPTNeoForCausalLM

from neocaret_model.config import LayerKind, ModelConfig
from neocaret_model.quantisation import as_floats
from neocaret_model.weights import OUTPUT_HEAD, ByteProgress, read_weights


def assemble(
    folder: Path,
    config: ModelConfig,
    *,
    device: torch.device,
    dtype: torch.dtype,
    progress: ByteProgress,
    cancelled: Callable[[], bool],
) -> GPTNeoForCausalLM:
    """The network of a checkpoint folder, on `device` in `dtype`, ready to answer.

    Raises:
        UnsupportedModelError, BrokenWeightsError, LoadCancelledError: as `read_weights` does.
    """
    with torch.device("meta"):
        network = GPTNeoForCausalLM(_transformers_config(config))
    shapes = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    if config.tied:
        shapes.pop(OUTPUT_HEAD, None)

    tensors = read_weights(folder, shapes, as_floats(device, dtype), progress, cancelled)
    network.load_state_dict(tensors, strict=False, assign=True)
    if config.tied:
        network.lm_head.weight = network.transformer.wte.weight
    _share_masks(network, config, device)
    network.train(mode=False)
    network.requires_grad_(requires_grad=False)
    return network


def _transformers_config(config: ModelConfig) -> GPTNeoConfig:
    return GPTNeoConfig(
        vocab_size=config.vocabulary,
        hidden_size=config.hidden_size,
        intermediate_size=config.intermediate_size,
        num_heads=config.heads,
        num_layers=len(config.layers),
        attention_types=[[[kind], 1] for kind in config.layers],
        window_size=config.window,
        max_position_embeddings=config.positions,
        activation_function=config.activation,
        layer_norm_epsilon=config.layer_norm_epsilon,
        tie_word_embeddings=config.tied,
        bos_token_id=None,
        eos_token_id=list(config.eos_ids) or None,
    )


def _share_masks(network: GPTNeoForCausalLM, config: ModelConfig, device: torch.device) -> None:
    masks = {kind: _mask(kind, config, device) for kind in set(config.layers)}
    blocks: Any = network.transformer.h  # nn.Module's attributes are typed as anything there could be
    for block, kind in zip(blocks, config.layers, strict=True):
        block.attn.attention.bias = masks[kind]


def _mask(kind: LayerKind, config: ModelConfig, device: torch.device) -> torch.Tensor:
    """Which position (row) attends to which (column): 1 x 1 x positions x positions."""
    size = config.positions
    mask = torch.ones(1, 1, size, size, dtype=torch.bool, device=device).tril_()
    return mask if kind == "global" else mask.triu_(1 - config.window)
