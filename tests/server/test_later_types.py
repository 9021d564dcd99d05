"""Types that are made when they are first used are those that the library makes at once."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

SECONDS = 120
LATER = "from neocaret_server.later_types import import_types; import_types()"
IMPORT = """
import attrs, inspect
from lsprotocol import types, converters
"""
CLASSES = """
classes = [each for _, each in sorted(types.ALL_TYPES_MAP.items()) if isinstance(each, type) and attrs.has(each)]
def empty(cls):
    return not any(field.default is attrs.NOTHING and field.init for field in attrs.fields(cls))
"""
DESCRIBE = """
BOOKKEEPING = set('''
__slots__ __dict__ __weakref__ __module__ __getstate__ __setstate__ __annotations__ __firstlineno__
__static_attributes__ __attrs_props__ __attrs_base_of_slotted__ __attrs_own_setattr__ __attrs_types_resolved__
'''.split())
def described(cls):
    props = attrs.inspect(cls)
    return (
        cls.__qualname__, cls.__doc__, attrs.fields(cls), inspect.signature(cls), cls.__match_args__,
        sorted({name for name in vars(cls) if name.startswith('__')} - BOOKKEEPING),
        props.is_frozen, props.added_eq, props.added_repr, props.hashability, cls.__hash__ is None,
    )
converters.get_converter()
print(len(classes))
for each in classes:
    print(described(each))
"""


def run(*programs: str) -> str:
    done = subprocess.run(
        [sys.executable, "-P", "-W", "error", "-c", "\n".join(programs)],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return re.sub(r" at 0x[0-9a-f]+", "", done.stdout)


def test_classes_that_are_asked_for_are_those_of_the_library() -> None:
    later = run(LATER, IMPORT, CLASSES, DESCRIBE)
    assert later == run(IMPORT, CLASSES, DESCRIBE)
    assert int(later.split("\n", 1)[0]) > 500


def test_instances_are_the_same() -> None:
    ask = """
converter = converters.get_converter()
def structured(cls):
    try:
        return converter.structure({}, cls)
    except Exception as error:  # the library cannot read them all
        return error
for each in filter(empty, classes):
    print(each(), each() == each(), converter.unstructure(each()), structured(each))
"""
    assert run(LATER, IMPORT, CLASSES, ask) == run(IMPORT, CLASSES, ask)


def test_a_class_is_made_when_its_first_instance_is() -> None:
    ask = """
def made():
    every = types.ALL_TYPES_MAP.items()
    return sorted(name for name, each in every if '__attrs_props__' in getattr(each, '__dict__', ()))
print(made(), types.Hover(types.MarkupContent(types.MarkupKind.Markdown, 'a')).contents.value, made())
"""
    assert run(LATER, IMPORT, ask) == "[] a ['Hover', 'MarkupContent']\n"


def test_a_wrong_field_is_refused_as_ever() -> None:
    ask = """
for call in lambda: types.Position(line=-1, character=0), lambda: types.Position(1, 2, 3), lambda: types.Hover():
    try:
        call()
    except (TypeError, ValueError) as error:
        print(error)
"""
    refused = run(LATER, IMPORT, ask)
    assert refused.count("\n") == 3
    assert refused == run(IMPORT, ask)


def test_other_classes_are_defined_at_once() -> None:
    ask = """
@attrs.define
class Other:
    x: int
print(Other.__slots__, attrs.define.__module__)
"""
    assert run(LATER, IMPORT, ask) == "('x', '__weakref__') attr._next_gen\n"


@pytest.mark.parametrize("decorator", ["", "@attrs.define"])
def test_a_class_can_be_derived_from_one_that_is_not_made(decorator: str) -> None:
    ask = f"""
{decorator}
class Derived(types.Hover):
    pass
print(Derived('text'), attrs.fields(Derived).contents.name)
"""
    assert run(LATER, IMPORT, ask) == run(IMPORT, ask) == "Derived(contents='text', range=None) contents\n"


def test_threads_may_make_a_class_at_the_same_time() -> None:
    # Which classes need no fields the library is asked: to ask here would make them.
    names = run(IMPORT, CLASSES, "print([each.__name__ for each in classes if empty(each)])")
    make = f"""
import sys, threading
sys.setswitchinterval(1e-6)
classes = [getattr(types, name) for name in {names.strip()}]
barrier, failures = threading.Barrier(8), []
def make():
    barrier.wait()
    for each in classes:
        try:
            assert each() == each()
        except Exception as error:
            failures.append((each, error))
threads = [threading.Thread(target=make) for _ in range(8)]
[each.start() for each in threads]
[each.join() for each in threads]
print(len(classes) > 100, failures)
"""
    assert run(LATER, IMPORT, make) == "True []\n"


def test_what_was_taken_of_a_class_before_it_was_made_serves_afterwards() -> None:
    # So does a thread whose class another one makes between a call and its first step.
    ask = """
late = dict(vars(types.Hover))
class Derived(types.Hover):
    def __init__(self, text):
        late['__init__'](self, text)
types.Hover('first')
print(Derived('second').contents, late['__attrs_attrs__'].__get__(None, Derived) is attrs.fields(Derived))
"""
    assert run(LATER, IMPORT, ask) == "second True\n"
