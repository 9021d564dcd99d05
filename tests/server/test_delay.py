from __future__ import annotations

import asyncio

import pytest

from neocaret_server.delay import MOST_SECONDS, SHARE, Delays, Pace, wait_seconds

URI = "file:///x.py"


@pytest.mark.parametrize(
    ("delay_ms", "interval", "answer", "seconds"),
    [
        (0, 0.2, 0.0, 0.0),
        (300, None, None, 0.3),
        (300, 0.2, 0.5, 0.3),
        ("auto", None, 0.01, 0.0),
        ("auto", 0.2, None, 0.0),
        ("auto", 0.2, 0.01, 0.2 * SHARE - 0.01),
        ("auto", 0.2, 0.2, 0.0),
        ("auto", 0.9, 0.05, MOST_SECONDS - 0.05),
    ],
)
def test_how_long_to_wait(delay_ms: int | str, interval: float | None, answer: float | None, seconds: float) -> None:
    assert wait_seconds(delay_ms, interval, answer) == pytest.approx(seconds)


def test_a_pause_to_think_is_no_typing_interval() -> None:
    pace = Pace()
    pace.answered(0.01)
    for now in (0.0, 0.2, 0.4, 60.0, 60.2):
        pace.key(now)
    assert pace.wait_seconds("auto") == pytest.approx(0.2 * SHARE - 0.01)


async def test_who_waits_for_nothing_does_not_wait() -> None:
    assert await Delays().wait(URI, "popup", (1, 0, 0), 0.0)


async def test_a_wait_ends_by_itself() -> None:
    delays = Delays()
    assert await delays.wait(URI, "popup", (1, 0, 0), 0.001)
    delays.supersede(URI, "popup", (2, 0, 0))


@pytest.mark.parametrize(
    ("uri", "channel", "moment", "ended"),
    [
        (URI, "popup", (2, 0, 1), True),
        (URI, "inline", (2, 0, 1), True),
        (URI, "popup", (1, 0, 0), True),
        (URI, "inline", (1, 0, 0), False),
        ("file:///y.py", "popup", (2, 0, 1), False),
    ],
)
async def test_a_question_ends_the_waits_that_it_makes_old(
    uri: str, channel: str, moment: tuple[int, int, int], ended: bool
) -> None:
    delays = Delays()
    waiting = asyncio.ensure_future(delays.wait(URI, "popup", (1, 0, 0), 60 if ended else 0.01))
    await asyncio.sleep(0)
    delays.supersede(uri, channel, moment)
    async with asyncio.timeout(5):
        assert await waiting is not ended


async def test_a_wait_that_is_cancelled_is_forgotten() -> None:
    delays = Delays()
    waiting = asyncio.ensure_future(delays.wait(URI, "popup", (1, 0, 0), 60))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    delays.supersede(URI, "popup", (2, 0, 0))
