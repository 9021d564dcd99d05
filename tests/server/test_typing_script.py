"""What is typed, key by key: whatever is mistyped and mended on the way, the files come out as they were."""

from __future__ import annotations

import random
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neocaret_server.documents import Document, Edit, Position
from neocaret_server.typing_bench.buffer import Buffer
from neocaret_server.typing_bench.keys import keys_of
from neocaret_server.typing_bench.rhythm import LONGEST_SECONDS, PAUSES, pause
from neocaret_server.typing_bench.script import make_script

CODE = "".join(
    f"def f{number}(a, b):\n    if a:\n        return b\n\n    return {number}\n\n\n" for number in range(20)
)
TEXTS = st.builds("\n".join, st.lists(st.one_of(st.just(""), st.from_regex(r"\A {0,9}[a-zé🙂:(]{1,5}\Z")), max_size=6))


def drawn_by(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311 - typing is no secret


def typed(text: str, before: str, after: str, seed: int) -> tuple[str, Buffer, list[tuple[int | None, str]]]:
    buffer = Buffer(before + after, [len(before)])
    states = []
    for key in keys_of(text, before.rpartition("\n")[2], drawn_by(seed)):
        buffer.edit(0, key.text, key.erases)
        states.append((key.done, buffer.text[len(before) : len(buffer.text) - len(after)]))
    return buffer.text, buffer, states


@given(TEXTS.filter(lambda text: not text or text[-1] != "\n"), st.integers(0, 9))
def test_keys_write_the_text_and_say_when_nothing_else_stands_there(text: str, seed: int) -> None:
    result, _, states = typed(text, "class X:\n    a: b", "\nend", seed)
    assert result == "class X:\n    a: b" + text + "\nend"
    assert all(state == text[:done] for done, state in states if done is not None)
    assert not states or states[-1][0] == len(text)


def test_mistakes_are_corrected_at_the_rate_of_the_study() -> None:
    text = "\n".join(["    value = compute(other, number) + remainder"] * 300)
    keys = keys_of(text, "", drawn_by(3))
    erased = sum(key.text == "" for key in keys)
    assert 0.02 < erased / len(keys) < 0.08
    assert all(not key.willing or key.pause > 0 for key in keys)


def test_within_words_five_keys_a_second_are_typed_and_nobody_pauses_for_ever() -> None:
    source = drawn_by(1)
    seconds = [pause("in word", source) for _ in range(4000)]
    assert statistics.mean(seconds) == pytest.approx(0.2, rel=0.05)
    assert max(pause("line", source) for _ in range(4000)) <= LONGEST_SECONDS


def test_speed_shortens_pauses_to_think_and_nothing_else() -> None:
    for moment in PAUSES:
        slow, fast = pause(moment, drawn_by(1)), pause(moment, drawn_by(1), speed=4)
        assert fast == (pytest.approx(slow / 4) if moment in {"line", "jump"} else slow)


def test_script_lasts_as_long_as_asked_and_comes_back_with_its_seed() -> None:
    sources = [("a.py", CODE), ("b.py", CODE[:90]), ("c.py", "   \n")]
    script = make_script(sources, 200, seed=1)
    assert 200 <= script.seconds < 200 + 3 * LONGEST_SECONDS
    assert script == make_script(sources, 200, seed=1)
    assert script != make_script(sources, 200, seed=2)
    assert {file.path for file in script.files} == {"a.py", "b.py"}


def test_visits_jump_between_places_and_files_and_restore_the_files() -> None:
    script = make_script([("a.py", CODE), ("b.py", CODE.replace("f", "g"))], 3000, seed=5)
    places = [(visit.file, visit.place) for visit in script.visits]
    assert [place for file, place in places if file == places[0][0]][:3] == [0, 1, 0]
    assert places[0][0] != places[1][0]
    buffers = [Buffer(file.text, file.places) for file in script.files]
    closed = 0
    for visit in script.visits:
        for key in visit.keys:
            buffers[visit.file].edit(visit.place, key.text, key.erases)
        if visit.closes:
            closed += 1
            original = CODE if script.files[visit.file].path == "a.py" else CODE.replace("f", "g")
            # Blank lines at the end of a passage are not typed.
            assert "".join(buffers[visit.file].text.split()) == "".join(original.split())
    assert closed > 2


def test_nothing_to_type_is_refused() -> None:
    with pytest.raises(ValueError, match="nothing to type"):
        make_script([("a.py", " \n\n")], 10, seed=1)


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 3), st.text("ab\n🙂é", max_size=3)), max_size=12))
def test_changes_of_the_buffer_are_those_of_the_document(edits: list[tuple[int, int, str]]) -> None:
    text = "a🙂b\ncd\n\nefg"
    buffer = Buffer(text, [3, 8])
    document = Document.of("file:///x.py", "python", 1, text)
    for place, erases, new in edits:
        possible = min(erases, len(buffer.line_before(place)))
        change = buffer.edit(place, new, possible)
        start, end = (Position(**change["range"][side]) for side in ("start", "end"))
        document = document.edited([Edit(change["text"], start, end)], document.version + 1)
    assert document.text == buffer.text
    caret = buffer.caret(0)
    assert document.before(document.place(Position(caret.line, caret.character))).endswith(buffer.line_before(0))
    assert buffer.behind(0, caret.line, 0) == buffer.line_before(0)
