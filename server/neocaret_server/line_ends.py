"""Continuations with the line ends of the text that they continue; pure."""

from __future__ import annotations

import re
from dataclasses import replace

from neocaret_server.backend import Completion
from neocaret_server.prompt import for_document

_LINE_END = re.compile(r"\r\n|\n|\r")


def with_line_ends_of(prompt: str, completion: Completion) -> Completion:
    """Give each candidate the line end that the prompt uses first; a line feed where it has none."""
    found = _LINE_END.search(prompt)
    line_end = found.group() if found else "\n"
    candidates = (replace(each, text=for_document(each.text, line_end)) for each in completion.candidates)
    return replace(completion, candidates=tuple(candidates))
