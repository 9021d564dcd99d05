from __future__ import annotations

import gc
import json
import os
from collections.abc import Callable
from itertools import islice, product
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models
from transformers import GPT2Tokenizer

from neocaret_model.errors import BrokenWeightsError, RequestError, UnsupportedModelError
from neocaret_model.hub import BUNDLED_FOLDER
from neocaret_model.text_stream import ByteStream, RedecodedStream
from neocaret_model.tokenizer import TextTokenizer, read_tokenizer

MakeTokenizer = Callable[..., Tokenizer]

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=60) | st.sampled_from(
    [
        "def main():\n    for i in range(10):\n        print('é 漢字 🎉')\n",
        "",
        " ",
        "\n\n  x",
        "a<|endoftext|>b",
        "\0",
        "é🎉漢",
        "don't  DON'T",
        "x" * 500,
    ]
)


@pytest.fixture(scope="module")
def vocabulary_folder(tmp_path_factory: pytest.TempPathFactory, make_tokenizer: MakeTokenizer) -> Path:
    folder = tmp_path_factory.mktemp("vocabulary")
    make_tokenizer().model.save(str(folder))
    return folder


@pytest.fixture(scope="module")
def whole(make_tokenizer: MakeTokenizer) -> TextTokenizer:
    return TextTokenizer(make_tokenizer())


@settings(max_examples=200, deadline=None)
@given(texts)
def test_vocabulary_and_merges_make_the_tokens_of_gpt2(vocabulary_folder: Path, text: str) -> None:
    ours = read_tokenizer(vocabulary_folder)
    theirs = _gpt2(vocabulary_folder)
    ids = theirs.encode(text)
    assert ours.encode(text) == ids
    assert ours.decode(ids) == str(theirs.decode(ids, skip_special_tokens=True)).rstrip("\ufffd")


_made: dict[Path, GPT2Tokenizer] = {}


def _gpt2(folder: Path) -> GPT2Tokenizer:
    if folder not in _made:
        _made[folder] = GPT2Tokenizer.from_pretrained(folder)
    return _made[folder]


@given(texts)
def test_what_was_encoded_is_decoded_again(whole: TextTokenizer, text: str) -> None:
    assert whole.decode(whole.encode(text)) == text.replace("<|endoftext|>", "").rstrip("\ufffd")


@given(st.lists(st.integers(0, 299), max_size=12), st.integers(0, 12))
def test_a_decoded_beginning_is_the_beginning_of_what_is_decoded_later(
    whole: TextTokenizer, ids: list[int], cut: int
) -> None:
    assert whole.decode(ids).startswith(whole.decode(ids[:cut]))
    assert not whole.decode(ids).endswith("\ufffd")


@given(st.lists(st.integers(0, 310), max_size=30))
def test_a_stream_has_the_text_that_all_its_tokens_decode_to(whole: TextTokenizer, ids: list[int]) -> None:
    ids = [token for token in ids if token < whole.vocabulary]
    streams = [whole.stream(), RedecodedStream(whole.decode)]
    assert isinstance(streams[0], ByteStream)
    for count, token in enumerate(ids, 1):
        for stream in streams:
            stream.take(token)
            assert stream.text == whole.decode(ids[:count])


def test_half_a_character_is_held_back(whole: TextTokenizer) -> None:
    ids = whole.encode("a𝄞")  # no merge covers it: four tokens of one byte each
    assert [whole.decode(ids[:count]) for count in range(1, 6)] == ["a", "a", "a", "a", "a𝄞"]


def test_the_tokenizers_own_beginning_is_added(make_tokenizer: MakeTokenizer) -> None:
    tokenizer = TextTokenizer(make_tokenizer(begins_with_end_of_text=True))
    assert tokenizer.encode("x")[0] == tokenizer.token_id("<|endoftext|>") == 0
    assert tokenizer.decode(tokenizer.encode("x")) == "x"


def test_a_prompt_is_neither_cut_nor_padded_by_its_tokenizer(make_tokenizer: MakeTokenizer) -> None:
    inner = make_tokenizer()
    inner.enable_truncation(3)
    inner.enable_padding(length=50)
    assert len(TextTokenizer(inner).encode("zzzzzzzz")) == 8


def test_a_lone_surrogate_is_named_with_its_place(whole: TextTokenizer) -> None:
    with pytest.raises(RequestError, match=r"character 4 is a lone surrogate \(U\+DC00\)"):
        whole.encode("abc\udc00\ud800")


def test_the_vocabulary_ends_after_the_highest_number(whole: TextTokenizer, make_tokenizer: MakeTokenizer) -> None:
    assert whole.vocabulary == make_tokenizer().get_vocab_size()


def test_a_folder_without_tokenizer_is_told(tmp_path: Path) -> None:
    (tmp_path / "vocab.json").write_text("{}")
    with pytest.raises(UnsupportedModelError, match=r"has no tokenizer: it needs tokenizer\.json"):
        read_tokenizer(tmp_path)


@pytest.mark.parametrize(
    "content",
    [b"", b"{}", b'{"model": 3}', b"\xff\xfe", b'{"model": {"type": "BPE", "vocab": {"a": 0}, "merges": ["a b"]}}'],
)
def test_a_damaged_tokenizer_json_is_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "tokenizer.json").write_bytes(content)
    with pytest.raises(BrokenWeightsError, match=r"tokenizer\.json is damaged"):
        read_tokenizer(tmp_path)


@pytest.mark.parametrize(
    ("vocabulary", "merges"), [({"a": 0}, "a b"), ({"a": 0, "b": 1}, "a b"), ({"a": "x"}, ""), ({"a": 0}, "a b c")]
)
def test_a_vocabulary_and_merges_that_do_not_fit_are_told(
    tmp_path: Path, vocabulary: dict[str, object], merges: str
) -> None:
    (tmp_path / "vocab.json").write_text(json.dumps(vocabulary))
    (tmp_path / "merges.txt").write_text(merges)
    with pytest.raises(BrokenWeightsError, match="do not fit together"):
        read_tokenizer(tmp_path)


def test_tokens_stand_for_their_bytes(make_tokenizer: Callable[..., Tokenizer]) -> None:
    tokenizer = TextTokenizer(make_tokenizer())
    texts = tokenizer.token_bytes
    assert texts is not None
    assert texts[0] is None, "the end of text stands for none"
    assert {bytes([byte]) for byte in range(256)} <= set(texts)
    for text in ("import pandas as pd\n\ndef main():\n", "é 漢字 🎉"):
        assert b"".join(texts[token] or b"" for token in tokenizer.encode(text)) == text.encode()


def test_tokens_that_are_no_bytes_have_none() -> None:
    tokenizer = Tokenizer(models.WordLevel({"a": 0}))
    assert TextTokenizer(tokenizer).token_bytes is None


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="the system does not tell what a process holds")
def test_nothing_is_left_of_a_tokenizer_that_is_gone() -> None:
    # As many words as the library would remember of each tokenizer: three megabytes.
    text = "\n".join(map("".join, islice(product("etaoinshrd", repeat=5), 0, None, 10)))

    def pages() -> int:
        gc.collect()
        return int(Path("/proc/self/statm").read_text().split()[1])

    def use_one() -> None:
        read_tokenizer(BUNDLED_FOLDER).encode(text)

    for _ in range(3):
        use_one()
    before = pages()
    for _ in range(20):
        use_one()
    assert (pages() - before) * os.sysconf("SC_PAGE_SIZE") < 30_000_000
