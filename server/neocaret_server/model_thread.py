"""The one thread that touches the model, and what the event loop knows of it.

Everything here but the jobs themselves runs on the event loop. Generations move on together, a step at a time; other
jobs come between two steps, in the order in which they came. One whose cancel token is set before its turn is skipped.

Nothing that a job raises ends the thread, not even what is no Exception, as libraries written in Rust raise it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, TypeVar

from neocaret_server.backend import (
    Backend,
    BackendError,
    CancelToken,
    Candidate,
    Completion,
    CompletionRequest,
    KnownModel,
    LoadProgress,
    ModelChoice,
    ModelInfo,
    Work,
)

State = Literal["starting", "loading", "ready", "paused", "failed"]
NOTHING = Completion(candidates=(), prompt_tokens=0, used_tokens=0, reused_tokens=0, prefill_ms=0.0, decode_ms=0.0)

_REPORT_EVERY_SECONDS = 0.1
_T = TypeVar("_T")
_log = logging.getLogger(__name__)


_Kind = Literal["generation", "between", "alone"]
"""What moves on step by step, what is done between two steps, and what takes the model away from under them."""


@dataclass(frozen=True, slots=True)
class _Job:
    work: Callable[[], Any]
    """Returns what is waited for; for a generation, what has been begun."""
    if_skipped: Any
    cancel: CancelToken
    future: asyncio.Future[Any]
    kind: _Kind
    grown: Callable[[tuple[Candidate, ...]], None] | None = None
    """Called on the loop with what a generation has after each step."""

    def tell(self, work: Work) -> None:
        """Tell what there is so far to who wants to know."""
        if self.grown is not None:
            _call_on(self.future.get_loop(), self.grown, work.partial())

    def settle(self, result: Any, error: BaseException | None = None) -> None:
        """Tell the one who waits."""
        _call_on(self.future.get_loop(), _settle, self.future, result, error)


class ModelThread:
    """Loads a model and runs generations."""

    def __init__(self, backend: Backend, on_change: Callable[[], None]) -> None:
        self._backend = backend
        self._on_change = on_change
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._loading = CancelToken()
        self._running: set[CancelToken] = set()
        self.state: State = "starting"
        self.info: ModelInfo | None = None
        self.error: str | None = None
        """Why the last load failed."""
        self.progress: LoadProgress | None = None
        self._choice: ModelChoice | None = None
        self._pause_seconds = 0.0
        self._pausing: asyncio.TimerHandle | None = None

    def load(self, choice: ModelChoice) -> None:
        """Load a model in place of the present one; stops what runs, and returns at once."""
        self._stop_all()
        self._choice = choice
        self._loading = cancel = CancelToken()
        self._become("loading")
        report = self._on_loop(lambda progress: self._progressed(cancel, progress))
        loaded: asyncio.Future[ModelInfo | None] = self._submit(
            lambda: self._backend.load(choice, report, cancel), None, cancel, "alone"
        )
        loaded.add_done_callback(lambda done: self._loaded(cancel, done))

    def load_later(self, choice: ModelChoice) -> None:
        """Give the present model's memory back; whoever wakes it loads this one."""
        self._stop_all()
        self._choice = choice
        self._pause()

    def pause_after(self, seconds: float) -> None:
        """Give the model's memory back whenever nothing was asked of it for so long; 0 is never."""
        self._pause_seconds = seconds
        self._watch_idleness()

    async def pause(self) -> None:
        """Stop what runs and give the model's memory back at once; returns when that is done."""
        if (given_back := self.pause_soon()) is not None:
            await given_back

    def pause_soon(self) -> asyncio.Future[None] | None:
        """Stop what runs, and return what ends when the model's memory is given back; None where it is already."""
        if self.state not in {"loading", "ready"}:
            return None
        self._stop_all()
        return self._pause()

    async def wake(self) -> None:
        """Load a model again that has been paused; returns when it is there, or has failed."""
        if self.state == "paused" and self._choice is not None:
            self.load(self._choice)
            # Jobs come in turn: this one follows the loading.
            await self._submit(lambda: None, None, CancelToken())

    async def complete(
        self,
        request: CompletionRequest,
        cancel: CancelToken,
        progress: Callable[[int, int], None] | None = None,
        grown: Callable[[tuple[Candidate, ...]], None] | None = None,
    ) -> Completion:
        """Continue a prompt; cancelling the task that waits here sets `cancel`.

        `progress` is called on the event loop, some times per second, and `grown` with what there is after each step.

        Raises:
            BackendError: as the backend says.
        """
        report = None if progress is None else self._on_loop(progress)
        self._running.add(cancel)
        self._watch_idleness()
        try:
            begin = partial(self._backend.begin, request, cancel, report)
            return await self._submit(begin, NOTHING, cancel, "generation", grown)
        except asyncio.CancelledError:
            cancel.cancel()
            raise
        finally:
            self._running.discard(cancel)
            self._watch_idleness()

    async def clear_cache(self) -> None:
        """Forget what was kept of earlier prompts."""
        await self._submit(self._backend.clear_cache, None, CancelToken())

    async def models(self) -> Sequence[KnownModel]:
        """Return the models that can be loaded by name.

        Raises:
            BackendError: the list cannot be made.
        """
        # Not on the model's own thread, which may be loading one for minutes.
        return await asyncio.to_thread(self._backend.models)

    def close(self, seconds: float) -> bool:
        """Stop what runs and end the thread; say whether it ended in that time."""
        self._stop_all()
        self._jobs.put(None)
        if self._thread is not None:
            self._thread.join(seconds)
        return self._thread is None or not self._thread.is_alive()

    def _stop_all(self) -> None:
        self._loading.cancel()
        for cancel in self._running:
            cancel.cancel()

    def _become(self, state: State, info: ModelInfo | None = None, error: str | None = None) -> None:
        self.state, self.info, self.error, self.progress = state, info, error, None
        self._watch_idleness()
        self._on_change()

    def _watch_idleness(self) -> None:
        if self._pausing is not None:
            self._pausing.cancel()
            self._pausing = None
        if self._pause_seconds and self.state == "ready" and not self._running:
            self._pausing = asyncio.get_running_loop().call_later(self._pause_seconds, self._pause)

    def _pause(self) -> asyncio.Future[None]:
        self._become("paused")
        return self._submit(self._backend.unload, None, CancelToken(), "alone")

    def _progressed(self, cancel: CancelToken, progress: LoadProgress) -> None:
        if cancel is self._loading and self.state == "loading":
            self.progress = progress
            self._on_change()

    def _loaded(self, cancel: CancelToken, done: asyncio.Future[ModelInfo | None]) -> None:
        failure = done.exception()
        if cancel is not self._loading or cancel.cancelled:
            return
        if failure is None:
            self._become("ready", info=done.result())
        elif isinstance(failure, BackendError):
            self._become("failed", error=str(failure))
        else:
            _log.error("loading the model failed", exc_info=failure)
            self._become("failed", error="The model could not be loaded; the server's log says why.")

    def _submit(
        self,
        work: Callable[[], Any],
        if_skipped: _T,
        cancel: CancelToken,
        kind: _Kind = "between",
        grown: Callable[[tuple[Candidate, ...]], None] | None = None,
    ) -> asyncio.Future[_T]:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="neocaret-model", daemon=True)
            self._thread.start()
        future: asyncio.Future[_T] = asyncio.get_running_loop().create_future()
        self._jobs.put(_Job(work, if_skipped, cancel, future, kind, grown))
        return future

    def _run(self) -> None:
        going: list[tuple[_Job, Work]] = []
        closing = False
        while going or not closing:
            try:
                job = self._jobs.get(block=not going)
            except queue.Empty:
                going = self._advance(going)
                continue
            if job is None:
                closing = True
            elif job.kind == "generation":
                going += self._begin(job)
            else:
                # What goes on then has been cancelled, and ends with its next step.
                while going and job.kind == "alone":
                    going = self._advance(going)
                self._do(job)

    def _do(self, job: _Job) -> None:
        try:
            result = job.if_skipped if job.cancel.cancelled else job.work()
        except BaseException as error:  # noqa: BLE001 - it belongs to the one who waits
            job.settle(None, error)
        else:
            job.settle(result)

    def _begin(self, job: _Job) -> list[tuple[_Job, Work]]:
        """Begin a generation; returns it, unless that is its end."""
        if job.cancel.cancelled:
            job.settle(job.if_skipped)
            return []
        try:
            return [(job, job.work())]
        except BaseException as error:  # noqa: BLE001 - it belongs to the one who waits
            job.settle(None, error)
            return []

    def _advance(self, going: list[tuple[_Job, Work]]) -> list[tuple[_Job, Work]]:
        """Move all generations on by a step; returns those that are not done."""
        try:
            self._backend.advance([work for _, work in going])
        except BaseException as error:  # noqa: BLE001 - it belongs to those who wait
            for job, _ in going:
                job.settle(None, error)
            return []
        for job, work in going:
            if work.done:
                self._finish(job, work)
            else:
                job.tell(work)
        return [(job, work) for job, work in going if not work.done]

    def _finish(self, job: _Job, work: Work) -> None:
        try:
            job.settle(work.result())
        except BaseException as error:  # noqa: BLE001 - it belongs to the one who waits
            job.settle(None, error)

    def _on_loop(self, callback: Callable[..., None]) -> Callable[..., None]:
        """Make a function for the model's thread that calls back on the loop, not too often but with the first."""
        loop = asyncio.get_running_loop()
        last = -_REPORT_EVERY_SECONDS

        def report(*args: object) -> None:
            nonlocal last
            if time.monotonic() - last >= _REPORT_EVERY_SECONDS:
                last = time.monotonic()
                _call_on(loop, callback, *args)

        return report


def _settle(future: asyncio.Future[_T], result: _T, error: BaseException | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(result)
    elif isinstance(error, Exception):
        future.set_exception(error)
    else:
        # Whoever waits is prepared for an Exception, and for nothing else.
        failure = RuntimeError(f"the model's thread met a {type(error).__name__}")
        failure.__cause__ = error
        future.set_exception(failure)


def _call_on(loop: asyncio.AbstractEventLoop, function: Callable[..., None], *args: object) -> None:
    # A job that outlives the loop has nobody left to tell.
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(function, *args)
