"""The code that documentation shows, joined to scripts: what users write with a package, which its modules seldom are.

Doctests of docstrings and pages, literal and code blocks of reStructuredText, fences of Markdown, cells of notebooks.
"""

from __future__ import annotations

import ast
import doctest
import json
import re
import textwrap
from collections.abc import Iterator

from neocaret_model.training.parsing import parsed

CONVENTIONS = {
    "np": "import numpy as np",
    "pd": "import pandas as pd",
    "plt": "import matplotlib.pyplot as plt",
    "xr": "import xarray as xr",
    "nx": "import networkx as nx",
    "sm": "import statsmodels.api as sm",
}
"""Names that examples use without an import, as their packages' own test runs provide them: `np` with `pd` always."""

_DOCTESTS = doctest.DocTestParser()
_FENCE = re.compile(r"^```(?:python|py)\b[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
_BLOCK = re.compile(
    r"(?:^\.\. (?:code-block|code|sourcecode|plot|jupyter-execute|testcode)::[ ]*(?:python\d?)?|::)[ ]*\n"
    r"(?:[ \t]+:[\w-]+:.*\n)*\n((?:(?:[ \t]+\S.*)?\n)+)",
    re.MULTILINE,
)
_PAGE = (".rst", ".md", ".txt")
_DIRECTIVE = re.compile(r"\s*# ?doctest:.*")
_MAGIC = re.compile(r"^\s*[%!?]|\?$")


def script_path(path: str) -> str | None:
    """Return a path for the script made of this file's examples, or None where a file of its kind holds none."""
    if not path.endswith((".py", ".pyx", ".ipynb", *_PAGE)):
        return None
    return f"examples/{path.rpartition('/')[2].rpartition('.')[0]}.py"


def script(path: str, raw: bytes) -> bytes:
    """Return all examples of a file, one after the other, or nothing where it shows none that parse."""
    try:
        text = raw.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError:
        return b""
    examples = [example.strip("\n") for example in _examples(path, text)]
    kept = "\n\n".join(example for example in examples if _is_code(example))
    return (_missing_imports(kept) + kept).encode() if kept else b""


def _examples(path: str, text: str) -> Iterator[str]:
    if path.endswith(".py"):
        for docstring in _docstrings(text):
            yield from _doctest_examples(docstring)
    elif path.endswith(".ipynb"):
        yield from _cells(text)
    elif path.endswith(_PAGE):
        for found in (_FENCE if path.endswith(".md") else _BLOCK).finditer(text):
            block = textwrap.dedent(found[1])
            yield from _doctest_examples(block) if ">>>" in block else (block,)
        if not path.endswith(".md"):
            yield from _doctest_examples(_BLOCK.sub("\n", text))
    else:
        yield from _doctest_examples(text)


def _docstrings(text: str) -> Iterator[str]:
    tree = parsed(text)
    for node in ast.walk(tree) if tree is not None else ():
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            docstring = ast.get_docstring(node)
            if docstring is not None and ">>>" in docstring:
                yield docstring


def _doctest_examples(text: str) -> Iterator[str]:
    """Yield the inputs of each paragraph of doctests; one that is malformed costs only its own paragraph."""
    for paragraph in re.split(r"\n[ \t]*\n", text):
        if ">>>" not in paragraph:
            continue
        try:
            sources = [_DIRECTIVE.sub("", example.source) for example in _DOCTESTS.get_examples(paragraph)]
        except ValueError:
            continue
        yield "".join(sources)


def _cells(text: str) -> Iterator[str]:
    try:
        cells = json.loads(text)["cells"]
        codes = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    except (ValueError, KeyError, TypeError):
        return
    for code in codes:
        yield "\n".join(line for line in code.splitlines() if not _MAGIC.search(line))


def _is_code(example: str) -> bool:
    """Tell code from output, commands and prose, of which single words parse too."""
    tree = parsed(example)
    telling = ast.Call | ast.Assign | ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef | ast.Subscript
    return tree is not None and any(isinstance(node, telling) for node in ast.walk(tree))


def _missing_imports(code: str) -> str:
    tree = ast.parse(code)
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    bound = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)}
    bound |= {
        alias.asname or alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names
    }
    if "pd" in used - bound:
        used.add("np")
    lines = [line for name, line in CONVENTIONS.items() if name in used and name not in bound]
    return "\n".join(lines) + "\n\n" if lines else ""
