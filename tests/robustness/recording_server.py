"""The real server over a scripted backend that writes down what a model gets: `recording_server.py FILE [HOW]`.

HOW says where the backend breaks, with words that quote the prompt: at "begin", "advance" or "load", or in a "panic" at
one of these, which is no Exception; or it "hangs", and never comes back.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neocaret_server.fake_backend import FakeBackend, FakeWork
from neocaret_server.start import serve_stdio

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from neocaret_server.backend import CancelToken, CompletionRequest, ModelInfo, Work


class Panic(BaseException):
    """As libraries written in Rust raise it."""


class RecordingBackend(FakeBackend):
    """Writes a line of JSON for each request."""

    def __init__(self, record: Path, breaks: str) -> None:
        super().__init__(otherwise=["continued"], load_error=None)
        self._record, self._breaks, self._seen = record, breaks, ""

    def _break(self, where: str) -> None:
        if self._breaks.endswith(where) and self._seen:
            raise (Panic if "panic" in self._breaks else RuntimeError)(f"broken at {self._seen}")

    def load(self, *arguments: Any) -> ModelInfo:
        """As the port has it."""
        self._break("load")
        return super().load(*arguments)

    def begin(
        self, request: CompletionRequest, cancel: CancelToken, progress: Callable[[int, int], None] | None = None
    ) -> FakeWork:
        """As the port has it."""
        with self._record.open("a") as file:
            file.write(json.dumps([request.prompt, *request.elsewhere, request.path]) + "\n")
        self._seen = request.prompt
        self._break("begin")
        return super().begin(request, cancel, progress)

    def advance(self, works: Sequence[Work]) -> None:
        """As the port has it."""
        self._break("advance")
        while self._breaks == "hangs":
            time.sleep(60)
        super().advance(works)


if __name__ == "__main__":
    sys.exit(serve_stdio(lambda: RecordingBackend(Path(sys.argv[1]), "".join(sys.argv[2:3]))))
