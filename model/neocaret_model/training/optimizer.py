"""Muon for the matrices inside the layers, AdamW for everything else."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.optim import AdamW, Muon, Optimizer

from neocaret_model.training.recipe import Optimization


class Optimizers:
    """Both optimizers as one; learning rates are set at each step, so that a resumed run needs no scheduler state."""

    def __init__(self, network: nn.Module, settings: Optimization) -> None:
        matrices, others = _parted(network)
        self._settings = settings
        self._muon = Muon(
            matrices,
            lr=settings.matrix_learning_rate,
            weight_decay=settings.weight_decay,
            adjust_lr_fn="match_rms_adamw",
        )
        self._adamw = AdamW(others, lr=settings.vector_learning_rate, betas=(0.9, 0.95), weight_decay=0.0, fused=True)

    def step(self, factor: float) -> None:
        """Update the weights with this share of the full learning rates, and clear the gradients."""
        for optimizer, rate in self._rates():
            for group in optimizer.param_groups:
                group["lr"] = rate * factor
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)

    def state(self) -> dict[str, Any]:
        """Return what `load` takes."""
        return {"muon": self._muon.state_dict(), "adamw": self._adamw.state_dict()}

    def load(self, state: dict[str, Any]) -> None:
        """Go on from an earlier `state`."""
        self._muon.load_state_dict(state["muon"])
        self._adamw.load_state_dict(state["adamw"])

    def _rates(self) -> list[tuple[Optimizer, float]]:
        return [
            (self._muon, self._settings.matrix_learning_rate),
            (self._adamw, self._settings.vector_learning_rate),
        ]


def _parted(network: nn.Module) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    matrices: list[torch.Tensor] = []
    others: list[torch.Tensor] = []
    for name, parameter in network.named_parameters():
        inside_layer = parameter.dim() == 2 and not name.startswith(("wte", "wpe"))  # noqa: PLR2004 - a matrix
        (matrices if inside_layer else others).append(parameter)
    return matrices, others
