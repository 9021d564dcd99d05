"""What a request's document comes to as n-grams: its other texts, each tokenized once, and the prompt. No tensors."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from neocaret_model.engine.document_ngrams import BREAK, DocumentNgrams


class OpenDocument:
    """The document that was read last."""

    def __init__(self, encode: Callable[[str], list[int]]) -> None:
        self.ngrams = DocumentNgrams()
        self._encode = encode
        self._encoded: dict[str, list[int]] = {}

    def read(self, elsewhere: Sequence[str], prompt: Sequence[int]) -> None:
        """Count the n-grams of the texts `elsewhere` and of the tokens of the prompt.

        Cheap where the texts are those of the time before and the prompt begins like the one before.
        """
        self._encoded = {text: self._encoded.get(text) or self._encode(text) for text in elsewhere}
        tokens: list[int] = []
        for encoded in self._encoded.values():
            tokens += encoded
            tokens.append(BREAK)
        self.ngrams.read([*tokens, *prompt])

    def forget(self) -> None:
        """Keep nothing of the document."""
        self.ngrams = DocumentNgrams()
        self._encoded = {}
