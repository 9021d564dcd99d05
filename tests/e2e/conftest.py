"""Servers over a real pipe."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from typing import Any

import pytest
from raw_client import RawClient, Start


@pytest.fixture(scope="session", autouse=True)
def _interruptible() -> None:
    """Let processes that tests start be interrupted: a shell's background job, as tests may be, ignores it for all."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def start() -> Iterator[Start]:
    """Start servers over scripted backends; whatever they do, they are gone afterwards."""
    clients: list[RawClient] = []

    def started(**options: Any) -> RawClient:
        clients.append(RawClient(**options))
        return clients[-1]

    yield started
    for client in clients:
        client.close()


@pytest.fixture(scope="module")
def shared() -> Iterator[RawClient]:
    """A server that is ready, for tests that leave it as it is."""
    client = RawClient(script={"x = ": ["1", "2", "1"], "import pandas as pd": ["\n\ndf = pd.read_csv(path)"]})
    client.initialize()
    yield client
    client.close()
