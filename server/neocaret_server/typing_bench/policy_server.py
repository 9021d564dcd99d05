"""The real server over the real model, with the policy of a simpler system: `policy_server.py NAME`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from neocaret_server.backend import Backend
from neocaret_server.start import serve_stdio
from neocaret_server.typing_bench.policies import BACKENDS

if TYPE_CHECKING:
    from neocaret_server.server import NeocaretServer


def main() -> int:
    """Serve one client until it leaves; return the exit code."""
    between = BACKENDS[sys.argv[1]]

    def backend() -> Backend:
        from neocaret_server.model_backend import ModelBackend

        wrapped: Backend = between(ModelBackend())
        return wrapped

    return serve_stdio(backend, adjust=_keep_nothing)


def _keep_nothing(server: NeocaretServer) -> None:
    from neocaret_server.kept import KeptLists

    server.kept = KeptLists(most_lists=0)


if __name__ == "__main__":
    sys.exit(main())
