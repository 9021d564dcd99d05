"""The training run: steps from the last checkpoint on, until the recipe's tokens are spent."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from neocaret_model.training import checkpoint
from neocaret_model.training.data import Batch, Batches, TokenStore, validation_batches
from neocaret_model.training.network import Network, load_folded_state
from neocaret_model.training.optimizer import Optimizers
from neocaret_model.training.recipe import Recipe

VALIDATION_BATCHES = 4


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What changes how a run proceeds, but not what it learns."""

    device: str = "auto"
    compiled: bool = True
    checkpoint_steps: int = 50
    validation_steps: int = 100


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
        self._train, self._validation = (TokenStore.load(folder / f"{name}.npz") for name in ("train", "validation"))
        self._loss = torch.compile(self._network) if options.compiled else self._network

    def start_from(self, model: Path) -> None:
        """Take the weights of an exported model, with a fresh optimizer; a checkpoint of the run goes before them.

        Raises:
            OSError: the folder has no weights.
            KeyError: a tensor is missing.
            RuntimeError: a tensor has another shape than the recipe's.
        """
        load_folded_state(self._network, load_file(model / "model.safetensors"))

    def resume(self) -> int:
        """Take up the last checkpoint, if there is one; returns the next step."""
        state = checkpoint.load(self._folder / "checkpoint.pt", self._device)
        if state is None:
            return 0
        self._network.load_state_dict(state["network"])
        self._optimizers.load(state["optimizers"])
        return int(state["step"])

    def train(self) -> None:
        """Run to the recipe's last step, leaving a checkpoint every few steps and a line of figures in `log.jsonl`."""
        settings = self._recipe.optimization
        begin = self.resume()
        batches = Batches(
            self._train,
            settings.batch_size,
            settings.sequence_length,
            settings.file_start_share,
            self._recipe.seed,
        )
        clock = _Clock(settings.batch_size * settings.sequence_length, settings.steps)
        for step in range(begin, settings.steps):
            loss = self._step(batches.at(step), step)
            clock.tick()
            done = step + 1
            if done % self._options.validation_steps == 0 or done == settings.steps:
                self._log(done, loss, clock)
            if done % self._options.checkpoint_steps == 0 or done == settings.steps:
                self._save(done)

    def validation_loss(self) -> float:
        """Return the mean cross-entropy on the held-out packages, in nats a token."""
        settings = self._recipe.optimization
        batches = validation_batches(
            self._validation, settings.batch_size, settings.sequence_length, VALIDATION_BATCHES
        )
        with torch.no_grad():
            losses = [float(self._batch_loss(batch)) for batch in batches]
        return sum(losses) / len(losses)

    def _step(self, batch: Batch, step: int) -> float:
        loss = self._batch_loss(batch)
        loss.backward()  # type: ignore[no-untyped-call]  # torch does not type it
        torch.nn.utils.clip_grad_norm_(self._network.parameters(), self._recipe.optimization.gradient_clip)
        self._optimizers.step(step)
        return float(loss.detach())

    def _batch_loss(self, batch: Batch) -> torch.Tensor:
        tokens = torch.from_numpy(batch).to(self._device)
        with torch.autocast(self._device.type, dtype=torch.bfloat16):
            loss: torch.Tensor = self._loss(tokens[:, :-1].contiguous(), tokens[:, 1:].contiguous())
        return loss

    def _log(self, step: int, loss: float, clock: _Clock) -> None:
        validation = self.validation_loss()
        bits = validation / 0.6931471805599453 * len(self._validation.tokens) / self._validation.text_bytes
        line: dict[str, Any] = {
            "step": step,
            "tokens": step * clock.step_tokens,
            "loss": round(loss, 4),
            "validation_loss": round(validation, 4),
            "validation_bits_per_byte": round(bits, 4),
            "tokens_per_second": round(clock.tokens_per_second),
            "seconds_left": round(clock.seconds_left(step)),
        }
        print(json.dumps(line), flush=True)
        with (self._folder / "log.jsonl").open("a", encoding="utf-8") as log:
            log.write(json.dumps(line) + "\n")

    def _save(self, step: int) -> None:
        state = {"step": step, "network": self._network.state_dict(), "optimizers": self._optimizers.state()}
        checkpoint.save(state, self._folder / "checkpoint.pt")


class _Clock:
    """Tokens a second since the first step of this process was done (the first one compiles)."""

    def __init__(self, step_tokens: int, steps: int) -> None:
        self.step_tokens = step_tokens
        self._steps = steps
        self._ticks = -1
        self._begin = 0.0

    def tick(self) -> None:
        self._ticks += 1
        if self._ticks == 0:
            self._begin = time.monotonic()

    @property
    def tokens_per_second(self) -> float:
        return self._ticks * self.step_tokens / max(time.monotonic() - self._begin, 1e-9)

    def seconds_left(self, step: int) -> float:
        rate = self.tokens_per_second
        return (self._steps - step) * self.step_tokens / rate if rate else 0.0


def _device(name: str) -> torch.device:
    if name != "auto":
        return torch.device(name)
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
