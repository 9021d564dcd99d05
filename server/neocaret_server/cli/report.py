"""What `neocaret complete` prints: for a reader, or as JSON."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from neocaret_server.cli.output import output_console, put, visible

if TYPE_CHECKING:
    from rich.console import Console

    from neocaret_server.backend import Candidate, Completion, ModelInfo

_HEADING_STYLE = "bold cyan"
_PROMPT_STYLE = "green"
_ENDS = {
    "eos": "end of text",
    "stop": "stop text",
    "repetition": "repetition",
    "length": "length",
    "cancelled": "cancelled",
}


def print_report(prompt: str, completion: Completion) -> None:
    """Print the prompt and each continuation apart, as `head` and `tail` show several files."""
    console = output_console()
    _print_part(console, "prompt", prompt, _PROMPT_STYLE)
    for rank, candidate in enumerate(completion.candidates, start=1):
        put(console, "\n")
        _print_part(console, _heading(rank, len(completion.candidates), candidate), candidate.text, None)


def as_json(prompt: str, info: ModelInfo, completion: Completion, load_ms: float) -> dict[str, Any]:
    """Return the whole result as a JSON object."""
    return {
        "model": info.model,
        "device": info.device,
        "dtype": info.dtype,
        "prompt": prompt,
        "candidates": [
            {
                "text": candidate.text,
                "generated_text": prompt + candidate.text,
                "mean_logprob": candidate.mean_logprob if math.isfinite(candidate.mean_logprob) else None,
                "tokens": candidate.tokens,
                "finish_reason": candidate.finish_reason,
            }
            for candidate in completion.candidates
        ],
        "timing_ms": {
            "load": round(load_ms, 3),
            "prefill": round(completion.prefill_ms, 3),
            "decode": round(completion.decode_ms, 3),
        },
    }


def _heading(rank: int, count: int, candidate: Candidate) -> str:
    tokens = f"{candidate.tokens} token{'' if candidate.tokens == 1 else 's'}"
    end = _ENDS[candidate.finish_reason]
    return f"{rank} of {count}: mean log-probability {candidate.mean_logprob:.2f}, {tokens}, ended by {end}"


def _print_part(console: Console, heading: str, text: str, style: str | None) -> None:
    put(console, f"==> {heading} <==", _HEADING_STYLE)
    shown = visible(text) if console.is_terminal else text
    put(console, "\n")
    put(console, shown, style)
    if not shown.endswith("\n"):
        put(console, "\n")
