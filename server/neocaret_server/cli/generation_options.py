"""The options of `neocaret complete` that shape the text, and what they mean together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from neocaret_server.backend import CompletionRequest
from neocaret_server.cli.errors import UsageError
from neocaret_server.model_backend import LARGEST_SEED, MOST_CANDIDATES


@dataclass(frozen=True, slots=True)
class GenerationOptions:
    """The options as given; None is an option left out."""

    candidates: int | None = None
    max_new_tokens: int | None = None
    max_length: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    repetition_penalty: float | None = None
    document_ngrams: bool | None = None
    greedy: bool = False
    seed: int | None = None
    stop: tuple[str, ...] = ()
    stop_repeating: bool | None = None


def to_request(options: GenerationOptions, prompt: str) -> CompletionRequest:
    """Return the request that the options ask for.

    - Without `--greedy` and `--temperature` the first continuation is greedy and the others are sampled.
    - With `--temperature` all of them are sampled at it.
    - With `--greedy`, or a temperature of 0, there is one: the likeliest token at each step.

    Raises:
        UsageError: a value is out of range, or two options contradict each other.
    """
    _refuse_values(options)
    _refuse_contradictions(options)
    greedy = _is_greedy(options)
    given: dict[str, Any] = {
        "candidates": 1 if greedy else options.candidates,
        "max_new_tokens": options.max_new_tokens if options.max_length is None else options.max_length,
        "max_length": options.max_length,
        "temperature": 0.0 if greedy else options.temperature,
        "top_p": options.top_p,
        "top_k": options.top_k,
        "repetition_penalty": options.repetition_penalty,
        "document_ngrams": options.document_ngrams,
        "seed": options.seed,
        "greedy_first": options.temperature is None,
        "stop": options.stop,
        "stop_repeating": options.stop_repeating,
    }
    return CompletionRequest(prompt, **{name: value for name, value in given.items() if value is not None})


def _is_greedy(options: GenerationOptions) -> bool:
    return options.greedy or options.temperature == 0


def _refuse_values(options: GenerationOptions) -> None:
    _refuse("-n", options.candidates, 1, MOST_CANDIDATES)
    _refuse("--max-new-tokens", options.max_new_tokens, 1)
    _refuse("--max-length", options.max_length, 1)
    _refuse("--temperature", options.temperature, 0, 100)
    _refuse("--top-p", options.top_p, 0, 1, above=True)
    _refuse("--top-k", options.top_k, 0)
    _refuse("--repetition-penalty", options.repetition_penalty, 0, 100, above=True)
    _refuse("--seed", options.seed, 0, LARGEST_SEED)
    if "" in options.stop:
        raise UsageError("--stop needs a text that is not empty.")


def _refuse(name: str, value: float | None, low: int, high: int | None = None, *, above: bool = False) -> None:
    if value is None:
        return
    # Written so that a NaN, which compares as false with everything, is refused as well.
    if (value > low if above else value >= low) and (high is None or value <= high):
        return
    least = f"above {low}" if above else f"at least {low}"
    most = "" if high is None else f" and at most {high}"
    raise UsageError(f"{name} must be {least}{most}, not {value}.")


def _refuse_contradictions(options: GenerationOptions) -> None:
    if options.max_new_tokens is not None and options.max_length is not None:
        raise UsageError("Give --max-new-tokens or --max-length, not both.")
    if options.greedy and options.temperature:
        raise UsageError("Give --greedy or --temperature, not both.")
    if _is_greedy(options) and options.candidates not in {None, 1}:
        raise UsageError("Greedy continuations are all the same; leave out -n, or give a temperature above 0.")
