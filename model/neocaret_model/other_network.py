"""A network that transformers implements, made of a checkpoint's tensors.

transformers renames, joins and ties them as its architecture wants; what it would make up for a tensor that is missing
is an error here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedModel

from neocaret_model.config import CONFIG_FILE
from neocaret_model.errors import BrokenWeightsError
from neocaret_model.other_config import OtherConfig, brief, quiet, told_as_damage
from neocaret_model.quantisation import as_floats
from neocaret_model.weights import ByteProgress, float_shapes, read_weights, weight_files

Shapes = Mapping[str, tuple[int, ...]]


def assemble_other(
    folder: Path,
    config: OtherConfig,
    *,
    device: torch.device,
    dtype: torch.dtype,
    progress: ByteProgress,
    cancelled: Callable[[], bool],
) -> PreTrainedModel:
    """Return the network of a checkpoint folder, on `device` in `dtype`, ready to answer.

    Raises:
        UnsupportedModelError, LoadCancelledError: as `read_weights` does.
        BrokenWeightsError: the same, or tensors are missing or of other shapes than the configuration asks for.
    """
    stored = float_shapes(weight_files(folder))
    _require_enough(stored, wanted_shapes(folder, config), folder)
    tensors = read_weights(folder, stored, as_floats(torch.device("cpu"), dtype), progress, cancelled)
    network = _put_together(folder, config, tensors, dtype)
    network.requires_grad_(requires_grad=False)
    placed: PreTrainedModel = nn.Module.to(network, device)
    return placed


def wanted_shapes(folder: Path, config: OtherConfig) -> Shapes:
    """Return the parameters that the network has, each once, by name; takes no memory for them.

    Raises:
        BrokenWeightsError: the configuration makes no network.
    """
    with quiet(), told_as_damage(folder / CONFIG_FILE), torch.device("meta"):
        network = config.network_class(config.fields)
        return {name: tuple(parameter.shape) for name, parameter in network.named_parameters()}


def parameters(shapes: Shapes) -> int:
    """Return how many numbers there are in tensors of these shapes."""
    return sum(math.prod(shape) for shape in shapes.values())


def _put_together(
    folder: Path, config: OtherConfig, tensors: dict[str, torch.Tensor], dtype: torch.dtype
) -> PreTrainedModel:
    try:
        with quiet():
            loaded: Any = config.network_class.from_pretrained(
                None,
                config=config.fields,
                state_dict=tensors,
                dtype=dtype,
                ignore_mismatched_sizes=True,
                output_loading_info=True,
            )
    except (LookupError, RuntimeError, TypeError, ValueError) as error:
        if "allocate memory" in str(error) or isinstance(error, torch.OutOfMemoryError):
            raise
        raise BrokenWeightsError(
            f"{folder} has tensors that transformers cannot make a network of ({brief(error)}): "
            "fetch or export the checkpoint again."
        ) from error
    network: PreTrainedModel
    network, report = loaded
    for name in sorted(report["missing_keys"]):
        raise _missing(folder, name)
    for name, found, wanted in sorted(report["mismatched_keys"]):
        raise _mismatched(folder, name, tuple(found), tuple(wanted))
    return network


def _require_enough(stored: Shapes, wanted: Shapes, folder: Path) -> None:
    """Refuse, before it takes memory, what can come to nothing; transformers may rename tensors and join them."""
    for name, shape in wanted.items():
        found = stored.get(name)
        if found is not None and math.prod(found) != math.prod(shape):
            raise _mismatched(folder, name, found, shape)
    if parameters(stored) < parameters(wanted):
        raise _missing(folder, next(name for name in wanted if name not in stored))


def _missing(folder: Path, name: str) -> BrokenWeightsError:
    return BrokenWeightsError(f"{folder} has no tensor {name}: fetch or export the checkpoint again.")


def _mismatched(folder: Path, name: str, found: tuple[int, ...], wanted: tuple[int, ...]) -> BrokenWeightsError:
    return BrokenWeightsError(
        f"{folder} has the tensor {name} in shape {list(found)}, where the configuration asks for {list(wanted)}: "
        "the two do not belong together."
    )
