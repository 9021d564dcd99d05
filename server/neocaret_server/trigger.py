"""Whether a suggestion should be made at all, and if not, why; pure."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal
from urllib.parse import unquote

from neocaret_server.last_edit import EditKind
from neocaret_server.reasons import Reason
from neocaret_server.settings import Settings

Channel = Literal["popup", "inline"]

SECRETS = (
    ".env*",
    "*.pem",
    "*.key",
    "*.p12",
    "*.pfx",
    "*.kdbx",
    "id_rsa*",
    "id_dsa*",
    "id_ecdsa*",
    "id_ed25519*",
    ".netrc",
    ".pgpass",
    ".npmrc",
    ".pypirc",
    ".git-credentials",
    ".htpasswd",
    ".ssh/",
    ".aws/",
    ".gnupg/",
    ".kube/",
)
"""Files that hold secrets: never read, unless an `exclude` pattern takes one back with `!`."""

CLOSERS = frozenset(")]}>'\"`,;:")
"""What may stand after the caret where nobody is in the middle of a line."""
CLOSER_OF = {"(": ")", "[": "]", "{": "}", "<": ">", "'": "'", '"': '"', "`": "`"}
"""What editors add after the caret when it is opened."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is known when a suggestion is asked for."""

    uri: str
    language_id: str
    channel: Channel
    automatic: bool
    """Asked by typing, not by the user's own command."""
    document_blank: bool
    line_after: str
    characters: int = 0
    """Of the whole document."""
    last_edit: EditKind | None = None
    """What the document's last change was, where the caret stands behind it."""


def silence(question: Question, settings: Settings, state: str) -> Reason | None:
    """Return why the question is not to be asked of the model, or None where it is.

    An explicit question is silenced only by an excluded file, a channel that is switched off, and a model that is
    not there.
    """
    if is_excluded(question.uri, settings.exclude):
        return "excluded-file"
    if not (settings.popup if question.channel == "popup" else settings.inline):
        return "popup-off" if question.channel == "popup" else "inline-off"
    if question.automatic and (reason := _quiet(question, settings)):
        return reason
    return None if state == "ready" else _NOT_READY.get(state, "model-loading")


def is_excluded(uri: str, patterns: tuple[str, ...]) -> bool:
    """Say whether a document is secret, or excluded by a pattern; the last pattern that fits decides.

    `name/` and `name/**` fit a folder anywhere in the path, a pattern with a further `/` the end of the path, and any
    other the file's name; `**` between two `/` is any number of folders, and `!` before a pattern takes the file back.
    Upper and lower case are the same.
    """
    path = unquote(uri.partition(":")[2].partition("#")[0]).replace("\\", "/").lower().split("/")
    excluded = False
    for pattern in (*SECRETS, *patterns):
        wanted = not pattern.startswith("!")
        if _fits(path, pattern.removeprefix("!").lower()):
            excluded = wanted
    return excluded


def language_on(languages: dict[str, bool], language_id: str) -> bool:
    """Say whether a language is switched on: by its own switch, else by that of `*`."""
    return languages.get(language_id, languages.get("*", True))


def _quiet(question: Question, settings: Settings) -> Reason | None:
    if not settings.automatic:
        return "automatic-off"
    if not language_on(settings.languages, question.language_id):
        return "language-off"
    return _unwelcome(question, settings)


def _unwelcome(question: Question, settings: Settings) -> Reason | None:
    """Return what about the document or the caret makes a suggestion unwelcome."""
    if not settings.untitled and question.uri.startswith("untitled:"):
        return "untitled"
    if 0 < settings.largest_file * _THOUSAND < question.characters:
        return "huge-file"
    if question.document_blank:
        return "empty-document"
    if question.last_edit is not None and (reason := _UNWELCOME.get(question.last_edit)):
        return reason
    if not CLOSERS.issuperset(question.line_after.replace(" ", "").replace("\t", "")):
        return "middle-of-line"
    return None


def _fits(path: list[str], pattern: str) -> bool:
    if pattern.endswith("/**"):
        pattern = pattern.removesuffix("**")
    names = pattern.strip("/").split("/")
    if pattern.endswith("/"):
        return any(end < len(path) for end in _ends(path, range(len(path)), names))
    starts = range(len(path)) if "**" in names else range(max(0, len(path) - len(names)), len(path))
    return len(path) in _ends(path, starts, names)


def _ends(path: list[str], starts: Iterable[int], names: list[str]) -> set[int]:
    """Return where in a path patterns for its names may end that begin at one of the starts."""
    at = set(starts)
    for name in names:
        if name == "**":
            at = set(range(min(at), len(path) + 1)) if at else at
        else:
            at = {each + 1 for each in at if each < len(path) and fnmatch.fnmatchcase(path[each], name)}
    return at


_NOT_READY: dict[str, Reason] = {"paused": "model-paused", "failed": "model-failed"}
_UNWELCOME: dict[EditKind, Reason] = {"deletion": "after-deletion", "paste": "after-paste"}
_THOUSAND = 1000
