"""What simpler systems do with the same backend."""

from __future__ import annotations

from collections.abc import Sequence

from neocaret_server.backend import CancelToken, CompletionRequest, Work
from neocaret_server.fake_backend import FakeBackend
from neocaret_server.typing_bench.policies import (
    BACKENDS,
    FIXED_CONTEXT,
    NEOCARET,
    NO_REUSE,
    POLICIES,
    FixedContextBackend,
    ForgetfulBackend,
    fixed_context,
    server_command,
)


class Noted(FakeBackend):
    """Notes what it is asked to do."""

    def clear_cache(self) -> None:
        self.__dict__.setdefault("notes", []).append("clear")

    def advance(self, works: Sequence[Work]) -> None:
        self.__dict__.setdefault("notes", []).append(f"advance {len(works)}")
        super().advance(works)


def test_every_request_of_the_forgetful_begins_with_nothing() -> None:
    noted = Noted(otherwise=["a b c"])
    backend = ForgetfulBackend(noted)
    first = CancelToken()
    old = backend.begin(CompletionRequest("x"), first)
    backend.advance([old])
    first.cancel()
    new = backend.begin(CompletionRequest("xy"), CancelToken())
    noted.__dict__["notes"].clear()
    backend.advance([old, new])
    # What the cancelled one leaves behind as it ends is forgotten before the new one moves on.
    assert noted.__dict__["notes"] == ["advance 1", "clear", "advance 1"]
    while not new.done:
        backend.advance([new])
    assert [candidate.text for candidate in new.result().candidates] == ["a b c"] * 3


def test_fixed_context_is_fifteen_lines_and_one_greedy_item() -> None:
    asked = CompletionRequest("\n".join(map(str, range(40))), elsewhere=("e",), path="p.py", similar_lines=True)
    got = fixed_context(asked)
    assert got.prompt == "\n".join(map(str, range(25, 40)))
    assert (got.candidates, got.temperature, got.path, got.elsewhere) == (1, 0.0, "", ())
    assert not got.document_ngrams
    assert not got.similar_lines
    backend = FixedContextBackend(FakeBackend())
    backend.begin(asked, CancelToken())
    assert backend.requests == [got]


def test_each_policy_has_its_server() -> None:
    assert set(BACKENDS) == {NO_REUSE.name, FIXED_CONTEXT.name}
    assert server_command(POLICIES[0])[3] == "neocaret_server"
    assert server_command(NEOCARET)[1] == "-P"
    assert server_command(NO_REUSE)[-1] == NO_REUSE.name
