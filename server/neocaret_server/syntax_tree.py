"""Whether a suggestion has one line or several, by the syntax tree at the caret, where a grammar is at hand; pure.

A name is put at the caret, in a block of its own where the line opens one, and what it is part of decides. Only the
lines around the caret are parsed, from one that is not indented on: some tenths of a millisecond.
"""

from __future__ import annotations

from functools import cache
from typing import Any

_NAME = "x"
_INSIDE = frozenset({"block", "module"})


def several_lines(above: str, line_before: str, below: str, language_id: str) -> bool | None:
    """Decide as `block.several_lines`; None where there is no grammar, or the text around the caret is no syntax."""
    line = line_before.rstrip()
    if line and not line.endswith(":"):
        return False
    parser = _parser(language_id)
    if parser is None:
        return None
    opened = "\n" + line[: len(line) - len(line.lstrip())] + "    " if line else ""
    before = (above + line_before + opened).encode(errors="replace")
    tree = parser.parse(before + f"{_NAME}\n{below}".encode(errors="replace"))
    node = tree.root_node.descendant_for_byte_range(len(before), len(before) + len(_NAME))
    return _is_statement(node, alone=bool(line))


def _is_statement(node: Any, *, alone: bool) -> bool | None:
    """Say whether a name is a statement by itself, and with `alone` the only one of its block."""
    if node.type == "identifier" and node.parent is not None and node.parent.type == "expression_statement":
        block = node.parent.parent
        if block is not None and block.type in _INSIDE and node.parent.named_child_count == 1:
            return not alone or (block.type == "block" and block.named_child_count == 1)
    while node is not None:
        if node.type == "ERROR":
            return None
        node = node.parent
    return False


@cache
def _parser(language_id: str) -> Any:
    if language_id != "python":
        return None
    try:
        import tree_sitter
        import tree_sitter_python
    except ImportError:
        return None
    return tree_sitter.Parser(tree_sitter.Language(tree_sitter_python.language()))
