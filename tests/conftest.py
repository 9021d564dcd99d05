"""What holds for all tests: they leave the user's own files alone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session", autouse=True)
def _own_statistics(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Servers that tests start count in a folder of their own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NEOCARET_STATE_FOLDER", str(tmp_path_factory.mktemp("state")))
        yield
