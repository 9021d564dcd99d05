"""From a model's name to an engine that answers: name, folder, configuration, tokenizer, device, weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neocaret_model.config import ModelConfig, read_config
from neocaret_model.engine.port import ModelInfo, SharedEngine
from neocaret_model.errors import BrokenWeightsError, DeviceError
from neocaret_model.hub import LoadProgress, resolve
from neocaret_model.path_comment import reads_path_comment
from neocaret_model.threads import choose_threads, let_waiting_threads_sleep
from neocaret_model.tokenizer import END_OF_TEXT, TextTokenizer, read_tokenizer
from neocaret_model.weights import read_weights, stored_parameters, weight_files

if TYPE_CHECKING:
    import torch

    from neocaret_model.engine.runner import Runner

    _MakeRunner = Callable[[Path, ModelConfig, "_Place", "_Watch"], Runner[Any]]


@dataclass(frozen=True, slots=True)
class _Place:
    device: torch.device
    dtype: torch.dtype


@dataclass(frozen=True, slots=True)
class _Watch:
    tell: LoadProgress
    give_up: Callable[[], bool]
    what: str = ""

    def told(self, done: int, total: int) -> None:
        self.tell(self.what, done, total)


def load_engine(
    model: str = "bundled",
    device: str = "auto",
    dtype: str = "auto",
    progress: LoadProgress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> SharedEngine:
    """Load a model, downloading it first where it is on the hub and not here.

    Args:
        model: `bundled`, a folder, or a name on the hub.
        device: `auto`, `cuda`, `cuda:N`, `mps` or `cpu`.
        dtype: `auto`, `float32`, `float16`, `bfloat16` or `int8`.
        progress: told what is going on, with the bytes done and the bytes in all.
        cancelled: asked again and again whether to give up.

    Raises:
        ModelError: one of its kinds, with a sentence for the user.
    """
    return _load(model, device, dtype, _own_runner, _Watch(progress or _tell_nobody, cancelled or _never))


def load_reference_engine(model: str = "bundled", device: str = "auto", dtype: str = "auto") -> SharedEngine:
    """Load a model to run on transformers' own modules: slower, and what our own forward is measured against.

    Raises:
        ModelError: as `load_engine` does.
    """
    return _load(model, device, dtype, _reference_runner, _Watch(_tell_nobody, _never))


def _load(model: str, device: str, dtype: str, make_runner: _MakeRunner, watch: _Watch) -> SharedEngine:
    let_waiting_threads_sleep()
    folder = resolve(model, watch.tell, watch.give_up)
    config = read_config(folder)
    files = weight_files(folder)
    tokenizer = _matching_tokenizer(folder, config)
    place = _choose(device, dtype)
    info = ModelInfo(
        name=model,
        folder=str(folder),
        device=str(place.device),
        dtype=str(place.dtype).removeprefix("torch."),
        parameters=stored_parameters(files, tied=config.tied),
        positions=config.positions,
        path_comment=reads_path_comment(folder),
    )
    if place.device.type == "cpu":
        choose_threads(info.parameters * place.dtype.itemsize)
    runner = _made(make_runner, config, place, replace(watch, what=f"Loading {model}"), info)

    from neocaret_model.engine.engine import LocalEngine

    return LocalEngine(runner, tokenizer, _eos_ids(config, tokenizer), config.vocabulary, info)


def _made(make_runner: _MakeRunner, config: ModelConfig, place: _Place, watch: _Watch, info: ModelInfo) -> Runner[Any]:
    import torch

    try:
        runner: Runner[Any] = make_runner(Path(info.folder), config, place, watch)
    except torch.OutOfMemoryError as error:
        raise DeviceError(
            f"{info.name} in {info.dtype} does not fit the memory of {info.device}: use a smaller model."
        ) from error
    return runner


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


def _choose(device: str, dtype: str) -> _Place:
    from neocaret_model.device import choose_device, choose_dtype

    chosen = choose_device(device)
    return _Place(chosen, choose_dtype(dtype, chosen))


def _own_runner(folder: Path, config: ModelConfig, place: _Place, watch: _Watch) -> Runner[Any]:
    import torch

    from neocaret_model.neo_runner import NeoRunner
    from neocaret_model.network import tensor_shapes
    from neocaret_model.quantisation import as_floats, as_int8
    from neocaret_model.self_test import tested_network

    def read(dtype: torch.dtype) -> dict[str, torch.Tensor]:
        form = as_int8(tied=config.tied) if dtype == torch.int8 else as_floats(place.device, dtype)
        return read_weights(folder, tensor_shapes(config), form, watch.told, watch.give_up)

    return NeoRunner(tested_network(config, place.dtype, read))


def _reference_runner(folder: Path, config: ModelConfig, place: _Place, watch: _Watch) -> Runner[Any]:
    import torch

    if place.dtype == torch.int8:
        raise DeviceError("transformers' modules do not compute with int8: use auto, float32 or bfloat16.")

    from neocaret_model.assembly import assemble
    from neocaret_model.reference import TransformersRunner

    network = assemble(
        folder, config, device=place.device, dtype=place.dtype, progress=watch.told, cancelled=watch.give_up
    )
    return TransformersRunner(network)


def _eos_ids(config: ModelConfig, tokenizer: TextTokenizer) -> tuple[int, ...]:
    if config.eos_ids:
        return config.eos_ids
    end = tokenizer.token_id(END_OF_TEXT)
    return () if end is None else (end,)
