"""The real server over a scripted backend, as a program: `fake_server.py '{"script": {...}, "load_seconds": 1}'`.

The options are those of `FakeBackend`; "noisy" has it print to standard output, as a library might, and
"complete_failure" has it break with an exception that nobody planned for.
"""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING

from neocaret_server.fake_backend import FakeBackend, FakeWork
from neocaret_server.start import serve_stdio

if TYPE_CHECKING:
    from collections.abc import Callable

    from neocaret_server.backend import CancelToken, CompletionRequest


class NoisyBackend(FakeBackend):
    """Prints while it works, in each way there is."""

    def begin(
        self,
        request: CompletionRequest,
        cancel: CancelToken,
        progress: Callable[[int, int], None] | None = None,
    ) -> FakeWork:
        """As the port has it, with noise."""
        print("a stray print")  # noqa: T201 - the point
        sys.__stdout__.write("another\n") if sys.__stdout__ else None
        os.write(1, b"and one past Python\n")
        os.system("echo and one of a child; cat")  # noqa: S605, S607 - a child that writes, and reads what it can
        return super().begin(request, cancel, progress)


def main() -> int:
    """Run until the client leaves."""
    options = json.loads(sys.argv[1]) if len(sys.argv) > 1 else {}
    noisy = options.pop("noisy", False)
    failure = options.pop("complete_failure", None)
    backend = (NoisyBackend if noisy else FakeBackend)(**options)
    if failure is not None:
        backend.complete_error = RuntimeError(failure)
    return serve_stdio(lambda: backend)


if __name__ == "__main__":
    sys.exit(main())
