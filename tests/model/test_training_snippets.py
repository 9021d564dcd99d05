"""The code that documentation shows: found wherever it stands, and nothing else taken for it."""

from __future__ import annotations

import ast
import json

import pytest

from neocaret_model.training.snippets import script, script_path

DOCSTRING = '''
def mean(values):
    """Average the values.

    >>> frame = pd.DataFrame({"a": [1, 2]})
    >>> for name in frame:  # doctest: +SKIP
    ...     print(name)
    a

    >>>broken = (
    """
'''
PAGE = """
Reading
=======

Call the reader::

    frame = read("table.csv")
    frame.head()

which is installed so::

    pip install reader

.. code-block:: python
   :linenos:

   for row in frame:
       print(row)

And in a session:

>>> frame.tail(3)
   a  b
"""
MARKDOWN = "Text.\n\n```python\napp = App()\n```\n\n```\nnot = taken()\n```\n\n```python\nbroken (\n```\n"
NOTEBOOK = json.dumps(
    {
        "cells": [
            {"cell_type": "markdown", "source": ["# Title"]},
            {"cell_type": "code", "source": ["%matplotlib inline\n", "import numpy as np\n", "x = np.ones(3)"]},
            {"cell_type": "code", "source": ["!ls\n", "print(x)"]},
        ]
    }
)


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        (
            "pandas/frame.py",
            DOCSTRING,
            (
                "import numpy as np\nimport pandas as pd\n\n"
                'frame = pd.DataFrame({"a": [1, 2]})\nfor name in frame:\n    print(name)'
            ),
        ),
        (
            "doc/io.rst",
            PAGE,
            'frame = read("table.csv")\nframe.head()\n\nfor row in frame:\n    print(row)\n\nframe.tail(3)',
        ),
        ("docs/index.md", MARKDOWN, "app = App()"),
        ("notebooks/a.ipynb", NOTEBOOK, "import numpy as np\nx = np.ones(3)\n\nprint(x)"),
        ("notebooks/bad.ipynb", "{", ""),
        ("pandas/broken.py", "def (", ""),
        ("doc/words.rst", "Say::\n\n    hello\n", ""),
    ],
    ids=["docstring", "page", "markdown", "notebook", "bad-notebook", "bad-module", "words"],
)
def test_examples_become_one_script(path: str, text: str, expected: str) -> None:
    made = script(path, text.encode()).decode()
    assert made.strip() == expected
    ast.parse(made)


def test_conventional_imports_come_only_where_a_name_has_none() -> None:
    page = ">>> import numpy as np\n>>> np.ones(3)\n\n>>> plt.plot(np.ones(3))\n"
    assert (
        script("doc/a.rst", page.encode())
        .decode()
        .startswith("import matplotlib.pyplot as plt\n\nimport numpy as np\n")
    )
    assert script("doc/a.rst", b">>> pd = 3\n>>> print(pd)\n") == b"pd = 3\nprint(pd)"


def test_a_script_has_the_path_of_an_example() -> None:
    assert script_path("pandas/core/frame.py") == "examples/frame.py"
    assert script_path("doc/user_guide/io.rst") == "examples/io.py"
    assert script_path("pandas/data.csv") is None


def test_bytes_that_are_no_text_give_nothing() -> None:
    assert script("doc/a.rst", b"\xff\xfe\x00") == b""
