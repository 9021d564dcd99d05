"""The first tokens of a continuation, which must write again what was taken back from its prompt. No tensors."""

from __future__ import annotations

from neocaret_model.engine.healing import TokenTexts


class Rewriting:
    """What one row still has to write of a healed prompt's text."""

    def __init__(self, texts: TokenTexts, text: str) -> None:
        self._texts = texts
        self._rest = text.encode()

    def allowed(self) -> tuple[int, ...] | None:
        """Return the tokens that would write nothing else; None where all is written, and any may come."""
        return self._texts.allowed(self._rest) if self._rest else None

    def take(self, token: int) -> None:
        """Count a token that was chosen among the allowed ones."""
        if self._rest:
            self._rest = self._texts.rest(self._rest, token)
