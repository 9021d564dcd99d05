from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neocaret_server.settings import RULES, Settings, camel_case, from_client, is_foreign, section_of

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def test_nothing_means_the_defaults_and_no_complaint() -> None:
    empty: tuple[object, ...] = (None, {}, [], {"model": None, "candidates": None})
    for nothing in empty:
        assert from_client(nothing) == (Settings(), [])


def test_every_default_keeps_its_own_rule() -> None:
    defaults = Settings()
    for each in fields(Settings):
        value = getattr(defaults, each.name)
        sent = list(value) if isinstance(value, tuple) else value
        assert RULES[camel_case(each.name)].read(sent) == value


def test_every_setting_is_documented_in_one_line() -> None:
    for each in fields(Settings):
        about = each.metadata["about"]
        assert about.endswith(".")
        assert "\n" not in about


def test_every_number_with_a_unit_says_which() -> None:
    units = {each.name: each.metadata["unit"] for each in fields(Settings)}
    assert units["max_new_tokens"] == "tokens"
    without = {"temperature", "repetition_penalty", "seed"}
    numbers = {each.name for each in fields(Settings) if each.metadata["rule"].kind in {"number", "whole number"}}
    assert {name for name in numbers if not units[name]} == without
    assert not any(units[name] for name in units if name not in numbers)


def test_names_are_camel_case_on_the_wire() -> None:
    settings, problems = from_client({"maxNewTokens": 5, "topP": 0.5, "repetitionPenalty": 1.5, "topK": 7})
    assert problems == []
    assert (settings.max_new_tokens, settings.top_p, settings.repetition_penalty, settings.top_k) == (5, 0.5, 1.5, 7)


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("maxNewTokens", "64", "neocaret.maxNewTokens must be a whole number from 1 to 1024; using 64."),
        ("maxNewTokens", 0, "neocaret.maxNewTokens must be a whole number from 1 to 1024; using 64."),
        ("maxNewTokens", 2.5, "neocaret.maxNewTokens must be a whole number from 1 to 1024; using 64."),
        ("maxNewTokens", True, "neocaret.maxNewTokens must be a whole number from 1 to 1024; using 64."),
        ("temperature", "hot", "neocaret.temperature must be a number from 0 to 2; using 0.5."),
        ("temperature", float("nan"), "neocaret.temperature must be a number from 0 to 2; using 0.5."),
        ("temperature", 10**400, "neocaret.temperature must be a number from 0 to 2; using 0.5."),
        ("seed", -1, "neocaret.seed must be a whole number from 0 to 4294967295, or null; using null."),
        ("popup", "yes", "neocaret.popup must be true or false; using true."),
        ("model", 7, 'neocaret.model must be a text; using "bundled".'),
        ("device", "gpu", 'neocaret.device must be "auto", "cpu", "mps", "cuda" or "cuda:N"; using "auto".'),
        ("device", "cuda:N", 'neocaret.device must be "auto", "cpu", "mps", "cuda" or "cuda:N"; using "auto".'),
        ("device", "cuda:0\n", 'neocaret.device must be "auto", "cpu", "mps", "cuda" or "cuda:N"; using "auto".'),
        ("device", 0, 'neocaret.device must be "auto", "cpu", "mps", "cuda" or "cuda:N"; using "auto".'),
        ("dtype", "int4", 'neocaret.dtype must be "auto", "float32", "float16", "bfloat16" or "int8"; using "auto".'),
        ("multiline", "maybe", 'neocaret.multiline must be "auto", "always" or "never"; using "auto".'),
        ("exclude", "*.md", "neocaret.exclude must be a list of texts; using []."),
        ("exclude", [1], "neocaret.exclude must be a list of texts; using []."),
        ("languages", ["python"], 'neocaret.languages must be an object of true and false; using {"*": true}.'),
        ("languages", {"python": "no"}, 'neocaret.languages must be an object of true and false; using {"*": true}.'),
    ],
)
def test_a_wrong_value_is_named_and_the_default_used(name: str, value: Any, problem: str) -> None:
    assert from_client({name: value}) == (Settings(), [problem])


@pytest.mark.parametrize("device", ["auto", "cpu", "mps", "cuda", "cuda:0", "cuda:12"])
def test_a_device_may_have_a_number(device: str) -> None:
    assert from_client({"device": device}) == (Settings(device=device), [])


def test_one_wrong_value_leaves_the_others() -> None:
    settings, problems = from_client({"candidates": 99, "model": "gpt-neo"})
    assert (settings.candidates, settings.model) == (3, "gpt-neo")
    assert len(problems) == 1


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("maxNewToken", "neocaret.maxNewToken is not a setting; did you mean neocaret.maxNewTokens?"),
        ("max_new_tokens", "neocaret.max_new_tokens is not a setting; did you mean neocaret.maxNewTokens?"),
        ("zzz", "neocaret.zzz is not a setting."),
    ],
)
def test_an_unknown_name_is_reported(name: str, problem: str) -> None:
    assert from_client({name: 1}) == (Settings(), [problem])


def test_the_trace_switch_of_the_client_is_none_of_ours() -> None:
    assert from_client({"trace": {"server": "off"}}) == (Settings(), [])


@pytest.mark.parametrize("wrong", ["x", 5, True, [1]])
def test_something_else_than_an_object_is_reported(wrong: object) -> None:
    assert from_client(wrong) == (Settings(), ["neocaret must be an object of settings; using the defaults."])


def test_values_of_clients_that_know_one_kind_of_number_or_of_table() -> None:
    settings, problems = from_client({"candidates": 2.0, "exclude": {}, "languages": []})
    assert problems == []
    assert settings.candidates == 2
    assert isinstance(settings.candidates, int)
    assert (settings.exclude, settings.languages) == ((), {})


def test_null_is_a_seed() -> None:
    assert from_client({"seed": 7})[0].seed == 7
    assert from_client({"seed": None})[0].seed is None


@given(st.dictionaries(st.sampled_from(sorted(RULES)) | st.text(max_size=5), JSON) | JSON)
def test_anything_is_read_without_an_exception(given_settings: Any) -> None:
    settings, _ = from_client(given_settings)
    assert from_client({"model": settings.model})[1] == []


@pytest.mark.parametrize(
    ("sent", "section"),
    [
        ({"neocaret": {"seed": 1}}, {"seed": 1}),
        ({"seed": 1}, {"seed": 1}),
        ({"neocaret": None}, None),
        (None, None),
        ("x", "x"),
        ({"pylsp": {"plugins": {}}}, {}),
        ({"seed": 1, "languages": {"*": False}, "pylsp": {}}, {"seed": 1, "languages": {"*": False}}),
        ({"neocaret": {"pylsp": {}}}, {"pylsp": {}}),
        ({"maxNewToken": 1}, {"maxNewToken": 1}),
    ],
)
def test_the_section_may_be_wrapped(sent: object, section: object) -> None:
    assert section_of(sent) == section


@pytest.mark.parametrize(
    ("sent", "foreign"),
    [
        ({"pylsp": {}}, True),
        ({"pylsp": {}, "maxNewToken": 1}, True),
        ({"pylsp": {}, "seed": 1}, False),
        ({"pylsp": {}, "neocaret": None}, False),
        ({}, False),
        (None, False),
        (5, False),
    ],
)
def test_what_names_none_of_our_settings_is_for_others(sent: object, foreign: bool) -> None:
    assert is_foreign(sent) == foreign
