"""Why a question got no suggestion: the codes that the log and `neocaret.status` show, and a sentence for each."""

from __future__ import annotations

from typing import Literal

Reason = Literal[
    "unknown-document",
    "excluded-file",
    "model-loading",
    "paused",
    "model-paused",
    "model-failed",
    "language-off",
    "automatic-off",
    "popup-off",
    "inline-off",
    "untitled",
    "huge-file",
    "empty-document",
    "middle-of-line",
    "after-deletion",
    "after-paste",
    "superseded",
    "cancelled",
    "changed",
    "deadline",
    "model-error",
    "nothing-generated",
]

SENTENCES: dict[Reason, str] = {
    "unknown-document": "The editor has not opened this document with the server.",
    "excluded-file": "The file may hold secrets, or is excluded by the setting neocaret.exclude.",
    "model-loading": "The model is still loading.",
    "paused": "Paused by the command neocaret.pause; neocaret.resume ends that.",
    "model-paused": "The model's memory was given back; it is loading again.",
    "model-failed": "The model could not be loaded.",
    "language-off": "The language is switched off by the setting neocaret.languages.",
    "automatic-off": "Suggestions while typing are switched off by the setting neocaret.automatic.",
    "popup-off": "Suggestions in the popup are switched off by the setting neocaret.popup.",
    "inline-off": "Ghost text is switched off by the setting neocaret.inline.",
    "untitled": "The document has no name yet; the setting neocaret.untitled allows it.",
    "huge-file": "The file is longer than the setting neocaret.largestFile allows.",
    "empty-document": "There is nothing to continue.",
    "middle-of-line": "The line goes on after the caret.",
    "after-deletion": "Something was just deleted.",
    "after-paste": "Several lines were just pasted.",
    "superseded": "A newer question came before the answer.",
    "cancelled": "The editor took the question back.",
    "changed": "The text at the caret changed before the answer.",
    "deadline": "Nothing was whole in time; what comes is kept for the next key.",
    "model-error": "The model failed; the server's log says why.",
    "nothing-generated": "The model has nothing to add here.",
}


def reason_text(reason: Reason | None) -> str | None:
    """Return the sentence of a reason; None where there was no silence."""
    return None if reason is None else SENTENCES[reason]
