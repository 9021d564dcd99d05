"""`neocaret bench`: how fast the engine is, on this machine."""

from __future__ import annotations

from dataclasses import replace
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from neocaret_server.backend import LoadProgress
from neocaret_server.benchmark import EVERYONE, BenchmarkRequest, Peer
from neocaret_server.cli.errors import UsageError
from neocaret_server.cli.figures import hand_over
from neocaret_server.cli.interrupt import interruptible
from neocaret_server.cli.output import clean_output, error_console, print_note
from neocaret_server.cli.progress import progress_bar
from neocaret_server.cli.services import Services
from neocaret_server.model_backend import MOST_CANDIDATES

if TYPE_CHECKING:
    from neocaret_server.benchmark import Benchmark
    from neocaret_server.cli.progress import ProgressBar
    from neocaret_server.evaluation import WorkProgress

_DEFAULTS = BenchmarkRequest()
_QUICK = replace(_DEFAULTS, models=("bundled",), prompt_tokens=(128, 512), candidates=(3,), repetitions=3, peers=())


class _Peer(Enum):
    """`benchmark.Peer`, as the command line has it."""

    PIPELINE = "pipeline"
    CACHE = "cache"
    ONNXRUNTIME = "onnxruntime"


bench = typer.Typer(
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Measure how fast Neocaret is on this machine.",
)


@bench.callback()
def _group() -> None:
    """Measure how fast Neocaret is on this machine."""


@bench.command("engine")
def engine(
    context: typer.Context,
    *,
    model: Annotated[
        list[str] | None,
        typer.Option(metavar="M", help="bundled, a hub name, or a folder; repeatable. [bundled and 125m]"),
    ] = None,
    device: Annotated[str, typer.Option(metavar="D", help="auto, cuda, mps or cpu.")] = _DEFAULTS.device,
    dtype: Annotated[
        list[str] | None,
        typer.Option(metavar="T", help="auto, or the number format of the weights; repeatable. [auto]"),
    ] = None,
    prompt_tokens: Annotated[
        list[int] | None,
        typer.Option("-N", "--prompt-tokens", metavar="N", min=16, help="Repeatable. [128, 512, 1024 and 1900]"),
    ] = None,
    candidates: Annotated[
        list[int] | None,
        typer.Option("-n", "--candidates", metavar="N", min=1, max=MOST_CANDIDATES, help="Repeatable. [1, 3 and 5]"),
    ] = None,
    new_tokens: Annotated[int, typer.Option(metavar="N", min=2, help="Of each candidate.")] = _DEFAULTS.new_tokens,
    repetitions: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="The median of which is shown. [5]")
    ] = None,
    peers: Annotated[
        bool | None, typer.Option("--peers/--no-peers", help="Measure transformers and onnxruntime too. [--peers]")
    ] = None,
    peer: Annotated[
        list[_Peer] | None, typer.Option(metavar="P", help="Measure only pipeline, cache or onnxruntime; repeatable.")
    ] = None,
    cancels: Annotated[
        int, typer.Option(metavar="N", min=0, help="Cancel so often while reading, and while writing.")
    ] = _DEFAULTS.cancels,
    minutes: Annotated[
        float | None, typer.Option(metavar="M", min=0, help="Leave out what would take longer. [no limit]")
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="The bundled model, 128 and 512 tokens, 3 candidates, thrice, no peers.")
    ] = False,
    output: Annotated[Path, typer.Option(metavar="FOLDER", help="Where the figures are written as files.")] = Path(
        "neocaret-bench"
    ),
    as_json: Annotated[bool, typer.Option("--json", help="Print all figures as JSON.")] = False,
) -> int:
    """Measure prefill, tokens, and an editor's requests, beside its peers and the limit that memory sets.

    EleutherAI's models that are not downloaded are measured with random weights in their shapes. Every prompt length
    and number of candidates can be measured by itself; all of them take hours, most of which the peers take.
    """
    preset = _QUICK if quick else _DEFAULTS
    request = BenchmarkRequest(
        models=tuple(model or preset.models),
        device=device,
        dtypes=tuple(dtype or preset.dtypes),
        prompt_tokens=tuple(prompt_tokens or preset.prompt_tokens),
        candidates=tuple(candidates or preset.candidates),
        new_tokens=new_tokens,
        repetitions=repetitions or preset.repetitions,
        cancels=cancels,
        minutes=minutes,
        peers=_chosen(peers, peer, preset.peers),
    )
    output.mkdir(parents=True, exist_ok=True)  # refused before minutes are spent
    done = _measure(context.ensure_object(Services), request)
    hand_over(done, output, "engine", as_json=as_json)
    return 0


def _chosen(everyone: bool | None, some: list[_Peer] | None, preset: tuple[Peer, ...]) -> tuple[Peer, ...]:
    if some:
        if everyone is not None:
            raise UsageError("Give --peer, or --peers or --no-peers, not both.")
        asked = {each.value for each in some}
        return tuple(each for each in EVERYONE if each in asked)
    return preset if everyone is None else EVERYONE if everyone else ()


def _measure(services: Services, request: BenchmarkRequest) -> Benchmark:
    with clean_output(), progress_bar() as bar, interruptible() as cancel:
        # torch takes seconds to import, before there is anything to tell.
        bar.loading(LoadProgress("Loading torch"))
        return services.benchmark(request, bar.loading, _told(bar), cancel)


def _told(bar: ProgressBar) -> WorkProgress:
    """Show the work on the bar; without a terminal, by a line for each thing begun: it may take an hour."""
    before = ""

    def told(message: str, done: int, total: int) -> None:
        nonlocal before
        bar.working(message, done, total)
        if message != before and not error_console().is_terminal:
            print_note(message)
        before = message

    return told
