"""What Neocaret stands on: bounds on both ends, and licences that are known."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from dependencies import licence_of, needed, needed_for_tests
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LICENCES: dict[str, str] = tomllib.loads(Path(__file__).with_name("licences.toml").read_text())
INSTALLED = needed(PROJECT["dependencies"])
FAMILIES = re.compile(r"mit|0bsd|bsd|apache|psf|mpl|isc|cnri|zlib|cc0|bsl|llvm", re.IGNORECASE)
COPYLEFT = re.compile(r"\b(a|l)?gpl|sspl|busl|non-?commercial|proprietary|unknown", re.IGNORECASE)


def families(licence: str) -> set[str]:
    """The families of licences that a text names."""
    return {found.lower() for found in FAMILIES.findall(licence)}


@pytest.mark.parametrize("requirement", PROJECT["dependencies"])
def test_each_dependency_has_a_lower_bound_that_is_kept(requirement: str) -> None:
    asked = Requirement(requirement)
    assert {each.operator for each in asked.specifier} & {">=", "=="}, "the oldest version that is tested: .ci/lowest"
    found = INSTALLED.get(asked.name)
    assert found is not None, "installed"
    assert asked.specifier.contains(Version(found.version).public, prereleases=True)


@pytest.mark.parametrize("name", ["torch", "transformers", "huggingface-hub", "pygls", "lsprotocol", "tree-sitter"])
def test_what_changes_under_us_has_an_upper_bound(name: str) -> None:
    (asked,) = (each for each in map(Requirement, PROJECT["dependencies"]) if each.name == name)
    assert {each.operator for each in asked.specifier} & {"<", "=="}


def test_the_lowest_versions_are_those_of_the_bounds() -> None:
    told = subprocess.run(
        [sys.executable, ROOT / ".ci" / "lowest-versions"], capture_output=True, text=True, check=True
    ).stdout.split()
    assert len(told) == len(PROJECT["dependencies"])
    for requirement, pinned in zip(map(Requirement, PROJECT["dependencies"]), map(Requirement, told), strict=True):
        (pin,) = pinned.specifier
        assert pinned.name == requirement.name
        assert requirement.specifier.contains(pin.version.removesuffix(".*"), prereleases=True)
        assert not requirement.specifier.contains("0.0.1")


def test_ci_constrains_all_that_it_tests_with_to_versions_that_are_allowed() -> None:
    lines = (ROOT / ".ci" / "constraints.txt").read_text().splitlines()
    pinned = {each.name: each for line in lines if not line.startswith("#") for each in [Requirement(line)]}
    assert set(needed_for_tests(PROJECT)) - set(pinned) <= {"triton"}, "run .ci/constrain"
    for asked in map(Requirement, PROJECT["dependencies"]):
        (pin,) = pinned[asked.name].specifier
        assert pin.operator == "=="
        assert asked.specifier.contains(pin.version, prereleases=True)
    assert "--constraint .ci/constraints.txt -e '.[test]'" in (ROOT / ".ci" / "run").read_text()


def test_the_licence_of_each_dependency_is_listed() -> None:
    installed = {name: licence_of(found) for name, found in INSTALLED.items()}
    assert "torch" in installed
    unlisted = {name: licence for name, licence in installed.items() if name not in LICENCES}
    # What only other platforms need, as triton with CUDA, is not looked at here.
    assert not {name for name in unlisted if not name.startswith(("nvidia-", "cuda-", "triton"))}, unlisted
    changed = {
        name: licence
        for name, licence in installed.items()
        if name in LICENCES and not families(licence) <= families(LICENCES[name])
    }
    assert not changed


@pytest.mark.parametrize("name", sorted(LICENCES))
def test_no_licence_asks_for_more_than_a_notice(name: str) -> None:
    assert families(LICENCES[name])
    assert not COPYLEFT.search(LICENCES[name])
