"""One answer for each question: newer ones supersede older ones, and follow or share what is generated already.

A question has a document, a channel (popup or ghost text) and a moment (the document's version and the caret).
- A newer question about a document supersedes the older ones of another moment, and the older one of its own
  channel, also where the newer one is not put to the model. A superseded question is answered at once, with None.
- The two channels of one moment never supersede each other. Where they ask the same thing, they share one generation,
  also after it has ended.
- A generation that nobody waits for any more is stopped, unless it is a lasting one.
- A lasting generation goes on as long as one of its candidates fits what has been typed since, and questions follow
  it. It is stopped within a step when none fits, when another one begins, or when nobody has asked for a while after
  its last question was cancelled.
- A question that has a time is answered by then with what is whole. What comes later is kept.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol

from neocaret_server.backend import CancelToken, Candidate, Completion, CompletionRequest
from neocaret_server.documents import Document
from neocaret_server.following import CaretAt, goes_on, inserted_since, typed_since, whole_part

LEFT_SECONDS = 1.0
"""A generation whose question was cancelled goes on for so long: editors cancel at each key, and ask again."""

Moment = tuple[int, int, int]
"""Version, line, and index in the line."""
Followed = Literal["made", "superseded", "nothing"]
_Outcome = Completion | Literal["superseded", "strayed"]


class Complete(Protocol):
    """Continues a prompt; `grown` is called with what there is after each step."""

    async def __call__(
        self,
        request: CompletionRequest,
        cancel: CancelToken,
        grown: Callable[[tuple[Candidate, ...]], None] | None,
        /,
    ) -> Completion:
        """As `ModelThread.complete`."""
        ...


@dataclass(frozen=True, slots=True)
class Lasting:
    """What a generation is for that outlives its question."""

    at: CaretAt
    single_line: bool
    keep: Callable[[Completion], bool]
    """Takes what has been made; says whether there is anything to offer."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a question waits."""

    seconds: float = math.inf
    for_something: bool = False
    """When the time is over, and there is nothing yet, it waits for the first that there is."""


PATIENT: Final = Patience()


@dataclass(eq=False, slots=True)
class _Waiter:
    moment: Moment
    patience: Patience
    future: asyncio.Future[_Outcome]
    typed: str = ""
    """Since the generation began."""
    due: bool = False

    def settle(self, outcome: _Outcome) -> None:
        if not self.future.done():
            self.future.set_result(outcome)


@dataclass(eq=False, slots=True)
class _Generation:
    moment: Moment
    request: CompletionRequest
    lasting: Lasting | None
    cancel: CancelToken = field(default_factory=CancelToken)
    waiters: dict[str, _Waiter] = field(default_factory=dict)
    served: set[str] = field(default_factory=set)
    """The channels that had this generation; one that asks again wants a new one."""
    candidates: tuple[Candidate, ...] = ()
    """So far."""
    typed: str | None = ""
    """Since it began, as the document says; None where anything else was done."""
    result: Completion | None = None
    task: asyncio.Task[None] | None = None
    stopping: asyncio.TimerHandle | None = None

    @property
    def under_way(self) -> bool:
        return self.result is None and not self.cancel.cancelled

    @property
    def fits(self) -> bool:
        """Whether it may be what the document goes on with."""
        return self.typed is not None and goes_on(self.candidates, self.typed)


class Requests:
    """The questions that wait for the model."""

    def __init__(self, complete: Complete) -> None:
        self._complete = complete
        self._by_document: dict[str, list[_Generation]] = {}

    async def ask(
        self,
        uri: str,
        channel: str,
        moment: Moment,
        request: CompletionRequest,
        *,
        lasting: Lasting | None = None,
        patience: Patience = PATIENT,
    ) -> Completion | None:
        """Return the completion, or what of it is whole in time, or None where a newer question came before it.

        Raises:
            BackendError: as the backend says.
        """
        generation = self._shared(uri, channel, moment, request) or self._start(uri, moment, request, lasting)
        self.supersede(uri, channel, moment, but=generation)
        generation.served.add(channel)
        if generation.result is not None:
            return generation.result
        outcome = await self._wait(generation, channel, moment, patience)
        return outcome if isinstance(outcome, Completion) else None

    async def follow(
        self, uri: str, channel: str, moment: Moment, at: CaretAt, patience: Patience = PATIENT
    ) -> Followed:
        """Wait for a generation that is under way and fits what was typed since it began.

        Returns:
            `made` when it has kept what there is; `nothing` where there is none, or none of its candidates turns out
            to fit; `superseded` where a newer question came before that.

        Raises:
            BackendError: as the backend says.
        """
        for generation in self._by_document.get(uri, []):
            typed = _fitting(generation, at)
            if typed is not None:
                break
        else:
            return "nothing"
        self.supersede(uri, channel, moment, but=generation)
        outcome = await self._wait(generation, channel, moment, patience, typed)
        return "made" if isinstance(outcome, Completion) else "superseded" if outcome == "superseded" else "nothing"

    def supersede(
        self, uri: str, channel: str, moment: Moment, at: CaretAt | None = None, but: _Generation | None = None
    ) -> None:
        """Answer what a question makes old, also one that itself asks nothing of the model.

        A lasting generation goes on where it fits what was typed up to the caret `at`.
        """
        for each in list(self._by_document.get(uri, [])):
            for waiting, waiter in list(each.waiters.items()):
                if waiter.moment != moment or waiting == channel:
                    del each.waiters[waiting]
                    waiter.settle("superseded")
            goes_on_anyway = each is but or (at is not None and _fitting(each, at) is not None)
            if goes_on_anyway:
                continue
            if each.moment != moment:
                self._drop(uri, each)
            self._stop_if_left(each)

    def changed(self, document: Document) -> None:
        """Stop what nobody waits for where its document no longer fits it."""
        for each in list(self._by_document.get(document.uri, [])):
            if each.lasting is None or not each.under_way:
                continue
            each.typed = inserted_since(each.lasting.at, document)
            if not each.fits:
                self._stop_if_left(each)

    def forget(self, uri: str) -> None:
        """Supersede all questions about a document, as when it is closed."""
        for generation in self._by_document.pop(uri, []):
            for waiter in generation.waiters.values():
                waiter.settle("superseded")
            generation.waiters.clear()
            self._stop_if_left(generation)

    def waiting(self) -> int:
        """Count the questions that have no answer yet."""
        return sum(len(each.waiters) for generations in self._by_document.values() for each in generations)

    def under_way(self, uri: str) -> bool:
        """Say whether something is being generated for a document."""
        return any(each.under_way for each in self._by_document.get(uri, []))

    async def ended(self, uri: str) -> None:
        """Wait until nothing is being generated for a document."""
        while tasks := [each.task for each in self._by_document.get(uri, []) if each.under_way and each.task]:
            await asyncio.wait(tasks)

    def _shared(self, uri: str, channel: str, moment: Moment, request: CompletionRequest) -> _Generation | None:
        for each in self._by_document.get(uri, []):
            same = each.moment == moment and each.request == request and not each.cancel.cancelled
            if same and (each.result is None or channel not in each.served):
                return each
        return None

    def _start(self, uri: str, moment: Moment, request: CompletionRequest, lasting: Lasting | None) -> _Generation:
        for other, generations in list(self._by_document.items()):
            for each in list(generations):
                # What nobody waits for gives way, and what has ended is only shared in the document last asked about.
                self._stop_if_left(each)
                if other != uri and each.result is not None:
                    self._drop(other, each)
        generation = _Generation(moment, request, lasting)
        self._by_document.setdefault(uri, []).append(generation)
        generation.task = asyncio.ensure_future(self._generate(uri, generation))
        return generation

    async def _wait(
        self, generation: _Generation, channel: str, moment: Moment, patience: Patience, typed: str = ""
    ) -> _Outcome:
        loop = asyncio.get_running_loop()
        waiter = _Waiter(moment, patience, loop.create_future(), typed)
        if (older := generation.waiters.pop(channel, None)) is not None:
            older.settle("superseded")
        generation.waiters[channel] = waiter
        if generation.stopping is not None:
            generation.stopping.cancel()
        due = None if math.isinf(patience.seconds) else loop.call_later(patience.seconds, _due, generation, waiter)
        try:
            return await waiter.future
        finally:
            if due is not None:
                due.cancel()
            if generation.waiters.get(channel) is waiter:
                del generation.waiters[channel]
            self._left(generation, waiter)

    def _left(self, generation: _Generation, waiter: _Waiter) -> None:
        """Go on for a while without anybody, or to the end where who left has had what was whole in time."""
        if generation.lasting is None or not generation.fits:
            self._stop_if_left(generation)
        elif not generation.waiters and generation.under_way and not waiter.due:
            loop = asyncio.get_running_loop()
            generation.stopping = loop.call_later(LEFT_SECONDS, self._stop_if_left, generation)

    async def _generate(self, uri: str, generation: _Generation) -> None:
        grown = None if generation.lasting is None else lambda candidates: self._grown(generation, candidates)
        try:
            result = await self._complete(generation.request, generation.cancel, grown)
            if generation.lasting is not None and not generation.cancel.cancelled:
                generation.lasting.keep(result)
        except Exception as error:  # noqa: BLE001 - it belongs to those who wait
            self._drop(uri, generation)
            for waiter in generation.waiters.values():
                if not waiter.future.done():
                    waiter.future.set_exception(error)
        else:
            generation.result = result
            if generation.cancel.cancelled:
                self._drop(uri, generation)
            for waiter in generation.waiters.values():
                waiter.settle(result)
        generation.waiters.clear()

    def _grown(self, generation: _Generation, candidates: tuple[Candidate, ...]) -> None:
        if not generation.under_way:
            return
        generation.candidates = candidates
        fits = generation.fits
        for channel, waiter in list(generation.waiters.items()):
            if not goes_on(candidates, waiter.typed):
                del generation.waiters[channel]
                waiter.settle("strayed")
                fits = False
            elif waiter.due:
                _answer_with_part(generation, waiter)
        if not fits:
            self._stop_if_left(generation)

    def _drop(self, uri: str, generation: _Generation) -> None:
        generations = self._by_document.get(uri, [])
        if generation in generations:
            generations.remove(generation)
        if not generations:
            self._by_document.pop(uri, None)

    def _stop_if_left(self, generation: _Generation) -> None:
        if not generation.waiters and generation.result is None:
            generation.cancel.cancel()


_AHEAD = 64
"""Characters: what is typed beyond all that there is may still be what comes."""


def _fitting(generation: _Generation, at: CaretAt) -> str | None:
    """Return what was typed since a lasting generation began, where it is under way and fits that."""
    if generation.lasting is None or not generation.under_way:
        return None
    longest = max((len(candidate.text) for candidate in generation.candidates), default=0)
    typed = typed_since(generation.lasting.at, at, longest + _AHEAD)
    return None if typed is None or not goes_on(generation.candidates, typed.text) else typed.text


def _due(generation: _Generation, waiter: _Waiter) -> None:
    waiter.due = True
    _answer_with_part(generation, waiter)


def _answer_with_part(generation: _Generation, waiter: _Waiter) -> None:
    """Answer with what is whole, if there is anything to offer, or the question does not wait for that."""
    lasting = generation.lasting
    candidates = () if lasting is None else whole_part(generation.candidates, single_line=lasting.single_line)
    part = Completion(candidates, 0, 0, 0, 0.0, 0.0)
    something = lasting is not None and bool(candidates) and lasting.keep(part)
    if something or not waiter.patience.for_something:
        waiter.settle(part)
