"""From a model's name to an engine that answers: name, folder, configuration, tokenizer, device, weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from neocaret_model.config import read_config
from neocaret_model.engine.port import ModelInfo, SharedEngine
from neocaret_model.errors import BrokenWeightsError, DeviceError, LoadCancelledError
from neocaret_model.hub import LoadProgress, resolve
from neocaret_model.model_type import GPT_NEO, read_model_type
from neocaret_model.path_comment import reads_path_comment
from neocaret_model.threads import choose_threads, let_waiting_threads_sleep
from neocaret_model.tokenizer import END_OF_TEXT, TextTokenizer, read_tokenizer
from neocaret_model.weights import read_weights, stored_parameters, weight_files

if TYPE_CHECKING:
    import torch

    from neocaret_model.engine.runner import Runner
    from neocaret_model.engine.sampling import Choice
    from neocaret_model.forward import Forward


@dataclass(frozen=True, slots=True)
class Place:
    """Where a network runs, and in which number format."""

    device: torch.device
    dtype: torch.dtype


@dataclass(frozen=True, slots=True)
class Watch:
    """Who is told how the loading goes, and who may give it up."""

    tell: LoadProgress
    give_up: Callable[[], bool]
    what: str = ""

    def told(self, done: int, total: int) -> None:
        """Tell the bytes done, of all."""
        self.tell(self.what, done, total)


@dataclass(frozen=True, slots=True)
class Running:
    """A network that is ready."""

    runner: Runner[Any]
    positions: int
    dtype: torch.dtype
    """In which it computes."""
    note: str = ""
    choice: Choice | None = None
    """Takes tokens sooner than `sampling.chosen`, and the same ones."""


class Checkpoint(Protocol):
    """A checkpoint whose configuration is read, and whose weights are not."""

    vocabulary: int
    eos_ids: tuple[int, ...]
    """The tokens that end a text; may be empty."""

    def tokenizer(self) -> TextTokenizer:
        """Read the tokenizer."""
        ...

    def parameters(self) -> int:
        """Return how many numbers its network has."""
        ...

    def is_compiled(self) -> bool:
        """Tell whether the library that is compiled with the package computes its network on a processor."""
        ...

    def load(self, place: Place, watch: Watch) -> Running:
        """Read the weights."""
        ...


_Open = Callable[[Path, Watch], Checkpoint]


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
    return _load(model, device, dtype, _opened, Watch(progress or _tell_nobody, cancelled or _never))


def load_reference_engine(model: str = "bundled", device: str = "auto", dtype: str = "auto") -> SharedEngine:
    """Load a GPT-Neo to run on transformers' own modules: slower, and what our own forward is measured against.

    Raises:
        ModelError: as `load_engine` does.
    """
    return _load(model, device, dtype, lambda folder, _: _ReferenceNeo(folder), Watch(_tell_nobody, _never))


def _load(model: str, device: str, dtype: str, open_checkpoint: _Open, watch: Watch) -> SharedEngine:
    let_waiting_threads_sleep()
    folder = resolve(model, watch.tell, watch.give_up)
    watch = replace(watch, what=f"Loading {model}")
    checkpoint = open_checkpoint(folder, watch)
    parameters = checkpoint.parameters()
    tokenizer = _matching_tokenizer(folder, checkpoint)
    place = _choose(device, dtype, checkpoint)
    if place.device.type == "cpu":
        choose_threads(parameters * place.dtype.itemsize)
    running = _running(checkpoint, place, watch, model)
    info = ModelInfo(
        name=model,
        folder=str(folder),
        device=str(place.device),
        dtype=_name(running.dtype),
        parameters=parameters,
        positions=running.positions,
        path_comment=reads_path_comment(folder),
        note=running.note,
    )

    from neocaret_model.engine.engine import LocalEngine

    eos_ids = checkpoint.eos_ids or _end_of_text(tokenizer)
    return LocalEngine(running.runner, tokenizer, eos_ids, checkpoint.vocabulary, info, choice=running.choice)


def _running(checkpoint: Checkpoint, place: Place, watch: Watch, model: str) -> Running:
    import torch

    try:
        running = checkpoint.load(place, watch)
    except torch.OutOfMemoryError as error:
        raise DeviceError(
            f"{model} in {_name(place.dtype)} does not fit the memory of {place.device}: use a smaller model."
        ) from error
    return running


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _tell_nobody(message: str, done: int, total: int) -> None:
    pass


def _never() -> bool:
    return False


def _matching_tokenizer(folder: Path, checkpoint: Checkpoint) -> TextTokenizer:
    tokenizer = checkpoint.tokenizer()
    if not 0 < tokenizer.vocabulary <= checkpoint.vocabulary:
        raise BrokenWeightsError(
            f"{folder} has a tokenizer of {tokenizer.vocabulary} tokens for a model of {checkpoint.vocabulary}: "
            "the two do not belong together."
        )
    return tokenizer


def _end_of_text(tokenizer: TextTokenizer) -> tuple[int, ...]:
    end = tokenizer.token_id(END_OF_TEXT)
    return () if end is None else (end,)


def _choose(device: str, dtype: str, checkpoint: Checkpoint) -> Place:
    from neocaret_model.device import choose_device, choose_dtype

    chosen = choose_device(device)
    return Place(chosen, choose_dtype(dtype, chosen, compiled=checkpoint.is_compiled()))


def _opened(folder: Path, watch: Watch) -> Checkpoint:
    if read_model_type(folder) == GPT_NEO:
        return _OwnNeo(folder)
    watch.tell("Importing transformers", 0, 0)
    from neocaret_model.other_checkpoint import OtherCheckpoint

    if watch.give_up():
        raise LoadCancelledError("Loading was cancelled.")
    return OtherCheckpoint(folder)


class _Neo:
    """A GPT-Neo, whatever it runs on."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = read_config(folder)
        self.vocabulary = self.config.vocabulary
        self.eos_ids = self.config.eos_ids

    def tokenizer(self) -> TextTokenizer:
        return read_tokenizer(self.folder)

    def parameters(self) -> int:
        return stored_parameters(weight_files(self.folder), tied=self.config.tied)


class _OwnNeo(_Neo):
    """A GPT-Neo on our own network."""

    def is_compiled(self) -> bool:
        import torch

        from neocaret_model.native.library import library
        from neocaret_model.native.network import computes

        found = library()
        return found is not None and computes(self.config, torch.bfloat16, torch.device("cpu"), found)

    def load(self, place: Place, watch: Watch) -> Running:
        import torch

        from neocaret_model.network import tensor_shapes
        from neocaret_model.quantisation import as_floats, as_int8
        from neocaret_model.self_test import tested_network

        def read(dtype: torch.dtype) -> dict[str, torch.Tensor]:
            form = as_int8(tied=self.config.tied) if dtype == torch.int8 else as_floats(place.device, dtype)
            return read_weights(self.folder, tensor_shapes(self.config), form, watch.told, watch.give_up)

        tested = tested_network(self.config, place.dtype, read)
        return Running(_runner_over(tested.network), self.config.positions, tested.dtype, tested.why, tested.choice)


def _runner_over(network: Forward) -> Runner[Any]:
    from neocaret_model.network import Network

    if isinstance(network, Network) and network.device.type == "cuda":
        from neocaret_model.captured import CudaGraphs
        from neocaret_model.graph_trial import tried

        return tried(network, CudaGraphs(network.device))
    from neocaret_model.neo_runner import NeoRunner

    return NeoRunner(network)


class _ReferenceNeo(_Neo):
    """A GPT-Neo on transformers' modules."""

    def is_compiled(self) -> bool:
        return False

    def load(self, place: Place, watch: Watch) -> Running:
        refuse_int8(place)

        from neocaret_model.assembly import assemble
        from neocaret_model.reference import TransformersRunner

        network = assemble(
            self.folder,
            self.config,
            device=place.device,
            dtype=place.dtype,
            progress=watch.told,
            cancelled=watch.give_up,
        )
        return Running(TransformersRunner(network), self.config.positions, place.dtype)


def refuse_int8(place: Place) -> None:
    """Tell that what transformers computes with is floating-point numbers.

    Raises:
        DeviceError: the format is int8.
    """
    if _name(place.dtype) == "int8":
        raise DeviceError("transformers' modules do not compute with int8: use auto, float32 or bfloat16.")
