"""What counts as text: Python strings can hold half of a surrogate pair, which no encoding and no tokenizer knows."""

from __future__ import annotations

from neocaret_model.errors import RequestError


def require_unicode(text: str) -> None:
    """Refuse a prompt with a lone surrogate.

    Raises:
        RequestError: names the first one and its place.
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise RequestError(
            f"The prompt is not valid Unicode: character {error.start + 1} is a lone surrogate "
            f"(U+{ord(text[error.start]):04X}); remove it."
        ) from error
