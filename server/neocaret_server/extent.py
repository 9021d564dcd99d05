"""One line or several: by the setting, by the syntax tree where there is a grammar, and else by looks; pure."""

from __future__ import annotations

from neocaret_server import block, syntax_tree
from neocaret_server.brackets import from_top_level
from neocaret_server.documents import Document, Place
from neocaret_server.prompt import Multiline, for_model

_CHARACTERS_ABOVE = 8_192
_CHARACTERS_BELOW = 2_048


def one_line(multiline: Multiline, document: Document, place: Place, line_before: str) -> bool:
    """Say whether a suggestion ends with the caret's line.

    `line_before` is what stands in it before the caret, or will once the popup's selected item is accepted.
    """
    if multiline != "auto":
        return multiline == "never"
    if line_before.strip() and line_before.rstrip()[-1].isalnum() and document.language_id == "python":
        return True
    above = from_top_level(for_model(document.before(Place(place.line, 0), _CHARACTERS_ABOVE)))
    below = for_model(document.below(place, _CHARACTERS_BELOW))
    several = syntax_tree.several_lines(above, line_before, below, document.language_id)
    if several is None:
        several = block.several_lines(above, line_before, below, document.language_id)
    # A name where a comma is missing makes the tree of what is inside brackets one of statements.
    return not several or block.in_brackets(above + line_before, document.language_id)
