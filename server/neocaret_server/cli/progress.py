"""A progress bar on standard error, on a terminal only, gone when the work is done."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from neocaret_server.cli.output import error_console

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.progress import Progress, TaskID

    from neocaret_server.backend import LoadProgress

_KILO = 1000


class ProgressBar:
    """Shows one thing at a time; without a terminal it shows nothing."""

    def __init__(self, progress: Progress | None) -> None:
        self._progress = progress
        self._task: TaskID | None = None
        self._message = ""

    def loading(self, load: LoadProgress) -> None:
        """Show how far the loading is."""
        megabytes = f"{load.done / _KILO**2:.0f} of {load.total / _KILO**2:.0f} MB" if load.total else ""
        self._show(load.message, load.done, load.total, megabytes)

    def generating(self, done: int, most: int) -> None:
        """Show how many tokens there are, of the most that there will be."""
        self._show("Generating", done, most, f"{done} of {most} tokens")

    def working(self, message: str, done: int, total: int) -> None:
        """Show how much of a piece of work is done."""
        self._show(message, done, total, f"{done} of {total}")

    def _show(self, message: str, done: int, total: int, detail: str) -> None:
        if self._progress is None:
            return
        if self._task is None or message != self._message:
            if self._task is not None:
                self._progress.remove_task(self._task)
            self._task = self._progress.add_task(message, total=None, detail=detail)
            self._message = message
        self._progress.update(self._task, completed=done, total=total or None, detail=detail)


@contextlib.contextmanager
def progress_bar() -> Iterator[ProgressBar]:
    """Yield a bar that is taken away at the end, however it ends."""
    console = error_console()
    if not console.is_terminal:
        yield ProgressBar(None)
        return
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[detail]}"))
    with Progress(*columns, console=console, transient=True, redirect_stdout=False) as progress:
        yield ProgressBar(progress)
