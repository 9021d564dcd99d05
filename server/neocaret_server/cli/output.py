"""Standard output and standard error as the user sees them: coloured on a terminal, plain in a pipe."""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

_UNSAFE_ON_A_TERMINAL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def output_console() -> Console:
    """Return a console on standard output."""
    return _console(stderr=False)


def error_console() -> Console:
    """Return a console on standard error."""
    return _console(stderr=True)


def put(console: Console, text: str, style: str | None = None) -> None:
    """Write `text` as it is; where it has no style, with its tabs, which rich would expand."""
    if style is not None and console.is_terminal:
        console.out(text, style=style, end="")
    else:
        console.file.write(text)


def print_json(value: Any) -> None:
    """Print `value` as one JSON document, and escape what the output's encoding may lack."""
    encoding = (getattr(sys.stdout, "encoding", None) or "").lower()
    document = json.dumps(value, indent=2, ensure_ascii="utf" not in encoding, allow_nan=False)
    sys.stdout.write(document + "\n")


@contextlib.contextmanager
def clean_output() -> Iterator[None]:
    """Send what a library prints to standard error: standard output is the result's."""
    with contextlib.redirect_stdout(sys.stderr):
        yield


def print_note(text: str) -> None:
    """Tell the user one thing on standard error, in one line."""
    sys.stderr.write(f"neocaret: {text}\n")


def visible(text: str) -> str:
    r"""Return `text` with control characters spelled out, so that a text cannot steer the terminal."""
    return _UNSAFE_ON_A_TERMINAL.sub(lambda match: f"\\x{ord(match[0]):02x}", text.replace("\r\n", "\n"))


def _console(*, stderr: bool) -> Console:
    from rich.console import Console

    # Without a colour system rich writes no escape codes at all, bold ones neither.
    return Console(
        stderr=stderr,
        color_system=None if os.environ.get("NO_COLOR") else "auto",
        highlight=False,
        markup=False,
        emoji=False,
        soft_wrap=True,
    )
