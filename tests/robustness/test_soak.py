"""A simulated day with the bundled model: nothing unanswered, nothing answered twice, and nothing that grows.

The default suite has a fiftieth of it; all of it takes some minutes: `pytest -m soak -s`.
"""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path

import pytest
from raw_client import Start
from typing_day import Day, held

import neocaret_server

SERVER = Path(__file__).with_name("soak_server.py")
PARTS = 10

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="the system does not tell what a process holds"
)


def texts() -> list[str]:
    """Fifty texts that somebody may type: this project's own."""
    files = sorted(Path(neocaret_server.__path__[0]).rglob("*.py"))
    return [text for file in files if 1500 < len(text := file.read_text()) < 9000][:50]


def p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]


@pytest.mark.parametrize(
    ("keys", "growth"),
    [
        # What is kept of documents is still filling up while so little is typed.
        pytest.param(400, 0.25, id="a fiftieth"),
        pytest.param(20_000, 0.05, id="a day", marks=pytest.mark.soak),
    ],
)
def test_a_day_of_typing_leaves_nothing_behind(start: Start, keys: int, growth: float) -> None:
    client = start(command=(sys.executable, str(SERVER)))
    client.initialize(initializationOptions={"candidates": 2, "maxNewTokens": 12, "delayMs": 0, "seed": 1})
    day = Day(client, texts())
    began = time.monotonic()
    seen = []
    for part in range(PARTS):
        day.type(keys // PARTS)
        day.settle()
        if keys < 1000 and 0 < part < PARTS - 1:
            continue
        # What goes on in the background ends by itself.
        time.sleep(1.5)
        seen.append((held(client.process.pid), client.command("neocaret.soakAccount")["result"]))
        if keys > 1000:
            print(f"{time.monotonic() - began:5.0f} s", *seen[-1])  # noqa: T201 - somebody waits for minutes
    (first, _), (last, account) = seen[0], seen[-1]
    parts = len(day.waited_ms) // PARTS
    early, late = p95(day.waited_ms[parts : 3 * parts]), p95(day.waited_ms[-2 * parts :])
    print(f"{keys} keys: {first} -> {last}; p95 {early:.0f} ms -> {late:.0f} ms; {account}")  # noqa: T201
    client.ask("shutdown", None)
    client.notify("exit", None)
    assert client.end() == 0
    client.join()
    assert "Traceback" not in client.all_errors()
    assert set(day.questions) == set(day.answers) & set(day.questions), "every question is answered"
    assert max(day.answers.values()) == 1, "and none twice"
    assert last.kilobytes <= first.kilobytes * (1 + growth)
    assert account["waiting requests"] == account["waiting questions"] == account["generations"] == 0
    assert account["running"] == account["lent slots"] == 0
    assert account["documents"] <= 8
    assert account["slots"] <= 4
    assert last.files <= first.files + 1
    assert last.threads <= first.threads + 2
    assert late <= 2 * early + 50, "an answer takes no longer in the evening"
