"""Documented functions that stand alone: which are taken out of their modules, and with which imports."""

from __future__ import annotations

import pytest

from neocaret_model.training.functions import MAX_LINES, functions

BODY = '    """Say what it does."""\n    first = 1\n    return first\n'


def test_a_function_brings_the_imports_that_it_needs() -> None:
    module = (
        "from __future__ import annotations\n"
        "from collections.abc import Iterator, Sized\n"
        "import os.path\nimport numpy as np\n\n"
        "def measure(items: Iterator[int], *, scale=1):\n"
        '    """Measure them."""\n'
        "    total = np.array([os.path.sep for item in items])\n"
        "    return len(total) * scale\n"
    )
    ((name, source),) = functions(module)
    assert name == "measure"
    assert source == (
        "import numpy as np\nimport os.path\nfrom collections.abc import Iterator\n\n\n" + module.partition("\n\n")[2]
    )


def test_a_function_may_call_itself_and_what_it_defines() -> None:
    source = (
        "def factorial(number):\n"
        '    """Multiply."""\n'
        "    def step(value):\n        return value - 1\n"
        "    try:\n        import math\n    except ImportError as error:\n        raise error\n"
        "    return math.prod([number, factorial(step(number))])\n"
    )
    assert list(functions(source)) == [("factorial", source)]


@pytest.mark.parametrize(
    "module",
    [
        "def bare():\n    first = 1\n    return first\n",
        "LIMIT = 3\ndef limited():\n" + BODY.replace("= 1", "= LIMIT"),
        "from . import near\ndef relative():\n" + BODY.replace("= 1", "= near"),
        "@cached\ndef decorated():\n" + BODY,
        "def test_something():\n" + BODY,
        'def empty():\n    """Say what it does."""\n',
        'def short():\n    """Say what it does."""\n    return 1\n',
        "def long():\n" + BODY.replace("    first = 1\n", "    first = 1\n" * MAX_LINES),
        'def wordy():\n    """Say' + "\n    more" * MAX_LINES + '"""\n    first = 1\n    return first\n',
        "class Owner:\n    def method(self):\n" + BODY.replace("    ", "        "),
        "def broken(:\n" + BODY,
    ],
)
def test_what_needs_its_module_or_shows_little_is_left(module: str) -> None:
    assert list(functions(module)) == []
