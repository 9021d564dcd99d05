"""The prompt of a caret in a file, as the model was trained to see files."""

from __future__ import annotations

from pathlib import Path

from neocaret_model.config import read_json_object
from neocaret_model.errors import BrokenWeightsError

TRAITS_FILE = "neocaret.json"
"""In a model's folder, beside `config.json`; may be absent."""
PATH_COMMENT = "path_comment"
"""Its key: whether files began with their path in training."""


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


def build_prompt(path: str, before: str, *, path_comment: bool) -> str:
    """Return the text before the caret, after a comment with the file's path where the model knows such comments."""
    return f"# {path}\n{before}" if path_comment else before
