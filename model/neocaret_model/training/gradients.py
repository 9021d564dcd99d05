"""A batch's gradients: in this process, or in several that take slices of the batch until none is left.

On a CPU two processes of a thread each outdo two threads of one process wherever anything else runs on the machine: the
threads wait for each other at every product, the processes once a step. A process that the system gives little time
takes fewer slices. Each slice's gradients have a place of their own and are added in order, so that what is learned
depends neither on how many processes there are nor on which of them was faster.

Shapes: `B` batch, `T` tokens, `S` slices, `P` parameters.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Protocol, cast

import torch
from torch import Tensor, multiprocessing, nn

from neocaret_model.training.data import Batch, Batches, TokenStore
from neocaret_model.training.recipe import Optimization

SLICE_TOKENS = 1024
"""Tokens that a process takes at once, in whole sequences: few enough that the last slice is not waited for long."""

Loss = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True, slots=True)
class BatchSource:
    """Where any process finds a step's batch."""

    store: Path
    settings: Optimization
    seed: int

    def open(self) -> Batches:
        """Read the store."""
        return Batches(TokenStore.load(self.store), self.settings, self.seed)


class Gradients(Protocol):
    """Fills the parameters' gradients."""

    def at(self, step: int) -> float:
        """Leave the mean gradients of the step's batch in `.grad` and return its mean loss, in nats a token."""

    def close(self) -> None:
        """Give up what was held."""


def batch_loss(loss: Loss, batch: Batch, device: torch.device) -> Tensor:
    """Return the mean cross-entropy of a batch [B, T + 1], matrices multiplied in bfloat16."""
    tokens = torch.from_numpy(batch).to(device)
    with torch.autocast(device.type, dtype=torch.bfloat16):
        return loss(tokens[:, :-1].contiguous(), tokens[:, 1:].contiguous())


class WholeBatch:
    """In this process, the batch at once."""

    def __init__(self, loss: Loss, source: BatchSource, device: torch.device) -> None:
        self._loss = loss
        self._batches = source.open()
        self._device = device

    def at(self, step: int) -> float:
        """See `Gradients`."""
        loss = batch_loss(self._loss, self._batches.at(step), self._device)
        loss.backward()  # type: ignore[no-untyped-call]  # torch does not type it
        return float(loss.detach())

    def close(self) -> None:
        """See `Gradients`."""


@dataclass(frozen=True, slots=True)
class _Shared:
    """What the processes have in common."""

    network: nn.Module
    """Its parameters lie in shared memory: a step of the optimizer is seen by all."""
    gradients: Tensor  # [S, P]
    losses: Tensor  # [S]
    taken: Any
    """How many slices of this step are taken: a `multiprocessing.Value`."""
    source: BatchSource
    compiled: bool


class SharedBatch:
    """In this process and others on the same CPU, each of one thread."""

    def __init__(self, network: nn.Module, source: BatchSource, processes: int, *, compiled: bool) -> None:
        context = multiprocessing.get_context("spawn")
        parameters = list(network.parameters())
        slices = -(-source.settings.batch_size // _slice_rows(source.settings))
        network.share_memory()
        self._shared = _Shared(
            network,
            _shared_zeros(slices, sum(parameter.numel() for parameter in parameters)),
            _shared_zeros(slices),
            context.Value("q", 0),
            source,
            compiled,
        )
        self._helpers: list[Connection] = []
        for _ in range(processes - 1):
            ours, theirs = context.Pipe()
            context.Process(target=_help, args=(theirs, self._shared), daemon=True).start()
            theirs.close()
            self._helpers.append(ours)
        self._slicer = _Slicer(self._shared)

    def at(self, step: int) -> float:
        """See `Gradients`.

        Raises:
            RuntimeError: one of the processes has ended.
        """
        torch.set_num_threads(1)
        self._shared.taken.value = 0
        try:
            for helper in self._helpers:
                helper.send(step)
            self._slicer.take(step)
            for helper in self._helpers:
                helper.recv()
        except (EOFError, OSError):
            raise RuntimeError("a process that trains along has ended; the same command goes on") from None
        # From here to the next step the others have nothing to do: the optimizer takes their cores too.
        torch.set_num_threads(1 + len(self._helpers))
        _spread(self._shared.gradients.mean(dim=0), self._shared.network)
        return float(self._shared.losses.mean())

    def close(self) -> None:
        """See `Gradients`; the other processes end by themselves."""
        for helper in self._helpers:
            helper.close()


class _Slicer:
    """Takes slices of a step's batch until none is left."""

    def __init__(self, shared: _Shared) -> None:
        self._shared = shared
        self._batches = shared.source.open()
        self._rows = _slice_rows(shared.source.settings)
        self._loss: Loss = torch.compile(shared.network) if shared.compiled else shared.network

    def take(self, step: int) -> None:
        batch = self._batches.at(step)
        while (index := self._next()) is not None:
            rows = batch[index * self._rows : (index + 1) * self._rows]
            loss = batch_loss(self._loss, rows, torch.device("cpu"))
            loss.backward()  # type: ignore[no-untyped-call]  # torch does not type it
            weight = len(rows) * len(self._shared.losses) / len(batch)
            self._shared.losses[index] = loss.detach() * weight
            _collect(self._shared.network, self._shared.gradients[index], weight)

    def _next(self) -> int | None:
        with self._shared.taken.get_lock():
            index = int(self._shared.taken.value)
            if index == len(self._shared.losses):
                return None
            self._shared.taken.value = index + 1
        return index


def _help(connection: Connection, shared: _Shared) -> None:
    """Take slices of each step that is announced, until the process that announces them closes its end or dies."""
    os.nice(1)
    torch.set_num_threads(1)
    slicer = _Slicer(shared)
    try:
        while True:
            slicer.take(connection.recv())
            connection.send(None)
    except (EOFError, OSError, KeyboardInterrupt):
        return


def _slice_rows(settings: Optimization) -> int:
    return max(1, SLICE_TOKENS // settings.sequence_length)


def _shared_zeros(*shape: int) -> Tensor:
    zeros: Tensor = torch.zeros(shape).share_memory_()  # type: ignore[no-untyped-call]  # torch does not type it
    return zeros


def _collect(network: nn.Module, into: Tensor, weight: float) -> None:
    begin = 0
    for parameter in network.parameters():
        end = begin + parameter.numel()
        torch.mul(cast("Tensor", parameter.grad).view(-1), weight, out=into[begin:end])
        parameter.grad = None
        begin = end


def _spread(gradients: Tensor, network: nn.Module) -> None:
    begin = 0
    for parameter in network.parameters():
        end = begin + parameter.numel()
        parameter.grad = gradients[begin:end].view_as(parameter)
        begin = end
