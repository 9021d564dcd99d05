"""Where the prompt of a command comes from: an argument, a file, or standard input."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

from neocaret_server.cli.errors import CommandError, UsageError

STANDARD_INPUT = "-"

_MOST_BYTES = 64 * 1024 * 1024
_BYTE_ORDER_MARK = "\ufeff"

logger = logging.getLogger(__name__)


def read_prompt(argument: str | None, file: str | None) -> str:
    """Return the prompt, line ends as they are.

    Raises:
        UsageError: it is given twice or not at all.
        CommandError: it cannot be read, is empty, or is no UTF-8.
    """
    if argument is not None and file is not None:
        raise UsageError("Give the prompt or --prompt-file, not both.")
    if argument is not None:
        return _checked(argument, "The prompt")
    if file is None:
        raise UsageError('Give the prompt, as in `neocaret complete "import pandas as pd"`, or --prompt-file.')
    if file == STANDARD_INPUT:
        return _decoded(_read_standard_input(), "The prompt on standard input")
    return _decoded(_read_file(file), f"The prompt in {file}")


def _read_standard_input() -> bytes:
    if sys.stdin is None:
        raise CommandError("There is no standard input to read the prompt from; give it as an argument.")
    logger.debug("reading the prompt from standard input")
    return sys.stdin.buffer.read(_MOST_BYTES + 1)


def _read_file(file: str) -> bytes:
    try:
        with Path(file).open("rb") as stream:
            return stream.read(_MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise CommandError(f"The prompt file {file} cannot be read: {reason}; name another.") from error


def _decoded(data: bytes, what: str) -> str:
    if len(data) > _MOST_BYTES:
        raise CommandError(f"{what} is longer than {_MOST_BYTES // 1024**2} MiB; give the part before the caret.")
    return _checked(data.decode("utf-8", "surrogateescape").removeprefix(_BYTE_ORDER_MARK), what)


def _checked(prompt: str, what: str) -> str:
    # Python hands over bytes that are no UTF-8 as lone surrogates, from a shell as from a file.
    try:
        prompt.encode("utf-8")
    except UnicodeEncodeError as error:
        raise CommandError(f"{what} is not valid UTF-8 at character {error.start}; convert it to UTF-8.") from error
    if not prompt:
        raise CommandError(f"{what} is empty; give the text that is to be continued.")
    return prompt
