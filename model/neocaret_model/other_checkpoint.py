"""A checkpoint that is no GPT-Neo, from its folder to a runner over transformers' modules; imports transformers."""

from __future__ import annotations

from pathlib import Path

from transformers import AutoTokenizer

from neocaret_model.continuation_test import tested_runner
from neocaret_model.errors import UnsupportedModelError
from neocaret_model.loading import Place, Running, Watch, refuse_int8
from neocaret_model.model_type import THROUGH_TRANSFORMERS
from neocaret_model.other_config import brief, quiet, read_other_config
from neocaret_model.other_network import assemble_other, parameters, wanted_shapes
from neocaret_model.reference import TransformersRunner
from neocaret_model.tokenizer import TOKENIZER_FILE, TextTokenizer, read_tokenizer

MOST_RECOMPUTED = 512
"""Positions of a network that is given the whole prompt for each token."""

_RECOMPUTED = f"{THROUGH_TRANSFORMERS} Of this architecture nothing is reused: it is very slow."


class OtherCheckpoint:
    """Implements `loading.Checkpoint`."""

    def __init__(self, folder: Path) -> None:
        """Read the configuration.

        Raises:
            UnsupportedModelError, BrokenWeightsError: as `read_other_config` does.
        """
        self._folder = folder
        self._config = read_other_config(folder)
        self.vocabulary = self._config.vocabulary
        self.eos_ids = self._config.eos_ids

    def tokenizer(self) -> TextTokenizer:
        """Read `tokenizer.json`, or let transformers convert what is there instead.

        Raises:
            UnsupportedModelError: there is nothing that transformers can convert.
            BrokenWeightsError: the tokenizer is damaged.
        """
        if (self._folder / TOKENIZER_FILE).is_file():
            return read_tokenizer(self._folder)
        try:
            return _converted(self._folder)
        except Exception as error:
            # Whatever a converter or a library that is missing makes of files that it does not know.
            raise UnsupportedModelError(
                f"{self._folder} has no {TOKENIZER_FILE}, and transformers cannot make it from what is there "
                f"({brief(error)}): save it with transformers' AutoTokenizer and save_pretrained, or use another model."
            ) from error

    def parameters(self) -> int:
        """Return how many numbers the network has.

        Raises:
            BrokenWeightsError: the configuration makes no network.
        """
        return parameters(wanted_shapes(self._folder, self._config))

    def is_compiled(self) -> bool:
        """Tell that transformers' modules run on torch."""
        return False

    def load(self, place: Place, watch: Watch) -> Running:
        """Read the weights, and find out how the network continues a text.

        Raises:
            ModelError: one of its kinds, with a sentence for the user.
        """
        refuse_int8(place)
        network = assemble_other(
            self._folder,
            self._config,
            device=place.device,
            dtype=place.dtype,
            progress=watch.told,
            cancelled=watch.give_up,
        )
        runner = tested_runner(network, self.vocabulary, self._config.positions, place.dtype)
        if isinstance(runner, TransformersRunner):
            return Running(runner, self._config.positions, place.dtype, THROUGH_TRANSFORMERS)
        return Running(runner, min(self._config.positions, MOST_RECOMPUTED), place.dtype, _RECOMPUTED)


def _converted(folder: Path) -> TextTokenizer:
    with quiet():
        converted = AutoTokenizer.from_pretrained(str(folder), local_files_only=True, trust_remote_code=False)
    names = tuple(converted.vocab_files_names.values())
    if not any((folder / name).is_file() for name in names):  # transformers then makes an empty one up
        raise FileNotFoundError(f"none of {', '.join(names)}")
    return TextTokenizer(converted.backend_tokenizer)
