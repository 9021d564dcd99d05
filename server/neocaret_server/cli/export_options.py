"""The options of `neocaret complete` that write a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from neocaret_server.cli.errors import UsageError
from neocaret_server.cli.output import print_note
from neocaret_server.export import WriteMode, check_target, resolve_target, write_text

if TYPE_CHECKING:
    from collections.abc import Callable


def prepare_export(file: str | None, *, append: bool, overwrite: bool) -> Callable[[str], None]:
    """Check the target before any work is done; return what writes the text to it.

    The user named the file, so it may be anywhere, and a symbolic link is followed.

    Raises:
        UsageError: the options contradict each other.
        ExportError: the file cannot be written.
    """
    if append and overwrite:
        raise UsageError("Give --append or --overwrite, not both.")
    if file is None:
        if append or overwrite:
            raise UsageError("--append and --overwrite need --export FILE.")
        return lambda _: None
    mode: WriteMode = "append" if append else "overwrite" if overwrite else "create"
    target = resolve_target(file, [Path.cwd()], outside_allowed=True)
    check_target(target, mode)

    def write(text: str) -> None:
        written = write_text(target, text, mode)
        print_note(f"{'appended' if append else 'wrote'} {written} bytes to {target}")

    return write
