"""Waiting for what an editor shows in its own time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

_SECONDS = 30.0

_T = TypeVar("_T")


def wait_for(look: Callable[[], _T], is_there: Callable[[_T], bool] = bool, *, every: float = 0.02) -> _T:
    """Look again and again, after so many seconds, until something is there.

    Raises:
        AssertionError: it did not come in half a minute; what was seen last is told.
    """
    end = time.monotonic() + _SECONDS
    while not is_there(seen := look()):
        assert time.monotonic() < end, f"it never came; last seen: {seen!r}"
        time.sleep(every)
    return seen
