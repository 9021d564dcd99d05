"""A file's path as a comment before its text, for models that were trained on files that begin so."""

from __future__ import annotations

from pathlib import Path

from neocaret_model.config import read_json_object
from neocaret_model.errors import BrokenWeightsError

TRAITS_FILE = "neocaret.json"
"""In a model's folder, beside `config.json`; may be absent."""
PATH_COMMENT = "path_comment"
"""Its key: whether files began with their path in training."""

_MOST_CHARACTERS = 120


def reads_path_comment(folder: Path) -> bool:
    """Tell whether the model in `folder` was trained on files that begin with their path.

    Raises:
        BrokenWeightsError: `neocaret.json` is no JSON object, or the key holds something else than true or false.
    """
    path = folder / TRAITS_FILE
    if not path.is_file():
        return False
    value = read_json_object(path).get(PATH_COMMENT, False)
    if not isinstance(value, bool):
        raise BrokenWeightsError(f"{path} is damaged: {PATH_COMMENT} must be true or false.")
    return value


def path_comment(path: str) -> str:
    """Return the comment, without a line end; nothing for a path that is no ordinary one, or none."""
    return f"# {path}" if path.isprintable() and 0 < len(path) <= _MOST_CHARACTERS else ""
