"""What guards the project as a whole: the direction of imports, a start without torch, and a README that is true."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from neocaret_server.schema import markdown

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
ONLY_BRIDGE = "server/neocaret_server/model_backend.py"


def sources(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]


@pytest.mark.parametrize("path", sources("model"), ids=lambda path: str(path.relative_to(ROOT)))
def test_model_never_imports_the_server_or_the_protocol(path: Path) -> None:
    assert not {"neocaret_server", "pygls", "lsprotocol"} & set(imported(path))


def test_one_file_of_the_server_imports_the_model() -> None:
    users = {path.relative_to(ROOT).as_posix() for path in sources("server") if "neocaret_model" in set(imported(path))}
    assert users == {ONLY_BRIDGE}


@pytest.mark.parametrize("module", ["neocaret_server.app", "neocaret_server.model_backend", "neocaret_model.catalogue"])
def test_importing_what_starts_first_loads_neither_torch_nor_transformers(module: str) -> None:
    code = f"import sys, {module}; print(sorted({{'torch', 'transformers'}} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_readme_has_the_table_of_settings() -> None:
    assert f"\n\n{markdown()}\n" in README


def test_readme_tree_names_each_file_of_the_packages() -> None:
    described = set(re.findall(r"^ +([\w.]+\.py)[ ,]", README, flags=re.MULTILINE))
    assert described == {path.name for folder in ("server", "model") for path in sources(folder)} - {"__init__.py"}


def test_packages_carry_their_type_marker_and_folders_no_init() -> None:
    for folder, package in (("server", "neocaret_server"), ("model", "neocaret_model")):
        assert (ROOT / folder / package / "py.typed").is_file()
        assert not (ROOT / folder / "__init__.py").exists()
