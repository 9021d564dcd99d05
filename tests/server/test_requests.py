from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neocaret_server.backend import CancelToken, Candidate, Completion, CompletionRequest
from neocaret_server.documents import Document, Place
from neocaret_server.following import CaretAt
from neocaret_server.requests import Followed, Lasting, Moment, Patience, Requests

URI = "file:///x.py"
FIRST: Moment = (1, 0, 0)
SECOND: Moment = (2, 0, 1)


def request(prompt: str = "x") -> CompletionRequest:
    return CompletionRequest(prompt)


def completion(text: str) -> Completion:
    return Completion((Candidate(text, 0.0, 1, "eos"),), 1, 1, 0, 0.0, 0.0)


@dataclass
class Model:
    """Answers when the test says so."""

    asked: list[tuple[str, CancelToken, asyncio.Future[Completion]]] = field(default_factory=list)
    growing: list[Callable[[tuple[Candidate, ...]], None] | None] = field(default_factory=list)

    async def complete(
        self,
        wanted: CompletionRequest,
        cancel: CancelToken,
        grown: Callable[[tuple[Candidate, ...]], None] | None,
    ) -> Completion:
        future: asyncio.Future[Completion] = asyncio.get_running_loop().create_future()
        self.growing.append(grown)
        self.asked.append((wanted.prompt, cancel, future))
        return await future

    def grow(self, number: int, *texts: str) -> None:
        """Tell what there is so far; the last of several texts has ended."""
        growing = self.growing[number]
        assert growing is not None
        ended = len(texts) - 1 or None
        growing(tuple(Candidate(text, 0.0, 1, "eos" if at == ended else "cancelled") for at, text in enumerate(texts)))

    @property
    def cancelled(self) -> list[bool]:
        return [cancel.cancelled for _, cancel, _ in self.asked]

    def answer(self, number: int, text: str = "answer") -> None:
        self.asked[number][2].set_result(completion(text))


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def ask(requests: Requests, channel: str, moment: Moment, prompt: str = "x") -> asyncio.Task[Completion | None]:
    return asyncio.ensure_future(requests.ask(URI, channel, moment, request(prompt)))


async def test_a_question_is_answered() -> None:
    model = Model()
    asked = ask(Requests(model.complete), "popup", FIRST)
    await settle()
    model.answer(0)
    assert await asked == completion("answer")


async def test_a_newer_question_supersedes_the_older_at_once() -> None:
    model = Model()
    requests = Requests(model.complete)
    older = ask(requests, "popup", FIRST)
    await settle()
    newer = ask(requests, "popup", SECOND, "xy")
    await settle()
    assert older.done()
    assert older.result() is None
    assert model.cancelled == [True, False]
    model.answer(0)
    model.answer(1, "newer")
    assert await newer == completion("newer")
    assert requests.waiting() == 0


async def test_a_newer_question_that_is_not_put_to_the_model_supersedes_too() -> None:
    model = Model()
    requests = Requests(model.complete)
    requests.supersede(URI, "popup", FIRST)
    popup, inline = ask(requests, "popup", FIRST), ask(requests, "inline", FIRST)
    await settle()
    requests.supersede(URI, "popup", FIRST)
    await settle()
    assert popup.done()
    assert (inline.done(), model.cancelled) == (False, [False])
    requests.supersede(URI, "popup", SECOND)
    await settle()
    assert (popup.result(), inline.result(), model.cancelled) == (None, None, [True])
    assert requests.waiting() == 0
    assert len(model.asked) == 1


async def test_the_two_channels_of_one_moment_share_a_generation() -> None:
    model = Model()
    requests = Requests(model.complete)
    popup, inline = ask(requests, "popup", FIRST), ask(requests, "inline", FIRST)
    await settle()
    assert len(model.asked) == 1
    model.answer(0)
    assert await popup == await inline == completion("answer")


async def test_the_second_channel_has_the_answer_that_the_first_one_had() -> None:
    model = Model()
    requests = Requests(model.complete)
    popup = ask(requests, "popup", FIRST)
    await settle()
    model.answer(0)
    await popup
    assert await ask(requests, "inline", FIRST) == completion("answer")
    assert len(model.asked) == 1


async def test_a_channel_that_asks_again_gets_something_new() -> None:
    model = Model()
    requests = Requests(model.complete)
    first = ask(requests, "popup", FIRST)
    await settle()
    model.answer(0)
    await first
    again = ask(requests, "popup", FIRST)
    await settle()
    model.answer(1, "new")
    assert await again == completion("new")


async def test_the_same_question_twice_answers_the_older_and_goes_on() -> None:
    model = Model()
    requests = Requests(model.complete)
    older, newer = ask(requests, "popup", FIRST), ask(requests, "popup", FIRST)
    await settle()
    assert older.done()
    assert older.result() is None
    assert model.cancelled == [False]
    model.answer(0)
    assert await newer == completion("answer")


async def test_two_channels_of_one_moment_with_two_prompts_do_not_disturb_each_other() -> None:
    model = Model()
    requests = Requests(model.complete)
    popup, inline = ask(requests, "popup", FIRST), ask(requests, "inline", FIRST, "x.append")
    await settle()
    model.answer(0, "popup")
    model.answer(1, "inline")
    assert (await popup, await inline) == (completion("popup"), completion("inline"))


async def test_cancelling_sets_the_flag_unless_somebody_else_waits() -> None:
    model = Model()
    requests = Requests(model.complete)
    popup, inline = ask(requests, "popup", FIRST), ask(requests, "inline", FIRST)
    await settle()
    popup.cancel()
    await settle()
    assert model.cancelled == [False]
    inline.cancel()
    await settle()
    assert model.cancelled == [True]
    model.answer(0)
    await settle()
    assert requests.waiting() == 0


async def test_a_stopped_generation_is_not_shared() -> None:
    model = Model()
    requests = Requests(model.complete)
    gone = ask(requests, "popup", FIRST)
    await settle()
    gone.cancel()
    await settle()
    asked = ask(requests, "inline", FIRST)
    await settle()
    model.answer(0, "half")
    model.answer(1, "whole")
    assert await asked == completion("whole")


async def test_a_failure_reaches_all_who_wait_and_is_not_shared() -> None:
    model = Model()
    requests = Requests(model.complete)
    popup, inline = ask(requests, "popup", FIRST), ask(requests, "inline", FIRST)
    await settle()
    model.asked[0][2].set_exception(RuntimeError("broken"))
    for each in (popup, inline):
        with pytest.raises(RuntimeError, match="broken"):
            await each
    again = ask(requests, "popup", FIRST)
    await settle()
    model.answer(1)
    assert await again == completion("answer")


async def test_closing_a_document_answers_its_questions() -> None:
    model = Model()
    requests = Requests(model.complete)
    asked = ask(requests, "popup", FIRST)
    await settle()
    requests.forget(URI)
    assert await asked is None
    assert model.cancelled == [True]


async def test_documents_do_not_disturb_each_other() -> None:
    model = Model()
    requests = Requests(model.complete)
    here = ask(requests, "popup", FIRST)
    there = asyncio.ensure_future(requests.ask("file:///y.py", "popup", SECOND, request("y")))
    await settle()
    model.answer(0, "here")
    model.answer(1, "there")
    assert (await here, await there) == (completion("here"), completion("there"))


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["ask", "ask", "ask", "answer", "fail", "cancel", "forget", "supersede"]),
        st.sampled_from(["popup", "inline"]),
        st.integers(0, 3),
        st.integers(0, 5),
    ),
    max_size=30,
)


@settings(max_examples=60)
@given(STEPS)
def test_every_question_gets_exactly_one_answer_whatever_happens(steps: list[tuple[str, str, int, int]]) -> None:
    asyncio.run(play(steps))


async def play(steps: list[tuple[str, str, int, int]]) -> None:
    model = Model()
    requests = Requests(model.complete)
    asked: list[asyncio.Task[Completion | None]] = []
    for step, channel, moment, which in steps:
        if step == "ask":
            asked.append(ask(requests, channel, (moment, 0, 0), f"x{moment}"))
        elif step == "forget":
            requests.forget(URI)
        elif step == "supersede":
            requests.supersede(URI, channel, (moment, 0, 0))
        elif step == "cancel" and asked:
            asked[which % len(asked)].cancel()
        elif model.asked:
            end(model.asked[which % len(model.asked)][2], step)
        await asyncio.sleep(0)
    await settle()
    for _, _, future in model.asked:
        end(future, "answer")
    await asyncio.wait_for(asyncio.gather(*asked, return_exceptions=True), 5)
    assert requests.waiting() == 0


def end(future: asyncio.Future[Completion], how: str) -> None:
    if not future.done():
        if how == "fail":
            future.set_exception(RuntimeError("broken"))
        else:
            future.set_result(completion("x"))


def caret(typed: str) -> CaretAt:
    return CaretAt(Document.of(URI, "python", 1, typed), Place(0, len(typed)))


@dataclass
class Kept:
    """Whatever is made of a lasting generation."""

    texts: list[str] = field(default_factory=list)

    def lasting(self, typed: str = "") -> Lasting:
        return Lasting(caret(typed), True, self.keep)

    def keep(self, made: Completion) -> bool:
        self.texts += [candidate.text for candidate in made.candidates]
        return bool(made.candidates)


def begin(requests: Requests, kept: Kept, uri: str = URI) -> asyncio.Task[Completion | None]:
    return asyncio.ensure_future(requests.ask(uri, "inline", FIRST, request(), lasting=kept.lasting()))


def follow(requests: Requests, typed: str, channel: str = "inline") -> asyncio.Task[Followed]:
    return asyncio.ensure_future(requests.follow(URI, channel, (1 + len(typed), 0, len(typed)), caret(typed)))


async def test_questions_follow_one_another_and_the_last_ones_have_the_answer() -> None:
    model, kept = Model(), Kept()
    requests = Requests(model.complete)
    first = begin(requests, kept)
    await settle()
    model.grow(0, "ans")
    second = follow(requests, "a")
    third = follow(requests, "an")
    popup = follow(requests, "an", "popup")
    await settle()
    assert (first.result(), second.result(), third.done(), popup.done()) == (None, "superseded", False, False)
    model.answer(0)
    assert (await third, await popup, kept.texts, len(model.asked)) == ("made", "made", ["answer"], 1)


async def test_nothing_is_followed_before_it_has_text_or_once_it_does_not_fit() -> None:
    model, kept = Model(), Kept()
    requests = Requests(model.complete)
    begin(requests, kept)
    await settle()
    assert await follow(requests, "a") == "nothing"
    model.grow(0, "b")
    assert await follow(requests, "a") == "nothing"
    strayed = follow(requests, "bc")
    await settle()
    assert model.cancelled == [False]
    model.grow(0, "bx")
    assert await strayed == "nothing"
    await settle()
    assert (model.cancelled, kept.texts) == ([True], [])


async def test_one_that_is_left_gives_way_to_any_other() -> None:
    model, kept = Model(), Kept()
    requests = Requests(model.complete)
    left = begin(requests, kept)
    await settle()
    left.cancel()
    await settle()
    assert model.cancelled == [False]
    begin(requests, kept, "file:///y.py")
    await settle()
    assert model.cancelled == [True, False]


async def test_a_stopped_one_keeps_nothing() -> None:
    model, kept = Model(), Kept()
    requests = Requests(model.complete)
    begin(requests, kept)
    await settle()
    requests.forget(URI)
    model.answer(0)
    await settle()
    assert kept.texts == []


async def test_a_failure_reaches_who_follows() -> None:
    model, kept = Model(), Kept()
    requests = Requests(model.complete)
    begin(requests, kept)
    await settle()
    model.grow(0, "ans")
    following = follow(requests, "a")
    await settle()
    model.asked[0][2].set_exception(RuntimeError("broken"))
    with pytest.raises(RuntimeError, match="broken"):
        await following


async def test_a_question_out_of_time_has_what_is_whole_and_the_rest_is_kept() -> None:
    model, kept = Model(), Kept()
    requests = Requests(model.complete)
    asked = asyncio.ensure_future(
        requests.ask(URI, "popup", FIRST, request(), lasting=kept.lasting(), patience=Patience(0.2))
    )
    await settle()
    model.grow(0, "one", "ended")
    completed = await asked
    assert completed is not None
    assert [candidate.text for candidate in completed.candidates] == ["ended"]
    await settle()
    assert model.cancelled == [False]
    model.answer(0, "one two")
    await settle()
    assert kept.texts == ["ended", "one two"]
