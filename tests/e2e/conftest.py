"""Servers over a real pipe."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from raw_client import RawClient, Start


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
