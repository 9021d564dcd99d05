"""One answer for each question: newer ones supersede older ones, and equal ones share a generation.

A question has a document, a channel (popup or ghost text) and a moment (the document's version and the caret).
- A newer question about a document supersedes the older ones of another moment, and the older one of its own
  channel, also where the newer one is not put to the model. A superseded question is answered at once, with None.
- The two channels of one moment never supersede each other. Where they ask the same thing, they share one generation,
  also after it has ended.
- A generation that nobody waits for any more is stopped.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from neocaret_server.backend import CancelToken, Completion, CompletionRequest

Moment = tuple[int, int, int]
"""Version, line, and index in the line."""
Complete = Callable[[CompletionRequest, CancelToken], Awaitable[Completion]]


@dataclass(eq=False, slots=True)
class _Generation:
    moment: Moment
    request: CompletionRequest
    cancel: CancelToken = field(default_factory=CancelToken)
    waiters: dict[str, asyncio.Future[Completion | None]] = field(default_factory=dict)
    served: set[str] = field(default_factory=set)
    """The channels that had this generation; one that asks again wants a new one."""
    result: Completion | None = None
    task: asyncio.Task[None] | None = None


class Requests:
    """The questions that wait for the model."""

    def __init__(self, complete: Complete) -> None:
        self._complete = complete
        self._by_document: dict[str, list[_Generation]] = {}

    async def ask(self, uri: str, channel: str, moment: Moment, request: CompletionRequest) -> Completion | None:
        """Return the completion, or None where a newer question came before it.

        Raises:
            BackendError: as the backend says.
        """
        generation = self._shared(uri, channel, moment, request) or self._start(uri, moment, request)
        self.supersede(uri, channel, moment, but=generation)
        generation.served.add(channel)
        if generation.result is not None:
            return generation.result
        waiter: asyncio.Future[Completion | None] = asyncio.get_running_loop().create_future()
        _answer(generation.waiters.pop(channel, None))
        generation.waiters[channel] = waiter
        try:
            return await waiter
        finally:
            if generation.waiters.get(channel) is waiter:
                del generation.waiters[channel]
            self._stop_if_left(generation)

    def supersede(self, uri: str, channel: str, moment: Moment, but: _Generation | None = None) -> None:
        """Answer what a question makes old, also one that itself asks nothing of the model."""
        for each in [each for each in self._by_document.get(uri, []) if each is not but]:
            if each.moment != moment:
                self._drop(uri, each)
                self._leave_all(each)
            elif channel in each.waiters:
                _answer(each.waiters.pop(channel))
                self._stop_if_left(each)

    def forget(self, uri: str) -> None:
        """Supersede all questions about a document, as when it is closed."""
        for generation in self._by_document.pop(uri, []):
            self._leave_all(generation)

    def waiting(self) -> int:
        """Count the questions that have no answer yet."""
        return sum(len(each.waiters) for generations in self._by_document.values() for each in generations)

    def _shared(self, uri: str, channel: str, moment: Moment, request: CompletionRequest) -> _Generation | None:
        for each in self._by_document.get(uri, []):
            same = each.moment == moment and each.request == request and not each.cancel.cancelled
            if same and (each.result is None or channel not in each.served):
                return each
        return None

    def _start(self, uri: str, moment: Moment, request: CompletionRequest) -> _Generation:
        generation = _Generation(moment, request)
        self._by_document.setdefault(uri, []).append(generation)
        generation.task = asyncio.ensure_future(self._generate(uri, generation))
        return generation

    async def _generate(self, uri: str, generation: _Generation) -> None:
        try:
            result = await self._complete(generation.request, generation.cancel)
        except Exception as error:  # noqa: BLE001 - it belongs to those who wait
            self._drop(uri, generation)
            for waiter in _open(generation):
                waiter.set_exception(error)
        else:
            generation.result = result
            if generation.cancel.cancelled:
                self._drop(uri, generation)
            for waiter in _open(generation):
                waiter.set_result(result)
        generation.waiters.clear()

    def _drop(self, uri: str, generation: _Generation) -> None:
        generations = self._by_document.get(uri, [])
        if generation in generations:
            generations.remove(generation)
        if not generations:
            self._by_document.pop(uri, None)

    def _leave_all(self, generation: _Generation) -> None:
        for waiter in generation.waiters.values():
            _answer(waiter)
        generation.waiters.clear()
        self._stop_if_left(generation)

    def _stop_if_left(self, generation: _Generation) -> None:
        if not generation.waiters and generation.result is None:
            generation.cancel.cancel()


def _open(generation: _Generation) -> list[asyncio.Future[Completion | None]]:
    return [waiter for waiter in generation.waiters.values() if not waiter.done()]


def _answer(waiter: asyncio.Future[Completion | None] | None) -> None:
    if waiter is not None and not waiter.done():
        waiter.set_result(None)
