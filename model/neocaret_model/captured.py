"""Work on buffers that stay where they are, recorded once and played again: CUDA graphs, or plain calls elsewhere.

What is recorded must be a function of tensors alone: it takes its inputs from buffers and leaves its results in others,
always of the same shapes, and asks for no number on the way. Launching the some hundred kernels of a step one by one
takes a host longer than a GPU needs for them; a graph is launched as one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import torch
from torch import Tensor

Work = Callable[[], None]

_WARM_UPS = 2
"""Before a recording: libraries allocate and choose kernels in their first calls, which no graph may hold."""


class Recorder(Protocol):
    """Records work to be done again and again."""

    def record(self, work: Work) -> Work:
        """Return what does `work` again; it may be done some times at once, and must bear that."""
        ...

    def wait(self) -> None:
        """Return when the device has done all it was given."""
        ...


class PlainCalls:
    """Records nothing: the work is called. What tests and devices without graphs use."""

    def record(self, work: Work) -> Work:
        """As `Recorder.record`."""
        return work

    def wait(self) -> None:
        """As `Recorder.wait`: a CPU is never behind."""


class CudaGraphs:
    """Records CUDA graphs, which share one pool of memory: they never run at the same time."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._pool: Any = None

    def record(self, work: Work) -> Work:
        """As `Recorder.record`.

        Raises:
            RuntimeError: the work cannot be captured.
        """
        with torch.cuda.device(self._device):
            if self._pool is None:
                self._pool = torch.cuda.graph_pool_handle()
            beside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
            beside.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(beside):
                for _ in range(_WARM_UPS):
                    work()
            torch.cuda.current_stream().wait_stream(beside)
            graph = torch.cuda.CUDAGraph()
            # Other threads may use the GPU meanwhile; what they do is none of the graph's business.
            with torch.cuda.graph(graph, pool=self._pool, capture_error_mode="thread_local"):
                work()
        return graph.replay

    def wait(self) -> None:
        """As `Recorder.wait`."""
        torch.cuda.synchronize(self._device)


def upload(numbers: Tensor, target: Tensor) -> None:
    """Write numbers of the host into a buffer on any device; does not wait until they are there."""
    # From ordinary memory the driver may wait for the device to be idle.
    target.copy_(numbers.pin_memory() if target.is_cuda else numbers, non_blocking=True)
