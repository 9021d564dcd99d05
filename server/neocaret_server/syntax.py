"""Whether a continuation breaks the syntax of Python; pure."""

from __future__ import annotations

import ast
import codeop
import warnings

MOST_LINES_ABOVE = 24
"""Lines above the caret among which the beginning of its statement is looked for."""

_FLAGS = ast.PyCF_ONLY_AST | codeop.PyCF_ALLOW_INCOMPLETE_INPUT  # type: ignore[attr-defined]  # not in typeshed


def breaks_syntax(text: str, before: str, line_after: str) -> bool:
    """Say whether no statement that holds the caret's line is Python any more, or its beginning, with the text in it.

    The statement begins in the caret's line or somewhat above it; where it begins need not be known, because one
    beginning that goes on well is enough. `before` is the text before the caret, `line_after` the rest of its line.
    """
    *above, line = before.split("\n")[-MOST_LINES_ABOVE - 1 :]
    for start in range(len(above), -1, -1):
        first = above[start] if start < len(above) else line
        if not first.strip() and start < len(above):
            continue
        indentation = first[: len(first) - len(first.lstrip())]
        lines = "\n".join([*above[start:], line + text + line_after]).split("\n")
        if all(each.startswith(indentation) or not each.strip() for each in lines) and _goes_on(
            "\n".join(each.removeprefix(indentation) for each in lines)
        ):
            return False
    return True


def _goes_on(source: str) -> bool:
    """Say whether the source is a module, or may become one when more comes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            compile(source + "\n", "", "exec", _FLAGS)
        except SyntaxError as error:
            # No public type tells it, but the message is what the interactive interpreter goes by too.
            return error.msg == "incomplete input"
        except (ValueError, OverflowError, MemoryError, RecursionError):
            return False
    return True
