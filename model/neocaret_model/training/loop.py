"""The training run: at a constant rate for as long as wanted, then a short fall of the rate to what is shipped.

The two phases have a checkpoint each. The first can always go on from where it stopped, in as many sittings as there
are; the second begins from wherever the first has come to, and is done again when that is further (the
warmup-stable-decay schedule, arXiv 2404.06395).
"""

from __future__ import annotations

import json
import math
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from neocaret_model.training import checkpoint
from neocaret_model.training.data import TokenStore, validation_batches
from neocaret_model.training.gradients import BatchSource, Gradients, SharedBatch, WholeBatch, batch_loss
from neocaret_model.training.network import Network, load_folded_state
from neocaret_model.training.optimizer import Optimizers
from neocaret_model.training.recipe import Recipe
from neocaret_model.training.report import Figures, Reporter

VALIDATION_BATCHES = 4
PLATEAU = "checkpoint.pt"
ANNEALED = "annealed.pt"


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What changes how a run proceeds, but not what it learns."""

    device: str = "auto"
    compiled: bool = True
    checkpoint_steps: int = 50
    validation_steps: int = 100
    processes: int = 1
    """That share each batch, on a CPU; what is learned is the same for any number above 1."""


@dataclass(frozen=True, slots=True)
class Phase:
    """A stretch of steps with a checkpoint of its own."""

    name: str
    file: str
    begin: int
    end: int

    def factor(self, step: int, warmup_steps: int) -> float:
        """Return the share of the full learning rate at `step`: a rise, a plateau; or a fall to zero, all linear."""
        if self.file == PLATEAU:
            return min(1.0, (step + 1) / max(1, warmup_steps))
        return (self.end - step) / (self.end - self.begin)


class Run:
    """One training run in one folder, which `prepare` has filled."""

    def __init__(self, recipe: Recipe, folder: Path, options: RunOptions) -> None:
        self._recipe = recipe
        self._folder = folder
        self._options = options
        self._device = _device(options.device)
        torch.manual_seed(recipe.seed)
        self._network = Network(recipe.shape).to(self._device)
        self._optimizers = Optimizers(self._network, recipe.optimization)
        self._validation = TokenStore.load(folder / "validation.npz")
        self._loss = torch.compile(self._network) if options.compiled else self._network

    def start_from(self, model: Path) -> None:
        """Take the weights of an exported model, with a fresh optimizer; a checkpoint of the run goes before them.

        Raises:
            OSError: the folder has no weights.
            KeyError: a tensor is missing.
            ValueError: its heads are of another size than the recipe's.
            RuntimeError: a tensor has another shape than the recipe's, and not one of a part of its width.
        """
        config = json.loads((model / "config.json").read_text(encoding="utf-8"))
        own, wanted = config["hidden_size"] // config["num_heads"], self._recipe.shape.head_size
        if own != wanted:
            raise ValueError(f"{model} has heads of {own} numbers, and the recipe asks for {wanted}: change its heads")
        load_folded_state(self._network, load_file(model / "model.safetensors"))

    def train(self) -> None:
        """Go on at the constant rate, from the last checkpoint to the recipe's last step."""
        state = checkpoint.load(self._folder / PLATEAU, self._device)
        begin = 0 if state is None else self._take(state)
        self._go(Phase("training", PLATEAU, 0, self._recipe.optimization.steps), begin)

    def anneal(self) -> None:
        """Let the rate fall to zero from where `train` has come to; goes on where an interrupted fall stopped.

        Raises:
            FileNotFoundError: there is no checkpoint to begin from.
        """
        plateau = checkpoint.load(self._folder / PLATEAU, self._device)
        if plateau is None:
            raise FileNotFoundError(f"{self._folder} has no checkpoint to anneal; train first")
        begin = int(plateau["step"])
        phase = Phase("annealing", ANNEALED, begin, begin + self._recipe.optimization.anneal_steps)
        unfinished = checkpoint.load(self._folder / ANNEALED, self._device)
        belongs = unfinished is not None and unfinished["begin"] == begin
        self._go(phase, self._take(unfinished if unfinished is not None and belongs else plateau))

    def validation_loss(self) -> float:
        """Return the mean cross-entropy on the held-out packages, in nats a token."""
        settings = self._recipe.optimization
        batches = validation_batches(
            self._validation, settings.batch_size, settings.sequence_length, VALIDATION_BATCHES
        )
        with torch.no_grad():
            losses = [float(batch_loss(self._loss, batch, self._device)) for batch in batches]
        return sum(losses) / len(losses)

    def _take(self, state: dict[str, Any]) -> int:
        self._network.load_state_dict(state["network"])
        self._optimizers.load(state["optimizers"])
        return int(state["step"])

    def _go(self, phase: Phase, begin: int) -> None:
        settings = self._recipe.optimization
        reporter = Reporter(phase.name, self._folder / "log.jsonl", settings.step_tokens, phase.end)
        with reporter, closing(self._gradients()) as gradients:
            for step in range(begin, phase.end):
                loss = gradients.at(step)
                torch.nn.utils.clip_grad_norm_(self._network.parameters(), settings.gradient_clip)
                self._optimizers.step(phase.factor(step, settings.warmup_steps))
                done = step + 1
                reporter.stepped(done, loss)
                if done % self._options.validation_steps == 0 or done == phase.end:
                    reporter.measured(done, self._figures(loss))
                if done % self._options.checkpoint_steps == 0 or done == phase.end:
                    self._save(phase, done)

    def _gradients(self) -> Gradients:
        source = BatchSource(self._folder / "train.npz", self._recipe.optimization, self._recipe.seed)
        if self._options.processes == 1 or self._device.type != "cpu":
            return WholeBatch(self._loss, source, self._device)
        return SharedBatch(self._network, source, self._options.processes, compiled=self._options.compiled)

    def _figures(self, loss: float) -> Figures:
        validation = self.validation_loss()
        tokens_per_byte = len(self._validation.tokens) / self._validation.text_bytes
        return Figures(loss, validation, validation / math.log(2) * tokens_per_byte)

    def _save(self, phase: Phase, step: int) -> None:
        state = {
            "step": step,
            "begin": phase.begin,
            "network": self._network.state_dict(),
            "optimizers": self._optimizers.state(),
        }
        checkpoint.save(state, self._folder / phase.file)


def _device(name: str) -> torch.device:
    if name != "auto":
        return torch.device(name)
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
