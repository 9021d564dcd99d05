from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Sequence

import pytest

from neocaret_server.backend import BackendError, CancelToken, CompletionRequest, LoadProgress, ModelChoice, Work
from neocaret_server.fake_backend import FakeBackend
from neocaret_server.model_thread import ModelThread, State

Make = Callable[[FakeBackend], ModelThread]


@pytest.fixture
async def make() -> AsyncIterator[Make]:
    made = []

    def start(backend: FakeBackend) -> ModelThread:
        made.append(ModelThread(backend, lambda: None))
        return made[-1]

    yield start
    for model in made:
        assert model.close(30)


async def until(model: ModelThread, state: State) -> None:
    async with asyncio.timeout(30):
        while model.state != state:  # noqa: ASYNC110 - states are not events
            await asyncio.sleep(0.001)


async def test_a_model_loads_in_the_background_on_its_own_thread(make: Make) -> None:
    backend = FakeBackend(load_seconds=0.4)
    model = make(backend)
    assert model.state == "starting"
    model.load(ModelChoice("some"))
    assert str(model.state) == "loading"
    await until(model, "ready")
    assert model.info is not None
    assert model.info.model == "some"
    await model.complete(CompletionRequest("x"), CancelToken())
    await model.clear_cache()
    assert len(backend.threads) == 1
    assert threading.get_ident() not in backend.threads


async def test_progress_is_seen_while_it_loads() -> None:
    seen: list[LoadProgress | None] = []
    model = ModelThread(FakeBackend(load_seconds=0.3), lambda: seen.append(model.progress))
    model.load(ModelChoice())
    await until(model, "ready")
    assert model.close(30)
    reports = [each for each in seen if each is not None]
    assert len(reports) >= 2
    assert reports == sorted(reports, key=lambda each: each.done)
    assert seen[0] is None
    assert seen[-1] is None


async def test_a_failure_is_kept_as_a_sentence(make: Make) -> None:
    model = make(FakeBackend(load_error="There is no model of this name."))
    model.load(ModelChoice("nope"))
    await until(model, "failed")
    assert model.error == "There is no model of this name."
    assert model.info is None


async def test_an_unexpected_failure_tells_no_internals(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    class Broken(FakeBackend):
        def load(self, *_: object) -> None:  # type: ignore[override]
            raise RuntimeError("/secret/path")

    model = make(Broken())
    model.load(ModelChoice())
    await until(model, "failed")
    assert model.error is not None
    assert "/secret" not in model.error
    assert "/secret" in caplog.text


async def test_after_a_failure_another_model_loads(make: Make) -> None:
    backend = FakeBackend(load_error="no")
    model = make(backend)
    model.load(ModelChoice())
    await until(model, "failed")
    backend.load_error = None
    model.load(ModelChoice())
    await until(model, "ready")
    assert model.error is None


async def test_a_newer_load_takes_the_place_of_the_older(make: Make) -> None:
    backend = FakeBackend(load_seconds=10)
    model = make(backend)
    model.load(ModelChoice("slow"))
    await asyncio.sleep(0.02)
    backend.load_seconds = 0
    model.load(ModelChoice("fast"))
    await until(model, "ready")
    assert model.info is not None
    assert model.info.model == "fast"


async def test_generations_go_on_side_by_side(make: Make) -> None:
    backend = FakeBackend(script={"long": ["a " * 40], "short": ["b"]}, token_seconds=0.01)
    model = make(backend)
    model.load(ModelChoice())
    await until(model, "ready")
    long = asyncio.ensure_future(model.complete(CompletionRequest("long"), CancelToken()))
    await asyncio.sleep(0.05)
    short = await model.complete(CompletionRequest("short"), CancelToken())
    assert short.candidates[0].text == "b"
    assert not long.done()
    assert (await long).candidates[0].text == "a " * 40
    assert [each.prompt for each in backend.requests] == ["long", "short"]


async def test_other_jobs_come_between_the_steps_of_a_generation(make: Make) -> None:
    model = make(FakeBackend(otherwise=["a " * 60], token_seconds=0.01))
    model.load(ModelChoice())
    await until(model, "ready")
    long = asyncio.ensure_future(model.complete(CompletionRequest("x"), CancelToken()))
    await asyncio.sleep(0.02)
    await model.clear_cache()
    assert not long.done()
    long.cancel()


async def test_closing_ends_what_goes_on(make: Make) -> None:
    model = make(FakeBackend(otherwise=["a " * 60], token_seconds=60))
    model.load(ModelChoice())
    await until(model, "ready")
    long = asyncio.ensure_future(model.complete(CompletionRequest("x"), CancelToken()))
    await asyncio.sleep(0.02)
    assert model.close(30)
    assert {each.finish_reason for each in (await long).candidates} == {"cancelled"}


@pytest.mark.parametrize("error", [BackendError("too hot"), RuntimeError("odd")])
async def test_a_step_that_fails_reaches_all_who_wait(make: Make, error: Exception) -> None:
    class Failing(FakeBackend):
        def advance(self, works: object) -> None:  # noqa: ARG002 - it fails whatever they are
            raise error

    model = make(Failing())
    model.load(ModelChoice())
    both = await asyncio.gather(
        *(model.complete(CompletionRequest(p), CancelToken()) for p in ("a", "b")), return_exceptions=True
    )
    assert both == [error, error]


async def test_cancelling_the_one_who_waits_stops_the_generation(make: Make) -> None:
    backend = FakeBackend(otherwise=["a b c d e f"], token_seconds=60)
    model = make(backend)
    model.load(ModelChoice())
    await until(model, "ready")
    cancel = CancelToken()
    task = asyncio.ensure_future(model.complete(CompletionRequest("x"), cancel))
    await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert cancel.cancelled
    async with asyncio.timeout(30):
        await model.clear_cache()


async def test_what_is_cancelled_before_its_turn_is_skipped(make: Make) -> None:
    backend = FakeBackend()
    model = make(backend)
    model.load(ModelChoice())
    cancel = CancelToken()
    cancel.cancel()
    assert (await model.complete(CompletionRequest("x"), cancel)).candidates == ()
    assert backend.requests == []


async def test_loading_anew_stops_what_runs(make: Make) -> None:
    backend = FakeBackend(otherwise=["a b c d e f"], token_seconds=1)
    model = make(backend)
    model.load(ModelChoice())
    await until(model, "ready")
    cancel = CancelToken()
    task = asyncio.ensure_future(model.complete(CompletionRequest("x"), cancel))
    await asyncio.sleep(0.02)
    model.load(ModelChoice())
    assert cancel.cancelled
    completion = await asyncio.wait_for(task, 2)
    assert {each.finish_reason for each in completion.candidates} == {"cancelled"}
    await until(model, "ready")


async def test_what_fails_reaches_the_one_who_waits(make: Make) -> None:
    model = make(FakeBackend(complete_error=BackendError("too hot")))
    model.load(ModelChoice())
    with pytest.raises(BackendError, match="too hot"):
        await model.complete(CompletionRequest("x"), CancelToken())


async def test_progress_of_a_generation_is_told_on_the_loop(make: Make) -> None:
    model = make(FakeBackend(otherwise=["a b c"]))
    model.load(ModelChoice())
    seen: list[tuple[int, int, int]] = []
    await model.complete(
        CompletionRequest("x"), CancelToken(), lambda done, total: seen.append((done, total, threading.get_ident()))
    )
    assert seen[0] == (1, 3, threading.get_ident())


async def test_closing_does_not_wait_for_what_no_flag_reaches() -> None:
    release = threading.Event()

    class Deaf(FakeBackend):
        def clear_cache(self) -> None:
            release.wait()

    model = ModelThread(Deaf(), lambda: None)
    waiting = asyncio.ensure_future(model.clear_cache())
    await asyncio.sleep(0.01)
    assert not model.close(0.05)
    release.set()
    await waiting
    assert model.close(30)


def test_a_thread_that_never_started_is_closed() -> None:
    assert ModelThread(FakeBackend(), lambda: None).close(0)


async def test_a_model_that_nobody_asks_is_paused_and_wakes_when_asked(make: Make) -> None:
    backend = FakeBackend()
    model = make(backend)
    model.pause_after(0.1)
    model.load(ModelChoice("some"))
    await until(model, "ready")
    await until(model, "paused")
    await model.clear_cache()
    assert not backend.loaded
    await model.wake()
    assert str(model.state) == "ready"
    assert [choice.model for choice in backend.loads] == ["some", "some"]
    await model.wake()
    assert len(backend.loads) == 2


async def test_a_model_at_work_is_not_paused(make: Make) -> None:
    model = make(FakeBackend(otherwise=["a " * 30], token_seconds=0.02))
    model.pause_after(0.1)
    model.load(ModelChoice())
    await until(model, "ready")
    completion = await model.complete(CompletionRequest("x"), CancelToken())
    assert model.state == "ready"
    assert completion.candidates[0].finish_reason == "eos"
    await until(model, "paused")


async def test_a_model_is_never_paused_after_no_time(make: Make) -> None:
    model = make(FakeBackend())
    model.pause_after(0.05)
    model.pause_after(0)
    model.load(ModelChoice())
    await until(model, "ready")
    await asyncio.sleep(0.15)
    assert model.state == "ready"


async def test_a_paused_model_that_cannot_be_loaded_again_has_failed(make: Make) -> None:
    backend = FakeBackend()
    model = make(backend)
    model.pause_after(0.05)
    model.load(ModelChoice())
    await until(model, "paused")
    backend.load_error = "gone"
    await model.wake()
    assert (str(model.state), model.error) == ("failed", "gone")


async def test_what_was_cancelled_ends_before_the_model_is_taken_away(make: Make) -> None:
    class Dead(FakeBackend):
        def advance(self, works: Sequence[Work]) -> None:
            if self.loaded:
                super().advance(works)

    model = make(Dead(otherwise=["a " * 60], token_seconds=0.05))
    model.load(ModelChoice())
    await until(model, "ready")
    cancel = CancelToken()
    long = asyncio.ensure_future(model.complete(CompletionRequest("x"), cancel))
    await asyncio.sleep(0.02)
    long.cancel()
    cancel.cancel()
    model._pause()
    async with asyncio.timeout(30):
        await model.wake()
    assert model.state == "ready"
