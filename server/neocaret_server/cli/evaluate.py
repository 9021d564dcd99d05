"""`neocaret eval`: how good a model is, on files that it has not seen."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from neocaret_server.backend import LoadProgress, ModelChoice
from neocaret_server.cli.interrupt import interruptible
from neocaret_server.cli.output import clean_output, output_console, print_json, put, visible
from neocaret_server.cli.progress import progress_bar
from neocaret_server.cli.services import Services
from neocaret_server.evaluation import EvaluationRequest
from neocaret_server.model_backend import LARGEST_SEED, MOST_CANDIDATES

if TYPE_CHECKING:
    from neocaret_server.evaluation import Evaluation

_DEFAULTS = EvaluationRequest()


def evaluate(
    context: typer.Context,
    *,
    model: Annotated[str, typer.Option(metavar="M", help="bundled, a hub name, or a folder.")] = "bundled",
    device: Annotated[str, typer.Option(metavar="D", help="auto, cuda, mps or cpu.")] = "auto",
    dtype: Annotated[str, typer.Option(metavar="T", help="auto, or the number format of the weights.")] = "auto",
    data: Annotated[
        list[Path] | None,
        typer.Option(metavar="FOLDER", help="Python files unseen in training; repeatable. [Neocaret's own]"),
    ] = None,
    carets: Annotated[int, typer.Option(metavar="N", min=0, help="Places to complete; 0 for none.")] = _DEFAULTS.carets,
    lines: Annotated[int, typer.Option(metavar="N", min=0, help="Lines to type with suggestions.")] = _DEFAULTS.lines,
    kilobytes: Annotated[
        int, typer.Option(metavar="N", min=0, help="Text whose bits are counted.")
    ] = _DEFAULTS.kilobytes,
    candidates: Annotated[
        int,
        typer.Option("-n", "--candidates", metavar="N", min=1, max=MOST_CANDIDATES, help="At each place."),
    ] = _DEFAULTS.candidates,
    max_new_tokens: Annotated[
        int, typer.Option(metavar="N", min=1, help="Longest continuation, in tokens.")
    ] = _DEFAULTS.max_new_tokens,
    document_ngrams: Annotated[
        bool, typer.Option(help="Whether suggestions go by what the text before the caret repeats.")
    ] = _DEFAULTS.document_ngrams,
    other_files: Annotated[
        int, typer.Option(metavar="N", min=0, help="Use the likest part of so many other files too.")
    ] = _DEFAULTS.other_files,
    human_eval: Annotated[
        Path | None, typer.Option(metavar="FILE", help="HumanEval's problems: the programs written for them are run.")
    ] = None,
    samples: Annotated[int, typer.Option(metavar="N", min=1, help="For each problem.")] = _DEFAULTS.samples,
    temperature: Annotated[
        float, typer.Option(metavar="T", min=0, max=100, help="Of the samples for HumanEval.")
    ] = _DEFAULTS.temperature,
    seed: Annotated[
        int, typer.Option(metavar="S", min=0, max=LARGEST_SEED, help="Of the places and the samples.")
    ] = _DEFAULTS.seed,
    json: Annotated[bool, typer.Option("--json", help="Print all figures as JSON.")] = False,
) -> int:
    """Measure a model beside what needs none: exact lines, characters saved per keystroke, bits per byte, time.

    With --human-eval and without --data, HumanEval alone.
    """
    request = EvaluationRequest(
        choice=ModelChoice(model, device, dtype),
        code=human_eval is None or bool(data),
        folders=tuple(data or ()),
        carets=carets,
        lines=lines,
        kilobytes=kilobytes,
        candidates=candidates,
        max_new_tokens=max_new_tokens,
        document_ngrams=document_ngrams,
        other_files=other_files,
        human_eval=human_eval,
        samples=samples,
        temperature=temperature,
        seed=seed,
    )
    evaluation = _evaluate(context.ensure_object(Services), request)
    if json:
        print_json(evaluation.figures)
    else:
        put(output_console(), visible(evaluation.text))
    return 0


def _evaluate(services: Services, request: EvaluationRequest) -> Evaluation:
    with clean_output(), progress_bar() as bar, interruptible() as cancel:
        # torch takes seconds to import, before there is anything to tell.
        bar.loading(LoadProgress(f"Loading {request.choice.model}"))
        return services.evaluate(request, bar.loading, bar.working, cancel)
