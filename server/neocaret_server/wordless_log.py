"""The server's log: what went wrong and where, and none of an error's own words, which may quote a document."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
import traceback
from types import TracebackType
from typing import Any

_FORMAT = "%(levelname)s %(name)s: %(message)s"
_log = logging.getLogger(__name__)


class WordlessFormatter(logging.Formatter):
    """Formats an exception as its kind and its place, with those of its causes."""

    def formatException(  # noqa: N802 - logging's own name
        self, ei: tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]
    ) -> str:
        """Return the lines for `exc_info`."""
        parts = []
        error, seen = ei[1], set[int]()
        while error is not None and id(error) not in seen:
            seen.add(id(error))
            parts.append("".join(traceback.format_tb(error.__traceback__)) + type(error).__name__)
            error = error.__cause__ or error.__context__
        return "\nwhich came of\n".join(parts)


def set_up_log() -> None:
    """Log warnings and worse to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(WordlessFormatter(_FORMAT))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    # Below that, pygls logs whole messages, and with them the text of documents.
    logging.getLogger("pygls").setLevel(logging.ERROR)
    # Python itself would print an error's words where nothing catches it.
    sys.excepthook = lambda *error: _log.critical("the server ends", exc_info=error)
    threading.excepthook = lambda failed: _log.error("a thread has ended", exc_info=failed.exc_value)


def log_failure(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Log what failed on the loop; asyncio itself would add what the failed call was given."""
    error = context.get("exception")
    what = "a call on the event loop failed" if error else "the event loop complains"
    _log.error(what, exc_info=error)
