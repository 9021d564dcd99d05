"""The models that can be loaded by name, and which of them are already here. Needs no torch and no network."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from neocaret_model.config import read_config
from neocaret_model.errors import ModelError
from neocaret_model.hub import BUNDLED, BUNDLED_FOLDER, find_cached, is_complete
from neocaret_model.model_type import GPT_NEO, is_tied, read_model_type, seems_causal
from neocaret_model.weights import stored_parameters, weight_files


@dataclass(frozen=True, slots=True)
class KnownModel:
    """A model that `load_engine` takes by this name."""

    name: str
    parameters: int
    bytes: int
    """Size of the weight files: measured where they are here, else about what will be downloaded."""
    licence: str
    here: bool
    """Whether it can be loaded without the network."""
    own: bool = True
    """Whether it is a GPT-Neo, and runs on Neocaret's own network; others run through transformers, and slower."""


_SAMPLE = "Qwen/Qwen2.5-Coder-"
_PUBLISHED = (
    KnownModel("EleutherAI/gpt-neo-125m", 125_198_592, 526_000_000, "MIT", here=False),
    KnownModel("EleutherAI/gpt-neo-1.3B", 1_315_575_808, 5_310_000_000, "MIT", here=False),
    KnownModel("EleutherAI/gpt-neo-2.7B", 2_651_307_008, 10_670_000_000, "MIT", here=False),
    KnownModel(_SAMPLE + "0.5B", 494_032_768, 988_000_000, "Apache-2.0", here=False, own=False),
    KnownModel(_SAMPLE + "1.5B", 1_543_714_304, 3_087_000_000, "Apache-2.0", here=False, own=False),
)
"""EleutherAI's, and two examples of what else can be loaded."""


def list_models() -> tuple[KnownModel, ...]:
    """The bundled model, some that were published, and every other in huggingface_hub's cache that may be loaded."""
    published = tuple(_as_it_is_here(model, _cached_folder(model.name)) for model in _PUBLISHED)
    names = {model.name.lower() for model in published}
    others = tuple(model for model in _in_cache() if model.name.lower() not in names)
    return (_bundled(), *published, *others)


def _bundled() -> KnownModel:
    absent = KnownModel(BUNDLED, 0, 0, "MIT", here=False)
    return _as_it_is_here(absent, BUNDLED_FOLDER if is_complete(BUNDLED_FOLDER) else None)


def _as_it_is_here(model: KnownModel, folder: Path | None) -> KnownModel:
    if folder is None:
        return model
    try:
        files = weight_files(folder)
        own = read_model_type(folder) == GPT_NEO
        if not own and not seems_causal(folder):
            return model
        parameters = stored_parameters(files, tied=read_config(folder).tied if own else is_tied(folder))
    except ModelError:
        return model  # damaged, which loading it will tell, or of a kind that cannot be loaded
    size = sum(file.stat().st_size for file in files)
    return replace(model, parameters=parameters, bytes=size, here=True, own=own)


def _in_cache() -> Iterator[KnownModel]:
    from huggingface_hub import constants

    for directory in sorted(Path(constants.HF_HUB_CACHE).glob("models--*")):
        name = "/".join(directory.name.split("--")[1:])
        model = _as_it_is_here(KnownModel(name, 0, 0, "see its page on the hub", here=False), _cached_folder(name))
        if model.here:
            yield model


def _cached_folder(name: str) -> Path | None:
    try:
        return find_cached(name)
    except (ModelError, ValueError):
        return None  # damaged, or a folder that only looks like a model's
