"""Texts encoded block by block have the tokens that they have as a whole, with every tokenizer that allows it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

from neocaret_model import token_blocks
from neocaret_model.hub import BUNDLED_FOLDER
from neocaret_model.token_blocks import TokenBlocks, blocks, can_be_cut
from neocaret_model.tokenizer import read_tokenizer
from neocaret_model.training.tokenizer import PIECES

MakeTokenizer = Callable[..., Tokenizer]

_LINES = (
    "def f(x):",
    "    return x",
    "\t\tif a:",
    "x = 'é 漢字 🎉'",
    "  ",
    "",
    "a<|endoftext|>",
    "don't",
    "\r",
    "\x0c",
    "\u2028",
)
_pieces = st.sampled_from((*_LINES, "\n", "\n\n", " ", "    ", ";", ")", "<|endoftext|>", "1234567"))
_texts = st.lists(_pieces | st.text(st.characters(exclude_categories=["Cs"]), max_size=8), max_size=60).map("".join)


@pytest.fixture(scope="module")
def bundled() -> Tokenizer:
    return Tokenizer.from_file(str(BUNDLED_FOLDER / "tokenizer.json"))


@pytest.fixture(scope="module")
def gpt2(make_tokenizer: MakeTokenizer) -> Tokenizer:
    return make_tokenizer()


@pytest.fixture(scope="module", params=["bundled", "gpt2"])
def tokenizer(request: pytest.FixtureRequest) -> Tokenizer:
    made: Tokenizer = request.getfixturevalue(request.param)
    return made


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_edited_texts_have_the_tokens_that_they_have_as_a_whole(tokenizer: Tokenizer, data: st.DataObject) -> None:
    cut_up, text = TokenBlocks(tokenizer), data.draw(_texts)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(token_blocks, "LEAST_CHARACTERS", 1)
        for _ in range(3):
            assert cut_up.encode(text) == tokenizer.encode(text).ids
            start, end = sorted(data.draw(st.tuples(*[st.integers(0, len(text))] * 2)))
            text = text[:start] + data.draw(_texts) + text[end:]


@given(_texts, st.integers(1, 100))
def test_blocks_are_the_text(text: str, least: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(token_blocks, "LEAST_CHARACTERS", least)
        cut = list(blocks(text))
    assert "".join(cut) == text
    assert all(len(block) >= least for block in cut[:-1])


def test_what_is_typed_at_the_end_leaves_all_blocks_but_the_last_as_they_were() -> None:
    text = "\n".join(f"line_{number} = {number}" for number in range(500))
    before, after = list(blocks(text)), list(blocks(text + "\nmore"))
    assert len(before) > 10
    assert after[: len(before) - 1] == before[:-1]


def test_only_the_end_is_encoded_again(bundled: Tokenizer, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "\n".join(f"line_{number} = {number}" for number in range(500))
    cut_up = TokenBlocks(bundled)
    cut_up.encode(text)
    seen: list[str] = []
    plain = cut_up._encoded

    def encoded(block: str) -> list[int]:
        seen.append(block)
        return plain(block)

    monkeypatch.setattr(cut_up, "_encoded", encoded)
    assert cut_up.encode(text + "0") == bundled.encode(text + "0").ids
    assert [len(block) < 2 * token_blocks.LEAST_CHARACTERS for block in seen] == [True]


def test_no_more_is_remembered_than_so_many_blocks_of_a_size(bundled: Tokenizer) -> None:
    cut_up = TokenBlocks(bundled)
    for number in range(20):
        cut_up.encode("\n".join(f"name_{number} = {line}" for line in range(1000)))
    assert cut_up.remembered == token_blocks.MOST_BLOCKS
    fresh, long_line = TokenBlocks(bundled), "x" * (token_blocks.MOST_CHARACTERS + 1) + "\n" + "y" * 600 + "\nz"
    assert fresh.encode(long_line) == bundled.encode(long_line).ids
    assert fresh.remembered == 1


def test_a_remembered_token_takes_four_bytes(bundled: Tokenizer) -> None:
    packed = TokenBlocks(bundled)._packed("x = 1")
    assert packed.tolist() == bundled.encode("x = 1", add_special_tokens=False).ids
    assert packed.itemsize == 4


def test_the_tokenizers_that_ship_and_that_are_trained_here_can_be_cut(bundled: Tokenizer) -> None:
    assert can_be_cut(bundled)
    assert token_blocks.OWN_PIECES == PIECES


def _normalised(tokenizer: Tokenizer) -> None:
    tokenizer.normalizer = normalizers.NFC()


def _begun_with_a_space(tokenizer: Tokenizer) -> None:
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)


def _not_cut_before(tokenizer: Tokenizer) -> None:
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()


def _whole(tokenizer: Tokenizer) -> None:
    tokenizer.pre_tokenizer = None


def _added_across_lines(tokenizer: Tokenizer) -> None:
    tokenizer.add_tokens([AddedToken("a\nb")])


def _added_with_spaces(tokenizer: Tokenizer) -> None:
    tokenizer.add_tokens([AddedToken("<mask>", lstrip=True)])


def _ended(tokenizer: Tokenizer) -> None:
    tokenizer.post_processor = processors.TemplateProcessing(single="$A a", special_tokens=[("a", 1)])


@pytest.mark.parametrize(
    "change",
    [_normalised, _begun_with_a_space, _not_cut_before, _whole, _added_across_lines, _added_with_spaces, _ended],
)
def test_other_tokenizers_are_left_alone(make_tokenizer: MakeTokenizer, change: Callable[[Tokenizer], None]) -> None:
    tokenizer = make_tokenizer()
    assert can_be_cut(tokenizer)
    change(tokenizer)
    assert not can_be_cut(tokenizer)


def test_a_model_that_is_no_bpe_is_left_alone() -> None:
    tokenizer = Tokenizer(models.WordPiece({"a": 0}))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    assert not can_be_cut(tokenizer)


def test_the_bundled_tokenizer_encodes_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    plain = TokenBlocks.encode

    def encode(self: TokenBlocks, text: str) -> list[int]:
        seen.append(text)
        return plain(self, text)

    monkeypatch.setattr(TokenBlocks, "encode", encode)
    read_tokenizer(BUNDLED_FOLDER).encode("import os\n")
    assert seen == ["import os\n"]
