"""From raw continuations to the ones worth offering; pure."""

from __future__ import annotations

from collections.abc import Iterable

from neocaret_server.backend import Candidate


def tidy(candidates: Iterable[Candidate], *, single_line: bool) -> list[str]:
    """Trim each continuation, and drop the blank, the cancelled and the repeated ones, keeping the order."""
    texts = (_trim(candidate.text, single_line) for candidate in candidates if candidate.finish_reason != "cancelled")
    return list(dict.fromkeys(text for text in texts if text.strip()))


def _trim(text: str, single_line: bool) -> str:
    text = text.replace("\r\n", "\n")
    return (text.partition("\n")[0] if single_line else text).rstrip()
