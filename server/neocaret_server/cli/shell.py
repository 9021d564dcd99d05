"""Every command but the quick start of the server: arguments in, exit code out, and never a traceback."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer
from typer.main import get_command

from neocaret_server.backend import BackendError
from neocaret_server.cli import lsp
from neocaret_server.cli.bench import bench
from neocaret_server.cli.bench_typing import typing
from neocaret_server.cli.complete import complete
from neocaret_server.cli.doctor import doctor
from neocaret_server.cli.errors import CommandError
from neocaret_server.cli.evaluate import evaluate
from neocaret_server.cli.models import models
from neocaret_server.cli.output import print_note
from neocaret_server.cli.quantise import quantise
from neocaret_server.cli.services import Services
from neocaret_server.cli.settings import settings
from neocaret_server.cli.stats import stats
from neocaret_server.cli.version import version
from neocaret_server.export import ExportError

if TYPE_CHECKING:
    from collections.abc import Sequence

logger = logging.getLogger(__name__)

_FAILED = 1

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

_ProcessId = Annotated[
    int | None, typer.Option("--clientProcessId", metavar="N", min=0, help="Stop when this process is gone.")
]
_Stdio = Annotated[bool, typer.Option("--stdio", help="Accepted since editors pass it; there is no other way.")]


@app.callback(invoke_without_command=True)
def neocaret(
    context: typer.Context,
    show_version: Annotated[bool, typer.Option("--version", help="Show the version.")] = False,
    stdio: _Stdio = False,
    client_process_id: _ProcessId = None,
) -> int:
    r"""Code completion at the caret, by a GPT-Neo model on your own machine.

    Without a command: the language server on standard input and output.

    \b
    Examples:
      neocaret complete "import pandas as pd"
      neocaret complete "import pandas as pd" --max-length 50 --temperature 0.9 --export gpt_text.txt
      neocaret complete --prompt-file main.py --greedy --json
      neocaret doctor

    With NEOCARET_DEBUG=1 in the environment the log goes to standard error.
    """
    if show_version:
        return version()
    if context.invoked_subcommand is None:
        return serve(context, stdio, client_process_id)
    return 0


@app.command("lsp")
def serve(context: typer.Context, stdio: _Stdio = False, client_process_id: _ProcessId = None) -> int:  # noqa: ARG001
    """Run the language server on standard input and output, as an editor does."""
    return lsp.run(lsp.ServerArguments(client_process_id), context.ensure_object(Services))


app.command("complete")(complete)
app.command("models")(models)
app.command("doctor")(doctor)
app.command("quantise")(quantise)
app.command("settings")(settings)
app.command("stats")(stats)
app.command("eval")(evaluate)
bench.command("typing")(typing)
app.add_typer(bench, name="bench")


def run(arguments: Sequence[str], services: Services) -> int:
    """Run one command and return its exit code."""
    _set_up_logging(debug=bool(os.environ.get("NEOCARET_DEBUG")))
    _prepare_output()
    try:
        code = _invoke(arguments, services)
        sys.stdout.flush()
    except Exception as error:
        logger.debug("the command failed", exc_info=error)
        if isinstance(error, OSError):
            _give_up_output()
        if not isinstance(error, BrokenPipeError):
            print_note(" ".join(_sentence(error).splitlines()))
        return int(getattr(error, "exit_code", _FAILED))
    return code


def _sentence(error: Exception) -> str:
    if isinstance(error, CommandError | BackendError | ExportError):
        return str(error)
    if isinstance(error, OSError):
        return f"Reading or writing failed: {error.strerror or type(error).__name__}."
    # typer raises errors of its own or of click's, according to its version; all can phrase themselves.
    if (phrase := getattr(error, "format_message", None)) is not None:
        return f"{phrase().rstrip('.')}; see `neocaret --help`."
    return f"Unexpected {type(error).__name__}; set NEOCARET_DEBUG=1 to see where, and report it."


def _invoke(arguments: Sequence[str], services: Services) -> int:
    try:
        code = get_command(app).main(list(arguments), prog_name="neocaret", standalone_mode=False, obj=services)
    except SystemExit as stop:
        code = stop.code
    return code if isinstance(code, int) else 0


def _give_up_output() -> None:
    # What is still buffered would raise again when the interpreter flushes it on its way out.
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _set_up_logging(*, debug: bool) -> None:
    if debug:
        logging.basicConfig(level=logging.DEBUG, stream=sys.stderr)
    else:
        # Without a handler Python would print warnings and tracebacks to stderr itself.
        logging.getLogger("neocaret_server").addHandler(logging.NullHandler())
        logging.getLogger("neocaret_model").addHandler(logging.NullHandler())


def _prepare_output() -> None:
    # Python leaves a closed stream as None, and a library may print all the same.
    sys.stdout = sys.stdout or _nowhere()
    sys.stderr = sys.stderr or _nowhere()
    # A console that cannot show a character shows another, instead of ending the command.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")


def _nowhere() -> TextIO:
    return Path(os.devnull).open("w", encoding="utf-8")
