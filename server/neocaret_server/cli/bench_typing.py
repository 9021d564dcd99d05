"""`neocaret bench typing`: what somebody who types gets, key by key, beside simpler systems."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from neocaret_server.backend import ModelChoice
from neocaret_server.cli.interrupt import interruptible
from neocaret_server.cli.output import clean_output, output_console, print_json, print_note, put, visible
from neocaret_server.cli.progress import progress_bar
from neocaret_server.cli.services import Services
from neocaret_server.model_backend import LARGEST_SEED
from neocaret_server.typing_bench.request import TypingRequest

if TYPE_CHECKING:
    from neocaret_server.benchmark import Benchmark

_DEFAULTS = TypingRequest()


def typing(
    context: typer.Context,
    *,
    model: Annotated[str, typer.Option(metavar="M", help="bundled, a hub name, or a folder.")] = "bundled",
    device: Annotated[str, typer.Option(metavar="D", help="auto, cuda, mps or cpu.")] = "auto",
    dtype: Annotated[str, typer.Option(metavar="T", help="auto, or the number format of the weights.")] = "auto",
    data: Annotated[
        list[Path] | None,
        typer.Option(metavar="FOLDER", help="Python files unseen in training; repeatable. [Neocaret's own]"),
    ] = None,
    minutes: Annotated[
        float, typer.Option(metavar="N", min=0.05, max=600, help="Of typing, with each policy.")
    ] = _DEFAULTS.minutes,
    speed: Annotated[
        float, typer.Option(metavar="X", min=1, max=100, help="Make the pauses to think so many times shorter.")
    ] = _DEFAULTS.speed,
    editor: Annotated[
        Literal["vscode", "neovim"], typer.Option(help="Ghost text as in VS Code, or the popup as in Neovim.")
    ] = "vscode",
    alone: Annotated[bool, typer.Option("--alone", help="Leave the simpler systems out.")] = False,
    seed: Annotated[
        int, typer.Option(metavar="S", min=0, max=LARGEST_SEED, help="Of passages, rhythm and samples.")
    ] = _DEFAULTS.seed,
    output: Annotated[Path, typer.Option(metavar="FOLDER", help="Where the figures are written as files.")] = Path(
        "neocaret-bench"
    ),
    as_json: Annotated[bool, typer.Option("--json", help="Print all figures as JSON.")] = False,
) -> int:
    """Type real code key by key through a real server, with a human's rhythm, and report what each key got.

    The same is typed with the policies of simpler systems over the same model. An hour: --minutes 60.
    """
    request = TypingRequest(
        choice=ModelChoice(model, device, dtype),
        folders=tuple(data or ()),
        minutes=minutes,
        speed=speed,
        editor=editor,
        policies=_DEFAULTS.policies[:1] if alone else _DEFAULTS.policies,
        seed=seed,
    )
    output.mkdir(parents=True, exist_ok=True)  # refused before minutes are spent
    done = _measure(context.ensure_object(Services), request)
    written = _write(output, done)
    if as_json:
        print_json(done.figures)
    else:
        put(output_console(), visible(done.text))
    print_note(f"written to {' and '.join(map(str, written))}")
    if done.note:
        print_note(done.note)
    return 0


def _measure(services: Services, request: TypingRequest) -> Benchmark:
    with clean_output(), progress_bar() as bar, interruptible():
        return services.measure_typing(request, bar.working)


def _write(folder: Path, done: Benchmark) -> list[Path]:
    """Write what was measured under the time of day, beside what was measured before; returns the new files."""
    stem = f"typing-{time.strftime('%Y%m%d-%H%M%S')}"
    written = [folder / f"{stem}.json"]
    with written[0].open("x", encoding="utf-8") as file:
        file.write(json.dumps(done.figures, indent=2, allow_nan=False) + "\n")
    if done.picture is not None:
        written.append(folder / f"{stem}.png")
        with written[1].open("xb") as picture:
            picture.write(done.picture)
    return written
