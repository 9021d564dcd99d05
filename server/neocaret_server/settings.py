"""The one table of settings, and how it is read from what a client sends.

camelCase on the wire, snake_case inside. A value that does not fit is reported by its full name and the default used;
a name that is not in the table is reported too. Nothing is dropped in silence.
"""

from __future__ import annotations

import difflib
import json
import re
from dataclasses import dataclass, field, fields
from typing import Any

from neocaret_server.prompt import Multiline
from neocaret_server.rules import Rule

SECTION = "neocaret"


def _as(rule: Rule, about: str, unit: str = "") -> dict[str, Any]:
    return {"rule": rule, "about": about, "unit": unit}


@dataclass(frozen=True, slots=True)
class Settings:
    """What the user chose, or the defaults."""

    model: str = field(
        default="bundled",
        metadata=_as(Rule("text"), 'The model: "bundled", a name on the Hugging Face hub, or a folder.'),
    )
    device: str = field(
        default="auto",
        metadata=_as(
            Rule("text", choices=("auto", "cpu", "mps", "cuda", "cuda:N"), pattern="auto|cpu|mps|cuda(:[0-9]{1,3})?"),
            'Where it runs: "auto", "cuda", "mps" or "cpu".',
        ),
    )
    dtype: str = field(
        default="auto",
        metadata=_as(
            Rule("text", choices=("auto", "float32", "float16", "bfloat16", "int8")),
            'The number format of its weights: "auto", or one by name.',
        ),
    )
    candidates: int = field(
        default=3, metadata=_as(Rule("whole number", 1, 8), "How many continuations are offered.", "continuations")
    )
    max_new_tokens: int = field(
        default=64, metadata=_as(Rule("whole number", 1, 1024), "The longest that a suggestion may be.", "tokens")
    )
    temperature: float = field(
        default=0.5, metadata=_as(Rule("number", 0, 2), "How freely all continuations but the first are sampled.")
    )
    top_p: float = field(
        default=0.95,
        metadata=_as(Rule("number", 0.01, 1), "Sample from the likeliest tokens that have so much together.", "share"),
    )
    top_k: int = field(
        default=0, metadata=_as(Rule("whole number", 0, 1000), "Sample from so many likeliest; 0 from all.", "tokens")
    )
    repetition_penalty: float = field(
        default=1.0, metadata=_as(Rule("number", 1, 2), "How much a token that came before is held back.")
    )
    document_ngrams: bool = field(
        default=True,
        metadata=_as(Rule("flag"), "Whether what followed elsewhere in the document is likelier to follow again."),
    )
    other_files: bool = field(
        default=True,
        metadata=_as(
            Rule("flag"), "Whether what stands in other open files, and in those imported, is likelier to follow."
        ),
    )
    seed: int | None = field(
        default=None,
        metadata=_as(
            Rule("whole number", 0, 2**32 - 1, nullable=True), "The same seed gives the same samples; null varies."
        ),
    )
    multiline: Multiline = field(
        default="auto",
        metadata=_as(
            Rule("text", choices=("auto", "always", "never")),
            "Whether a suggestion may have several lines; auto: where a block or a statement begins.",
        ),
    )
    popup: bool = field(default=True, metadata=_as(Rule("flag"), "Whether suggestions stand in the completion popup."))
    inline: bool = field(default=True, metadata=_as(Rule("flag"), "Whether suggestions appear as ghost text."))
    automatic: bool = field(
        default=True, metadata=_as(Rule("flag"), "Whether suggestions come while typing, without being asked for.")
    )
    delay_ms: int | str = field(
        default="auto",
        metadata=_as(
            Rule("whole number", 0, 2000, word="auto"),
            "Wait before the model is asked while typing; auto: by how fast you type and how soon it answers.",
            "milliseconds",
        ),
    )
    deadline_ms: int = field(
        default=400,
        metadata=_as(
            Rule("whole number", 0, 600_000),
            "Suggestions that nobody asked for are what is whole by then. 0: no deadline.",
            "milliseconds",
        ),
    )
    untitled: bool = field(
        default=False, metadata=_as(Rule("flag"), "Whether suggestions come while typing in documents without a name.")
    )
    largest_file: int = field(
        default=2000,
        metadata=_as(
            Rule("whole number", 0, 1_000_000),
            "No suggestions while typing in longer files. 0: in files of any length.",
            "thousand characters",
        ),
    )
    languages: dict[str, bool] = field(
        default_factory=lambda: {"*": True},
        metadata=_as(Rule("flags by name"), 'Suggestions while typing by language id; "*" for all others.'),
    )
    exclude: tuple[str, ...] = field(
        default=(),
        metadata=_as(
            Rule("texts"),
            "Files never read, besides those that usually hold secrets; a pattern after ! takes files back.",
        ),
    )
    pause_after_minutes: float = field(
        default=30.0,
        metadata=_as(
            Rule("number", 0, 10_000),
            "Give the model's memory back when nothing was asked for so long; the next question loads it. 0: never.",
            "minutes",
        ),
    )
    statistics: bool = field(
        default=True,
        metadata=_as(Rule("flag"), "Count suggestions in a file on this machine: numbers, never text."),
    )


def camel_case(name: str) -> str:
    """Return the name on the wire."""
    return re.sub(r"_(.)", lambda found: found[1].upper(), name)


RULES: dict[str, Rule] = {camel_case(each.name): each.metadata["rule"] for each in fields(Settings)}
"""By the name on the wire."""

# vscode-languageclient keeps its own switch `neocaret.trace.server` in the same section; `statusNotifications` is no
# setting of the user's, but what a client can do.
_OF_THE_CLIENT = frozenset({"trace", "statusNotifications"})


def from_client(given: object) -> tuple[Settings, list[str]]:
    """Read the section `neocaret`; return the settings, and a sentence for each thing that is wrong with it."""
    if given is None or given == []:
        return Settings(), []
    if not isinstance(given, dict):
        return Settings(), [f"{SECTION} must be an object of settings; using the defaults."]
    defaults = Settings()
    chosen: dict[str, Any] = {}
    problems: list[str] = []
    for each in fields(Settings):
        name = camel_case(each.name)
        value = given.get(name)
        # A section with holes is common: null says that the client has no opinion.
        if value is None:
            continue
        try:
            chosen[each.name] = RULES[name].read(value)
        except ValueError:
            default = getattr(defaults, each.name)
            problems.append(f"{SECTION}.{name} must be {RULES[name].must_be}; using {_shown(default)}.")
    problems += [_unknown(name) for name in given if name not in RULES and name not in _OF_THE_CLIENT]
    return Settings(**chosen), problems


def section_of(given: object) -> object:
    """Take the section out of what may be the section itself or an object that holds it.

    What else is an object beside the settings of a bare section is a section of another server.
    """
    if not isinstance(given, dict):
        return given
    if SECTION in given:
        return given[SECTION]
    return {name: value for name, value in given.items() if name in RULES or not isinstance(value, dict)}


def is_foreign(given: object) -> bool:
    """Say whether something is given, and nothing of it is ours."""
    return isinstance(given, dict) and bool(given) and given.keys().isdisjoint({SECTION, *RULES})


def _unknown(name: str) -> str:
    near = difflib.get_close_matches(name, RULES, n=1)
    hint = f"; did you mean {SECTION}.{near[0]}?" if near else "."
    return f"{SECTION}.{name} is not a setting{hint}"


def _shown(value: object) -> str:
    return json.dumps(value)
