"""From a model's name to an engine that answers: name, folder, configuration, tokenizer, device, weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from neocaret_model.config import ModelConfig, read_config
from neocaret_model.engine.port import Engine, ModelInfo
from neocaret_model.errors import BrokenWeightsError, DeviceError
from neocaret_model.hub import LoadProgress, resolve
from neocaret_model.threads import let_waiting_threads_sleep
from neocaret_model.tokenizer import END_OF_TEXT, TextTokenizer, read_tokenizer
from neocaret_model.weights import weight_files

if TYPE_CHECKING:
    import torch
    from transformers import GPTNeoForCausalLM


def load_engine(
    model: str = "bundled",
    device: str = "auto",
    dtype: str = "auto",
    progress: LoadProgress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Engine:
    """Load a model, downloading it first where it is on the hub and not here.

    Args:
        model: `bundled`, a folder, or a name on the hub.
        device: `auto`, `cuda`, `cuda:N`, `mps` or `cpu`.
        dtype: `auto`, `float32`, `float16` or `bfloat16`.
        progress: told what is going on, with the bytes done and the bytes in all.
        cancelled: asked again and again whether to give up.

    Raises:
        ModelError: one of its kinds, with a sentence for the user.
    """
    let_waiting_threads_sleep()
    tell = progress or _tell_nobody
    give_up = cancelled or _never
    folder = resolve(model, tell, give_up)
    config = read_config(folder)
    weight_files(folder)
    tokenizer = _matching_tokenizer(folder, config)
    chosen_device, chosen_dtype = _choose(device, dtype)
    network = _assemble(model, folder, config, device=chosen_device, dtype=chosen_dtype, tell=tell, give_up=give_up)
    info = ModelInfo(
        name=model,
        folder=str(folder),
        device=str(chosen_device),
        dtype=str(chosen_dtype).removeprefix("torch."),
        parameters=sum(parameter.numel() for parameter in network.parameters()),
        positions=config.positions,
    )
    return _engine(network, tokenizer, _eos_ids(config, tokenizer), info)


def _tell_nobody(message: str, done: int, total: int) -> None:
    pass


def _never() -> bool:
    return False


def _matching_tokenizer(folder: Path, config: ModelConfig) -> TextTokenizer:
    tokenizer = read_tokenizer(folder)
    if not 0 < tokenizer.vocabulary <= config.vocabulary:
        raise BrokenWeightsError(
            f"{folder} has a tokenizer of {tokenizer.vocabulary} tokens for a model of {config.vocabulary}: "
            "the two do not belong together."
        )
    return tokenizer


def _choose(device: str, dtype: str) -> tuple[torch.device, torch.dtype]:
    from neocaret_model.device import choose_device, choose_dtype

    chosen = choose_device(device)
    return chosen, choose_dtype(dtype, chosen)


def _assemble(
    model: str,
    folder: Path,
    config: ModelConfig,
    *,
    device: torch.device,
    dtype: torch.dtype,
    tell: LoadProgress,
    give_up: Callable[[], bool],
) -> GPTNeoForCausalLM:
    import torch

    from neocaret_model.assembly import assemble

    def told(done: int, total: int) -> None:
        tell(f"Loading {model}", done, total)

    try:
        return assemble(folder, config, device=device, dtype=dtype, progress=told, cancelled=give_up)
    except torch.OutOfMemoryError as error:
        raise DeviceError(f"{model} in {dtype} does not fit the memory of {device}: use a smaller model.") from error


def _eos_ids(config: ModelConfig, tokenizer: TextTokenizer) -> tuple[int, ...]:
    if config.eos_ids:
        return config.eos_ids
    end = tokenizer.token_id(END_OF_TEXT)
    return () if end is None else (end,)


def _engine(network: GPTNeoForCausalLM, tokenizer: TextTokenizer, eos_ids: tuple[int, ...], info: ModelInfo) -> Engine:
    from neocaret_model.reference import TransformersEngine

    return TransformersEngine(network, tokenizer, eos_ids, info)
