"""What a request's document comes to as n-grams: its other texts, each tokenized once, and the prompt. No tensors."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from neocaret_model.engine.document_ngrams import BREAK, DocumentNgrams
from neocaret_model.engine.prefix_cache import shared_prefix

MOST_DOCUMENTS = 4
"""So many are remembered while nobody asks about them."""


class OpenDocument:
    """A document, as it was read last."""

    def __init__(self, encode: Callable[[str], list[int]]) -> None:
        self.ngrams = DocumentNgrams()
        self._encode = encode
        self._encoded: dict[str, list[int]] = {}
        self._prompt: Sequence[int] = ()

    def likeness(self, elsewhere: Sequence[str], prompt: Sequence[int]) -> int:
        """How many tokens it has in common with a document, at the least."""
        shared = sum(len(self._encoded.get(text, ())) for text in elsewhere)
        return shared + shared_prefix(self._prompt, prompt)

    def read(self, elsewhere: Sequence[str], prompt: Sequence[int]) -> None:
        """Count the n-grams of the texts `elsewhere` and of the tokens of the prompt.

        Cheap where the texts are those of the time before and the prompt begins like the one before.
        """
        self._encoded = {text: self._encoded.get(text) or self._encode(text) for text in elsewhere}
        self._prompt = prompt
        tokens: list[int] = []
        for encoded in self._encoded.values():
            tokens += encoded
            tokens.append(BREAK)
        self.ngrams.read([*tokens, *prompt])


class OpenDocuments:
    """The documents that were asked about last. One that is lent stays as it is until it comes back."""

    def __init__(self, encode: Callable[[str], list[int]]) -> None:
        self._encode = encode
        self._free: list[OpenDocument] = []

    def lend(self, elsewhere: Sequence[str], prompt: Sequence[int]) -> OpenDocument:
        """Return a document that has read these texts; the caller gives it back."""
        best = max(self._free, key=lambda document: document.likeness(elsewhere, prompt), default=None)
        if best is None or not best.likeness(elsewhere, prompt):
            best = OpenDocument(self._encode)
        self._free = [document for document in self._free if document is not best]
        best.read(elsewhere, prompt)
        return best

    def give_back(self, document: OpenDocument) -> None:
        """Keep a document for the next question about it."""
        self._free = [document, *self._free][:MOST_DOCUMENTS]

    def forget(self) -> None:
        """Keep nothing of those that are not lent."""
        self._free = []
