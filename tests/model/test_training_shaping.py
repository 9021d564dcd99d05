"""Texts shaped as an editor's prompts are, and the batches made of them."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from neocaret_model.training.corpus import Document
from neocaret_model.training.data import Batches, TokenStore, encode
from neocaret_model.training.recipe import Shaping, load_recipe
from neocaret_model.training.shaping import ShapedText, shape
from neocaret_model.training.tokenizer import train_tokenizer

TEXT = "class Point:\n    def __init__(self, x, y):\n        self.x = x\n        self.y = y\n"
PLAIN = Shaping(
    path_comment_share=0, two_spaces_share=0, tabs_share=0, unsorted_imports_share=0, characters_between_cuts=0
)


def document(text: str = TEXT, path: str = "package/point.py") -> Document:
    return Document("package", path, text, "train")


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return train_tokenizer([TEXT * 20], 300)


@given(text=st.text(max_size=300), distance=st.integers(1, 50), seed=st.integers(0, 1000))
def test_cutting_loses_nothing(text: str, distance: int, seed: int) -> None:
    pieces = shape(document(text), dataclasses.replace(PLAIN, characters_between_cuts=distance), seed).pieces
    assert "".join(pieces) == text


IMPORTS = (
    '"""Title."""\nfrom __future__ import annotations\n\nimport abc\nimport numpy as np\nfrom os import path\n\n'
    "import one\n\nfrom many import (\n    a,\n)\nx = 1\nimport late\nimport later\n"
)


def test_imports_of_examples_that_stand_together_change_places() -> None:
    shuffling = dataclasses.replace(PLAIN, unsorted_imports_share=1)
    seen = {"".join(shape(document(IMPORTS, "examples/a.py"), shuffling, seed).pieces) for seed in range(200)}
    groups = {tuple(text.split("\n\n")[1].splitlines()) for text in seen}
    assert len(groups) == 6
    assert len(seen) == 12
    for text in seen:
        assert sorted(text.splitlines()) == sorted(IMPORTS.splitlines())
        assert text.splitlines()[:3] == IMPORTS.splitlines()[:3]
        assert "\n\nimport one\n\nfrom many import (\n    a,\n)\nx = 1\n" in text
    assert shape(document(IMPORTS), shuffling, 1).pieces == (IMPORTS,)


def test_cuts_come_at_line_starts_after_indentation_and_inside_words() -> None:
    pieces = shape(document(TEXT * 200), dataclasses.replace(PLAIN, characters_between_cuts=30), seed=1).pieces
    pairs = list(itertools.pairwise(pieces))
    assert any(before.endswith("\n") and after.startswith("    ") for before, after in pairs)
    assert any(before.endswith("    ") and after[0].isalpha() for before, after in pairs)
    assert any(before[-1].isalpha() and after[0].isalpha() for before, after in pairs)


def test_path_comment_is_a_header_before_the_text() -> None:
    shaped = shape(document(), dataclasses.replace(PLAIN, path_comment_share=1), seed=1)
    assert shaped.header + "".join(shaped.pieces) == "# package/point.py\n" + TEXT


def test_indentation_becomes_two_spaces_or_tabs_and_nothing_else_changes() -> None:
    two = shape(document(), dataclasses.replace(PLAIN, two_spaces_share=1), seed=1)
    tabs = shape(document(), dataclasses.replace(PLAIN, tabs_share=1), seed=1)
    assert "".join(two.pieces) == TEXT.replace("    ", "  ")
    assert "".join(tabs.pieces) == TEXT.replace("    ", "\t")


def test_prose_keeps_its_shape() -> None:
    always = dataclasses.replace(PLAIN, path_comment_share=1, two_spaces_share=1)
    page = dataclasses.replace(document("A page:\n\n    of code\n"), is_code=False)
    assert shape(page, always, seed=1) == ShapedText("", (page.text,))


def test_a_document_has_the_same_shape_for_a_seed() -> None:
    shaping = load_recipe("small").shaping
    shapes = [shape(document(TEXT * 50), shaping, seed) for seed in (1, 1, 2)]
    assert shapes[0] == shapes[1] != shapes[2]


def store_of(tokenizer: Tokenizer, count: int = 20) -> TokenStore:
    texts = [ShapedText(f"# file{i}.py", ("\n" + TEXT * (i + 1),)) for i in range(count)]
    return encode(texts, tokenizer)


def test_pieces_are_encoded_apart_and_decode_to_the_text(tokenizer: Tokenizer) -> None:
    whole = encode([ShapedText("", (TEXT,))], tokenizer)
    apart = encode([ShapedText("", (TEXT[:9], TEXT[9:]))], tokenizer)
    assert tokenizer.decode(apart.tokens.tolist()) == tokenizer.decode(whole.tokens.tolist()) == TEXT
    assert len(apart.tokens) > len(whole.tokens)
    assert whole.text_bytes == apart.text_bytes == len(TEXT)


def test_store_knows_headers_and_line_ends(tokenizer: Tokenizer) -> None:
    store = store_of(tokenizer, 2)
    first = store.tokens[store.starts[1] : store.header_ends[1]].tolist()
    assert first[0] == 0
    assert tokenizer.decode(first) == "# file1.py"
    assert all(tokenizer.decode([store.tokens[place]]).startswith("\n") for place in store.line_ends)
    assert len(store.line_ends) == (TEXT * 3).count("\n") + 2


def test_each_window_comes_once_an_epoch(tokenizer: Tokenizer) -> None:
    store = store_of(tokenizer)
    settings = dataclasses.replace(
        load_recipe("small").optimization,
        batch_tokens=16,
        sequence_length=16,
        file_start_share=0.0,
        file_middle_share=0.0,
    )
    batches = Batches(store, settings, seed=7)
    count = (len(store.tokens) - 17) // 16
    epoch = sorted(batches.at(step)[0].tolist() for step in range(count))
    assert epoch == sorted(store.tokens[i * 16 : i * 16 + 17].tolist() for i in range(count))


def test_windows_begin_as_prompts_do(tokenizer: Tokenizer) -> None:
    store = store_of(tokenizer)
    settings = dataclasses.replace(
        load_recipe("small").optimization,
        batch_tokens=24,
        sequence_length=24,
        file_start_share=0.5,
        file_middle_share=0.5,
    )
    batches = Batches(store, settings, seed=7)
    windows = [batches.at(step)[0] for step in range(200)]
    texts = [tokenizer.decode(window[1:].tolist()) for window in windows]
    assert all(window[0] == 0 for window in windows)
    assert all(text.startswith("# file") for text in texts)
    bodies = [text.partition("\n")[2] for text in texts]
    assert any(body.startswith("class Point") for body in bodies)
    assert any(body.startswith("        self.y") for body in bodies)
    np.testing.assert_array_equal(batches.at(3), batches.at(3))
