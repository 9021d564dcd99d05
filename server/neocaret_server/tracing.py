"""What a client is told about each answer where it asks for traces: `$/logTrace`, with numbers and reasons, never text.

Clients ask by `trace` in `initialize` or by `$/setTrace`; VS Code shows it in the server's output channel.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Literal

from lsprotocol import types

from neocaret_server.backend import Completion

Source = Literal["model", "store"]
"""Generated for the question, or kept from an earlier one."""


@dataclass(frozen=True, slots=True)
class AnswerTrace:
    """One question, and what was answered; places are counted as the client counts."""

    uri: str
    version: int | None
    """None where the document is unknown."""
    line: int
    character: int
    channel: str
    suggestions: int
    source: Source | None
    """None where nothing was suggested."""
    reason: str | None
    """Why nothing was."""
    ms: float
    """From when the question was taken up."""


@dataclass(frozen=True, slots=True)
class WorkTrace:
    """One generation, also of a question that nobody waits for any more."""

    prompt_tokens: int
    """Of the prompt, as far as it fits the model."""
    prefilled_tokens: int
    """Of those, what was not kept from an earlier prompt; one whose prefill was given up counts whole."""
    decoded_tokens: int
    """Of all candidates together."""
    ms: float
    """Of the model's own work."""
    cancelled: bool


def work_of(completion: Completion, *, cancelled: bool) -> WorkTrace:
    """Say what a completion took."""
    return WorkTrace(
        prompt_tokens=completion.used_tokens,
        prefilled_tokens=completion.used_tokens - completion.reused_tokens,
        decoded_tokens=sum(candidate.tokens for candidate in completion.candidates),
        ms=round(completion.prefill_ms + completion.decode_ms, 3),
        cancelled=cancelled,
    )


def trace_params(trace: AnswerTrace | WorkTrace, *, verbose: bool) -> types.LogTraceParams:
    """Make the notification: a sentence, and where it is wanted all that is known, as JSON."""
    kind = "answer" if isinstance(trace, AnswerTrace) else "work"
    details = json.dumps({"kind": kind, **asdict(trace)}) if verbose else None
    return types.LogTraceParams(message=_sentence(trace), verbose=details)


def _sentence(trace: AnswerTrace | WorkTrace) -> str:
    if isinstance(trace, WorkTrace):
        how = "cancelled" if trace.cancelled else "generated"
        return f"{how}: {trace.prefilled_tokens} tokens read, {trace.decoded_tokens} written, {trace.ms:.1f} ms"
    what = f"no suggestion, {trace.reason}" if trace.source is None else f"{trace.suggestions} from the {trace.source}"
    return f"{trace.channel}: {what}, {trace.ms:.1f} ms"
