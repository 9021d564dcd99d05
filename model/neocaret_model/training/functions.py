"""Documented functions that stand alone, each a text of its own: a signature, a docstring, and what follows from them.

What a user asks for who describes a function and lets it be written. In its module such a function stands among others,
where the model learns it from its surroundings; here there are none.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator

from neocaret_model.training.parsing import parsed

MAX_LINES = 40
MAX_DOCSTRING_LINES = 20
_MIN_BODY_LINES = 2
_BUILTINS = frozenset(dir(builtins)) | {"__name__", "__file__"}


def functions(text: str) -> Iterator[tuple[str, str]]:
    """Yield name and source of each documented function that needs nothing of its module but absolute imports.

    The source is led by those imports. Of what does not parse there is none.
    """
    module = parsed(text)
    if module is None:
        return
    imports = _imports(module)
    lines = text.splitlines()
    for node in module.body:
        if isinstance(node, ast.FunctionDef) and _is_chosen(node):
            needed = _free_names(node) - _BUILTINS
            if needed <= imports.keys():
                own = "\n".join(lines[node.lineno - 1 : node.end_lineno])
                yield node.name, "\n".join(_led_by([imports[name] for name in needed], own)) + "\n"


def _led_by(imports: list[str], source: str) -> list[str]:
    if not imports:
        return [source]
    return [*sorted(set(imports), key=lambda line: (line.startswith("from"), line)), "", "", source]


def _imports(module: ast.Module) -> dict[str, str]:
    """Return the line that binds each name which the module imports by an absolute path."""
    lines = {}
    for node in module.body:
        if isinstance(node, ast.Import):
            for alias in node.names:
                lines[alias.asname or alias.name.partition(".")[0]] = f"import {ast.unparse(alias)}"
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module != "__future__":
            for alias in node.names:
                lines[alias.asname or alias.name] = f"from {node.module} import {ast.unparse(alias)}"
    return lines


def _is_chosen(node: ast.FunctionDef) -> bool:
    docstring = ast.get_docstring(node)
    if (
        docstring is None
        or node.decorator_list
        or node.name.startswith("test_")
        or node.end_lineno is None
        or len(node.body) == 1
    ):
        return False
    end = node.body[0].end_lineno
    return (
        docstring.count("\n") < MAX_DOCSTRING_LINES
        and node.end_lineno - node.lineno < MAX_LINES
        and end is not None
        and node.end_lineno - end >= _MIN_BODY_LINES
    )


def _free_names(node: ast.FunctionDef) -> set[str]:
    """Return what the function reads and does not bind itself, other than its own name."""
    names = [inner for inner in ast.walk(node) if isinstance(inner, ast.Name)]
    bound = {name.id for name in names if not isinstance(name.ctx, ast.Load)} | {node.name}
    for inner in ast.walk(node):
        if isinstance(inner, ast.arg):
            bound.add(inner.arg)
        elif isinstance(inner, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef | ast.ExceptHandler):
            bound.add(inner.name or "")
        elif isinstance(inner, ast.Import | ast.ImportFrom):
            bound |= {alias.asname or alias.name.partition(".")[0] for alias in inner.names}
    return {name.id for name in names} - bound
