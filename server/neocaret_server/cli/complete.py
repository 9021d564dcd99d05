"""`neocaret complete`: continue a prompt, show the continuations, and export the best."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from neocaret_server.backend import Backend, Completion, CompletionRequest, LoadProgress, ModelChoice, ModelInfo
from neocaret_server.cli.export_options import prepare_export
from neocaret_server.cli.generation_options import GenerationOptions, to_request
from neocaret_server.cli.interrupt import interruptible
from neocaret_server.cli.output import clean_output, print_json, print_note
from neocaret_server.cli.progress import progress_bar
from neocaret_server.cli.prompt_source import read_prompt
from neocaret_server.cli.report import as_json, print_report
from neocaret_server.cli.services import Services
from neocaret_server.line_ends import with_line_ends_of
from neocaret_server.prompt import for_model


def complete(
    context: typer.Context,
    prompt: Annotated[str | None, typer.Argument(metavar="PROMPT", help="The text to continue.")] = None,
    *,
    model: Annotated[str, typer.Option(metavar="M", help="bundled, a hub name, or a folder.")] = "bundled",
    device: Annotated[str, typer.Option(metavar="D", help="auto, cuda, mps or cpu.")] = "auto",
    dtype: Annotated[str, typer.Option(metavar="T", help="auto, or the number format of the weights.")] = "auto",
    candidates: Annotated[int | None, typer.Option("-n", metavar="N", help="Continuations, 1 to 8. [3]")] = None,
    max_new_tokens: Annotated[int | None, typer.Option(metavar="N", help="Longest continuation. [64]")] = None,
    max_length: Annotated[int | None, typer.Option(metavar="N", help="Prompt and continuation together.")] = None,
    temperature: Annotated[
        float | None, typer.Option(metavar="T", help="Sample all at this; else the first is greedy. [0.4]")
    ] = None,
    top_p: Annotated[float | None, typer.Option(metavar="P", help="Nucleus sampling. [0.95]")] = None,
    top_k: Annotated[int | None, typer.Option(metavar="K", help="Only the K likeliest tokens. [0: all]")] = None,
    repetition_penalty: Annotated[float | None, typer.Option(metavar="R", help="Above 1: repeat less. [1]")] = None,
    document_ngrams: Annotated[
        bool | None, typer.Option(help="Whether what the prompt repeats is likelier to come again. [yes]")
    ] = None,
    greedy: Annotated[bool, typer.Option("--greedy", help="One continuation, the likeliest token each time.")] = False,
    seed: Annotated[int | None, typer.Option(metavar="S", help="The same seed gives the same text.")] = None,
    stop: Annotated[list[str] | None, typer.Option(metavar="TEXT", help="End before this text; repeatable.")] = None,
    stop_repeating: Annotated[
        bool | None, typer.Option(help="Whether to end where the text repeats itself. [yes]")
    ] = None,
    prompt_file: Annotated[str | None, typer.Option(metavar="FILE", help="The prompt's file; - is stdin.")] = None,
    export: Annotated[str | None, typer.Option(metavar="FILE", help="Write prompt and best continuation.")] = None,
    append: Annotated[bool, typer.Option("--append", help="Export to the end of an existing file.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Export in place of an existing file.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> int:
    """Continue a text, best continuation first."""
    options = GenerationOptions(
        candidates=candidates,
        max_new_tokens=max_new_tokens,
        max_length=max_length,
        temperature=temperature,
        top_p=top_p,
        top_k=top_k,
        repetition_penalty=repetition_penalty,
        document_ngrams=document_ngrams,
        greedy=greedy,
        seed=seed,
        stop=tuple(stop or ()),
        stop_repeating=stop_repeating,
    )
    # Whatever can be refused is refused before a model is loaded, which takes seconds.
    to_request(options, "")
    write = prepare_export(export, append=append, overwrite=overwrite)
    text = read_prompt(prompt, prompt_file)
    request = to_request(options, for_model(text))
    backend = context.ensure_object(Services).new_backend()
    info, completion, load_ms = _generate(backend, ModelChoice(model, device, dtype), request)
    completion = with_line_ends_of(text, completion)
    _note_cut(completion, info)
    # Before printing: a reader that closes the pipe must not cost the file.
    write(text + completion.candidates[0].text)
    if json:
        print_json(as_json(text, info, completion, load_ms))
    else:
        print_report(text, completion)
    return 0


def _generate(backend: Backend, choice: ModelChoice, request: CompletionRequest) -> tuple[ModelInfo, Completion, float]:
    with clean_output(), progress_bar() as bar, interruptible() as cancel:
        # torch takes seconds to import, before the backend has anything to tell.
        bar.loading(LoadProgress(f"Loading {choice.model}"))
        start = time.perf_counter()
        info = backend.load(choice, bar.loading, cancel)
        load_ms = (time.perf_counter() - start) * 1000
        return info, backend.complete(request, cancel, bar.generating), load_ms


def _note_cut(completion: Completion, info: ModelInfo) -> None:
    if completion.used_tokens < completion.prompt_tokens:
        print_note(
            f"the prompt is too long for the model's {info.positions} tokens: only its last"
            f" {completion.used_tokens} were used."
        )
