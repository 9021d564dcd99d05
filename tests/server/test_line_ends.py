"""A file never ends up with two kinds of line ends because of us."""

from __future__ import annotations

import pytest

from neocaret_server.backend import Candidate, Completion
from neocaret_server.line_ends import with_line_ends_of


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [("x = 1\r\ny\n", "\r\na\r\nb"), ("x\n", "\na\nb"), ("x\ry", "\ra\rb"), ("no line end", "\na\nb")],
)
def test_candidates_take_the_first_line_end_of_the_prompt(prompt: str, expected: str) -> None:
    candidates = (Candidate("\na\nb", -1.0, 3, "eos"), Candidate("one line", -2.0, 2, "eos"))
    completion = Completion(candidates, 1, 1, 0, 0.0, 0.0)
    assert [each.text for each in with_line_ends_of(prompt, completion).candidates] == [expected, "one line"]
