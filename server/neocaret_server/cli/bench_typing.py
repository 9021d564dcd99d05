"""`neocaret bench typing`: what somebody who types gets, key by key, beside simpler systems."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from neocaret_server.backend import ModelChoice
from neocaret_server.cli.figures import hand_over
from neocaret_server.cli.interrupt import interruptible
from neocaret_server.cli.output import clean_output
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
    hand_over(done, output, "typing", as_json=as_json)
    return 0


def _measure(services: Services, request: TypingRequest) -> Benchmark:
    with clean_output(), progress_bar() as bar, interruptible():
        return services.measure_typing(request, bar.working)
