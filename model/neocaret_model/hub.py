"""From a model's name to the folder of its checkpoint: the bundled one, a folder, or a name on the hub.

A hub model that is complete in huggingface_hub's cache (the one that transformers uses) is taken from there without
a single request; otherwise `download` completes it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from neocaret_model.config import CONFIG_FILE
from neocaret_model.errors import ModelNotFoundError
from neocaret_model.tokenizer import MERGES_FILE, TOKENIZER_FILE, VOCABULARY_FILE
from neocaret_model.weights import INDEX_FILE, WEIGHTS_FILE, shard_names

# huggingface_hub asks its hub for a list of programs to look for in the environment, and names the one that it finds in
# each request, unless this is set before it is imported. We ask for models, and say nothing of who asks.
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")

LoadProgress = Callable[[str, int, int], None]
"""Called with what is going on, the bytes done, and the bytes in all."""

BUNDLED = "bundled"
BUNDLED_FOLDER = Path(__file__).parent / "bundled"

ALIASES = {
    alias: repository
    for size in ("125m", "1.3B", "2.7B")
    for repository in (f"EleutherAI/gpt-neo-{size}",)
    for alias in (size.lower(), f"gpt-neo-{size}".lower())
}
"""Short names, in lower case, for the models that EleutherAI published."""


def resolve(model: str, progress: LoadProgress, cancelled: Callable[[], bool]) -> Path:
    """The folder of the checkpoint called `model`, downloaded first where that is needed.

    Raises:
        ModelNotFoundError: there is no such folder, or no such model on the hub.
        HubUnreachableError: the hub did not answer, or the connection broke.
        UnsupportedModelError: the hub's model has no safetensors, or no configuration.
        LoadCancelledError: `cancelled` said so.
    """
    if model == BUNDLED:
        return _bundled()
    if _is_folder_name(model):
        return _folder(model)
    repository = ALIASES.get(model.lower(), model)
    _require_valid(repository)
    cached = find_cached(repository)
    if cached is not None:
        return cached
    from neocaret_model.download import download  # huggingface_hub's client takes a third of a second to import

    return download(repository, progress, cancelled)


def find_cached(repository: str) -> Path | None:
    """The folder of a hub model in huggingface_hub's cache, if all that is needed of it is there; asks no network."""
    from huggingface_hub import try_to_load_from_cache

    config = try_to_load_from_cache(repository, CONFIG_FILE)
    if not isinstance(config, str):
        return None
    folder = Path(config).parent
    return folder if is_complete(folder) else None


def is_complete(folder: Path) -> bool:
    """Whether a folder has a configuration, a tokenizer, and all of its weight files."""
    has_tokenizer = (folder / TOKENIZER_FILE).is_file() or (
        (folder / VOCABULARY_FILE).is_file() and (folder / MERGES_FILE).is_file()
    )
    return (folder / CONFIG_FILE).is_file() and has_tokenizer and _has_weights(folder)


def _has_weights(folder: Path) -> bool:
    if (folder / WEIGHTS_FILE).is_file():
        return True
    index = folder / INDEX_FILE
    return index.is_file() and all((folder / name).is_file() for name in shard_names(index))


def _bundled() -> Path:
    if not is_complete(BUNDLED_FOLDER):
        raise ModelNotFoundError(
            f"The bundled model is missing from {BUNDLED_FOLDER}: install neocaret again, or name another model."
        )
    return BUNDLED_FOLDER


def _is_folder_name(model: str) -> bool:
    looks_like_path = model.startswith((".", "~", "/", "\\")) or "\\" in model or Path(model).is_absolute()
    return looks_like_path or (bool(model.strip()) and os.path.lexists(model))


def _folder(model: str) -> Path:
    try:
        folder = Path(model).expanduser().absolute()
        if folder.is_dir():
            return folder
        exists = folder.exists()
    except (OSError, ValueError, RuntimeError) as error:
        raise ModelNotFoundError(f"{model!r} names no folder ({error}): give the folder of a checkpoint.") from error
    if exists:
        raise ModelNotFoundError(f"{model!r} is a file: give the folder that the checkpoint lies in.")
    raise ModelNotFoundError(f"There is no folder {model!r}: check the path, or give a model's name on the hub.")


def _require_valid(repository: str) -> None:
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]  # public, but in no __all__

    try:
        validate_repo_id(repository)
    except HFValidationError as error:
        raise ModelNotFoundError(
            f"{repository!r} is no model's name: use 'bundled', a folder, or a name like EleutherAI/gpt-neo-125m."
        ) from error
