"""The benchmark's own client against a real server with a scripted backend: what it types, asks, accepts and counts."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

import pytest
from raw_client import SERVER

from neocaret_server.backend import BackendError
from neocaret_server.typing_bench.figures import figures_of
from neocaret_server.typing_bench.keys import Key
from neocaret_server.typing_bench.policies import Policy
from neocaret_server.typing_bench.replay import Manner, replay
from neocaret_server.typing_bench.request import TypingRequest
from neocaret_server.typing_bench.run import measure_typing
from neocaret_server.typing_bench.script import OpenFile, Script, Visit

SLOWLY = 0.3
"""Seconds before a key in which even a busy machine answers."""


def command(**options: Any) -> Sequence[str]:
    return (sys.executable, str(SERVER), json.dumps(options))


def script(text: str, pauses: Sequence[float], willing: bool = True, before: str = "a = 1\n") -> Script:
    keys = tuple(Key(each, 0, pauses[min(at, len(pauses) - 1)], at + 1, willing) for at, each in enumerate(text))
    return Script((OpenFile("x.py", before, (len(before),)),), (Visit(0, 0, text, keys, closes=True),))


def manner(editor: str, **settings: Any) -> Manner:
    return Manner(editor, 1, settings)


async def test_ghost_text_that_is_right_is_accepted_whole() -> None:
    played = script("x = compute(1)", [SLOWLY])
    options = command(script={"x ": ["= compute(1)"]}, otherwise=["wrong"])
    seen, status = await replay(options, played, manner("vscode"), lambda _: None)
    assert status["state"] == "ready"
    assert (seen.acceptances, seen.accepted, seen.keys, seen.keys_alone) == (1, 12, 3, 14)
    assert figures_of(seen).unmatched == 0
    assert all(each.source is not None or each.reason is not None for each in seen.asked)


async def test_ghost_text_whose_beginning_is_right_is_accepted_by_words() -> None:
    played = script("x = compute(1)", [SLOWLY])
    seen, _ = await replay(
        command(script={"x ": ["= compute[2]"]}, otherwise=["wrong"]), played, manner("vscode"), lambda _: None
    )
    assert (seen.acceptances, seen.accepted, seen.keys) == (1, len("= compute"), 2 + 2 + len("(1)"))


async def test_keys_in_the_debounce_ask_nothing_and_later_ones_supersede() -> None:
    played = script("abcdefgh", [0.01] * 4 + [0.15], willing=False)
    seen, _ = await replay(command(otherwise=["w x y z"], token_seconds=60), played, manner("vscode"), lambda _: None)
    figures = figures_of(seen)
    assert figures.requests < len("abcdefgh")
    assert figures.superseded.count == figures.requests
    assert figures.unmatched == 0


async def test_popup_opens_on_a_trigger_character_and_any_item_is_accepted_whole() -> None:
    played = script("x = compute(1)", [SLOWLY])
    options = command(script={"x =": [" wrong", " compute(1)"]}, otherwise=["none"])
    seen, _ = await replay(options, played, manner("neovim"), lambda _: None)
    # "x", " " and "=", one key down, and the one that accepts.
    assert (seen.acceptances, seen.accepted, seen.keys) == (1, len(" compute(1)"), 5)
    assert figures_of(seen).unmatched == 0


@pytest.mark.parametrize(
    "options", [{"load_error": "There is no such model."}, {"complete_failure": "x", "load_error": "no"}]
)
async def test_model_that_cannot_be_loaded_is_told(options: dict[str, Any]) -> None:
    with pytest.raises(BackendError, match=options["load_error"]):
        await replay(command(**options), script("x", [0]), manner("vscode"), lambda _: None)


async def test_server_that_ends_is_told() -> None:
    with pytest.raises(BackendError, match="ended on the way"):
        await replay((sys.executable, "-c", "pass"), script("x", [0]), manner("vscode"), lambda _: None)


def test_whole_benchmark_types_the_same_with_each_policy() -> None:
    told: list[str] = []
    files = [
        ("x.py", "def f(x):\n    return x\n"),
        ("y.py", "".join(f"y{number} = {number}\n" for number in range(60))),
    ]
    request = TypingRequest(minutes=0.05, speed=5)

    def server(policy: Policy) -> Sequence[str]:
        return command(otherwise=[policy.name])

    done = measure_typing(request, lambda message, *_: told.append(message), lambda _: files, server)
    names = [policy["name"] for policy in done.figures["policies"]]
    assert names == list(request.policies)
    assert list(dict.fromkeys(told)) == [f"Typing with {name}" for name in names]
    assert [policy["unmatched"] for policy in done.figures["policies"]] == [0, 0, 0]
    assert done.picture is not None
    assert "pauses to think made 5 times shorter" in done.text
