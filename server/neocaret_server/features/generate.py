"""`neocaret.generate`: continue any text, with progress.

It moves on beside suggestions, step by step, and holds none of them up for longer than one of its own steps takes.
"""

from __future__ import annotations

import asyncio
import math
import uuid
from typing import Any

from lsprotocol import types

from neocaret_server.arguments import read_arguments
from neocaret_server.backend import BackendError, CancelToken, Candidate, Completion, CompletionRequest
from neocaret_server.errors import InvalidArgumentsError, RequestFailedError, RequestInterruptedError
from neocaret_server.line_ends import with_line_ends_of
from neocaret_server.progress import WorkDone
from neocaret_server.prompt import for_model
from neocaret_server.rules import Rule
from neocaret_server.server import NeocaretServer
from neocaret_server.settings import RULES, Settings

NAME = "neocaret.generate"

_ARGUMENTS = {
    "prompt": Rule("text"),
    "maxNewTokens": Rule("whole number", 1, 2048),
    "maxLength": Rule("whole number", 1, 2048),
    "stopRepeating": Rule("flag"),
    **{name: RULES[name] for name in ("temperature", "topP", "topK", "seed", "candidates")},
}


async def handle(ls: NeocaretServer, params: types.ExecuteCommandParams) -> dict[str, Any]:
    """Generate all candidates by sampling; return them, the likeliest first."""
    read = read_arguments(NAME, params.arguments, _ARGUMENTS)
    request = _request(read, ls.settings)
    async with ls.model_awake():
        if ls.model.state != "ready":
            raise RequestFailedError(ls.why_not_ready())
        completion = await _generate(ls, request, params.work_done_token)
    return {
        "candidates": [
            _shown(candidate, read["prompt"]) for candidate in with_line_ends_of(read["prompt"], completion).candidates
        ]
    }


def _request(read: dict[str, Any], settings: Settings) -> CompletionRequest:
    if "prompt" not in read:
        raise InvalidArgumentsError(f'{NAME} needs "prompt", the text to continue.')
    if "maxNewTokens" in read and "maxLength" in read:
        raise InvalidArgumentsError(f'{NAME} takes "maxNewTokens" or "maxLength", not both.')
    max_length = read.get("maxLength")
    return CompletionRequest(
        prompt=for_model(read["prompt"]),
        candidates=read.get("candidates", settings.candidates),
        max_new_tokens=read.get("maxNewTokens", max_length or settings.max_new_tokens),
        max_length=max_length,
        temperature=read.get("temperature", settings.temperature),
        top_p=read.get("topP", settings.top_p),
        top_k=read.get("topK", settings.top_k),
        repetition_penalty=settings.repetition_penalty,
        document_ngrams=settings.document_ngrams,
        seed=read.get("seed", settings.seed),
        greedy_first=False,
        stop_repeating=read.get("stopRepeating", True),
    )


async def _generate(ls: NeocaretServer, request: CompletionRequest, token: types.ProgressToken | None) -> Completion:
    cancel = CancelToken()
    bar = WorkDone(ls, token) if token is not None or not ls.client.progress else await WorkDone.ask(ls)
    key = bar.token if bar.token is not None else str(uuid.uuid4())
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - a handler runs in a task
    ls.generations[key] = task
    bar.begin("Neocaret: generating", cancellable=True)
    try:
        completion = await ls.model.complete(
            request, cancel, lambda done, total: bar.report(f"{done} of {total} tokens", done, total)
        )
    except BackendError as error:
        raise RequestFailedError(str(error)) from error
    finally:
        ls.generations.pop(key, None)
        bar.end()
    if cancel.cancelled:
        raise RequestInterruptedError("The generation was stopped, because the model is being loaded anew.")
    return completion


def _shown(candidate: Candidate, prompt: str) -> dict[str, Any]:
    return {
        "text": candidate.text,
        "generated_text": prompt + candidate.text,
        # JSON has no infinity.
        "mean_logprob": candidate.mean_logprob if math.isfinite(candidate.mean_logprob) else None,
        "tokens": candidate.tokens,
        "finish_reason": candidate.finish_reason,
    }
