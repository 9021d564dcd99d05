"""The table of settings as a JSON schema says what the rules accept, and nothing else."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from neocaret_server.cli import main
from neocaret_server.schema import json_schema, markdown, plain, settings_table
from neocaret_server.settings import RULES

_PYTHON: dict[str, Any] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "array": list,
    "object": dict,
    "null": type(None),
}
PROPERTIES: dict[str, dict[str, Any]] = json_schema()["properties"]
VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, 1, 3, 0.5, -1, 9, 1024, 1025, 10**6, 2**32),
    *("auto", "cpu", "cuda:7", "cuda:N", "int8", "always", "", [], ["*.md"], [1], {}, {"*": True}, {"*": 1}),
)


def fits(value: Any, schema: dict[str, Any]) -> bool:
    """As draft 2020-12 has the words that the schema uses."""
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    if not any(isinstance(value, _PYTHON[kind]) for kind in kinds):
        return False
    if isinstance(value, bool):
        return "boolean" in kinds
    if isinstance(value, list):
        return all(fits(each, schema["items"]) for each in value)
    if isinstance(value, dict):
        return all(fits(each, schema["additionalProperties"]) for each in value.values())
    if isinstance(value, str):
        return value in schema.get("enum", [value]) and re.search(schema.get("pattern", ""), value) is not None
    return value is None or schema.get("minimum", value) <= value <= schema.get("maximum", value)


def accepts(name: str, value: Any) -> bool:
    try:
        RULES[name].read(value)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("name", RULES)
def test_schema_takes_what_the_rule_takes(name: str) -> None:
    # Lua writes empty lists and objects alike, which the rules forgive and a schema need not.
    values = [value for value in VALUES if value not in ([], {})]
    assert [value for value in values if fits(value, PROPERTIES[name])] == [
        value for value in values if accepts(name, value)
    ]


def test_schema_has_each_setting_with_a_default_that_fits_and_a_description() -> None:
    assert list(PROPERTIES) == list(RULES)
    assert all(fits(each["default"], each) and each["description"].endswith(".") for each in PROPERTIES.values())
    assert PROPERTIES["maxNewTokens"] == {
        "type": "integer",
        "default": 64,
        "description": "The longest that a suggestion may be. Unit: tokens.",
        "minimum": 1,
        "maximum": 1024,
    }


def test_each_cell_of_the_table_is_one_cell() -> None:
    assert {line.count("|") for line in markdown().splitlines()} == {6}


def test_command_prints_the_table_in_three_forms(capsys: pytest.CaptureFixture[str]) -> None:
    printed = []
    for options in ([], ["--markdown"], ["--json-schema"]):
        assert main(["settings", *options]) == 0
        printed.append(capsys.readouterr().out)
    assert printed[:2] == [plain(), markdown()]
    assert json.loads(printed[2]) == json_schema()
    assert [line for line in printed[0].splitlines() if line.startswith("neocaret.")] == [
        f"neocaret.{each.name} = {json.dumps(each.default)}" for each in settings_table()
    ]


def test_two_forms_at_once_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["settings", "--markdown", "--json-schema"]) == 2
    assert "exclude each other" in capsys.readouterr().err
