"""Neocaret, and what simpler systems do with the same model in the same process: backends between it and the server."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from neocaret_server.backend import Backend, CancelToken, Candidate, Completion, CompletionRequest, Work

CONTEXT_LINES = 15


@dataclass(frozen=True, slots=True)
class Policy:
    """A way to answer."""

    name: str
    about: str


NEOCARET = Policy("neocaret", "as it is")
NO_REUSE = Policy("no reuse", "each request computed anew: no list kept, no prefix of an earlier prompt, no document")
FIXED_CONTEXT = Policy(
    "15 lines",
    f"the last {CONTEXT_LINES} lines, one greedy item, no n-grams, no list kept; the engine's cache stays on",
)
POLICIES = (NEOCARET, NO_REUSE, FIXED_CONTEXT)


def server_command(policy: Policy) -> tuple[str, ...]:
    """Return the command that starts the server of a policy, safe from what a working folder holds."""
    module = ("neocaret_server",) if policy is NEOCARET else ("neocaret_server.typing_bench.policy_server", policy.name)
    return (sys.executable, "-P", "-m", *module)


@dataclass(slots=True)
class _Begun:
    work: Work
    cancel: CancelToken

    @property
    def done(self) -> bool:
        """As the port has it."""
        return self.work.done

    def partial(self) -> tuple[Candidate, ...]:
        """As the port has it."""
        return self.work.partial()

    def result(self) -> Completion:
        """As the port has it."""
        return self.work.result()


class _Wrapped:
    """A backend as it is."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def __getattr__(self, name: str) -> Any:
        return getattr(self._backend, name)


class ForgetfulBackend(_Wrapped):
    """Computes each request anew, however much of it was computed before."""

    def __init__(self, backend: Backend) -> None:
        super().__init__(backend)
        self._fresh = False

    def begin(
        self, request: CompletionRequest, cancel: CancelToken, progress: Callable[[int, int], None] | None = None
    ) -> Work:
        """As the port has it."""
        self._backend.clear_cache()
        self._fresh = True
        return _Begun(self._backend.begin(request, cancel, progress), cancel)

    def advance(self, works: Sequence[Work]) -> None:
        """As the port has it; what a cancelled request leaves behind is gone before a new one begins."""
        begun = [work for work in works if isinstance(work, _Begun)]
        going = [each.work for each in begun if not each.cancel.cancelled]
        self._backend.advance([each.work for each in begun if each.cancel.cancelled])
        if self._fresh:
            self._backend.clear_cache()
            self._fresh = False
        self._backend.advance(going)


class FixedContextBackend(_Wrapped):
    """Sees the last lines before the caret and nothing else of the file, and continues them greedily once."""

    def begin(
        self, request: CompletionRequest, cancel: CancelToken, progress: Callable[[int, int], None] | None = None
    ) -> Work:
        """As the port has it."""
        return self._backend.begin(fixed_context(request), cancel, progress)


def fixed_context(request: CompletionRequest) -> CompletionRequest:
    """Reduce a request to a fixed number of lines and one greedy item."""
    lines = request.prompt.split("\n")[-CONTEXT_LINES:]
    return replace(
        request,
        prompt="\n".join(lines),
        candidates=1,
        temperature=0.0,
        path="",
        document_ngrams=False,
        elsewhere=(),
        similar_lines=False,
    )


BACKENDS: dict[str, Callable[[Backend], Any]] = {
    NO_REUSE.name: ForgetfulBackend,
    FIXED_CONTEXT.name: FixedContextBackend,
}
