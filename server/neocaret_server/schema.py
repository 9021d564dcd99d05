"""The table of settings as others read it: for the README, for a terminal, and as a JSON schema for editors; pure."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, fields
from typing import Any

from neocaret_server.rules import Kind, Rule
from neocaret_server.settings import SECTION, Settings, camel_case

_TYPES: dict[Kind, dict[str, Any]] = {
    "text": {"type": "string"},
    "whole number": {"type": "integer"},
    "number": {"type": "number"},
    "flag": {"type": "boolean"},
    "texts": {"type": "array", "items": {"type": "string"}},
    "flags by name": {"type": "object", "additionalProperties": {"type": "boolean"}},
}


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of the table."""

    name: str
    """On the wire."""
    default: Any
    """As JSON has it."""
    rule: Rule
    unit: str
    """Of its number; empty where it has none."""
    about: str


def settings_table() -> list[Setting]:
    """Return all settings, in the table's order."""
    defaults = Settings()
    return [
        Setting(
            camel_case(each.name),
            json.loads(json.dumps(getattr(defaults, each.name))),
            each.metadata["rule"],
            each.metadata["unit"],
            each.metadata["about"],
        )
        for each in fields(Settings)
    ]


def markdown() -> str:
    """Return the table as the README has it."""
    rows = ["| setting | default | what it may be | unit | meaning |", "|---|---|---|---|---|"]
    rows += [
        f"| `{each.name}` | `{json.dumps(each.default)}` | {each.rule.must_be} | {each.unit} | {each.about} |"
        for each in settings_table()
    ]
    return "\n".join(rows) + "\n"


def plain() -> str:
    """Return the table for a terminal: two lines for each setting."""
    return "".join(
        f"{SECTION}.{each.name} = {json.dumps(each.default)}\n    {each.about} {_possible(each)}\n"
        for each in settings_table()
    )


def json_schema() -> dict[str, Any]:
    """Return the schema of the section `neocaret`, in draft 2020-12."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Neocaret",
        "description": f"The section {SECTION!r} of an editor's settings.",
        "type": "object",
        "properties": {each.name: _property(each) for each in settings_table()},
        "additionalProperties": False,
    }


def _possible(setting: Setting) -> str:
    unit = f" ({setting.unit})" if setting.unit else ""
    return f"[{setting.rule.must_be}{unit}]"


def _property(setting: Setting) -> dict[str, Any]:
    rule = setting.rule
    unit = f" Unit: {setting.unit}." if setting.unit else ""
    described = {**_TYPES[rule.kind], "default": setting.default, "description": setting.about + unit}
    if rule.low is not None:
        described |= {"minimum": rule.low, "maximum": rule.high}
    if rule.pattern is not None:
        described["pattern"] = f"^({rule.pattern})$"
        described["examples"] = [choice for choice in rule.choices if re.fullmatch(rule.pattern, choice)]
    elif rule.choices:
        described["enum"] = list(rule.choices)
    if rule.word is not None:
        # Bounds are for numbers alone, and patterns for texts.
        described |= {"type": [described["type"], "string"], "pattern": f"^{rule.word}$"}
    if rule.nullable:
        described["type"] = [described["type"], "null"]
    return described
