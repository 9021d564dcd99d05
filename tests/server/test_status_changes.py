from __future__ import annotations

import asyncio
from typing import Any

import pytest

from neocaret_server import status_changes
from neocaret_server.backend import LoadProgress
from neocaret_server.status_changes import Status, StatusChanges, progress_of, wants_status


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status_changes, "GATHER_SECONDS", 0.001)


async def test_what_changes_together_is_told_once_and_what_does_not_change_never() -> None:
    now: Status = {"state": "loading"}
    told: list[Status] = []
    changes = StatusChanges(lambda: dict(now), told.append)
    changes.on = True
    changes.changed()
    now["state"] = "ready"
    changes.changed()
    assert told == []
    await asyncio.sleep(0.05)
    changes.changed()
    await asyncio.sleep(0.05)
    assert told == [{"state": "ready"}]
    now["state"] = "failed"
    changes.changed()
    await asyncio.sleep(0.05)
    assert told == [{"state": "ready"}, {"state": "failed"}]


async def test_who_does_not_ask_is_told_nothing() -> None:
    told: list[Status] = []
    changes = StatusChanges(dict, told.append)
    changes.changed()
    await asyncio.sleep(0.05)
    assert told == []


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({"statusNotifications": True}, True),
        ({"neocaret": {}, "statusNotifications": True}, True),
        ({"statusNotifications": 1}, False),
        ({}, False),
        (None, False),
        ([], False),
    ],
)
def test_who_asks(options: Any, wanted: bool) -> None:
    assert wants_status(options) is wanted


def test_how_far_a_load_is() -> None:
    assert progress_of(None) is None
    assert progress_of(LoadProgress("Reading", 1, 0)) == {"message": "Reading", "done": 1, "total": None}
