"""A whole benchmark: models one after the other, and on each all contestants side by side."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from neocaret_model.benchmarks.contestant import Contestant, OwnEngine
from neocaret_model.benchmarks.errors import BenchmarkError
from neocaret_model.benchmarks.measuring import Size
from neocaret_model.benchmarks.one_model import OneModel
from neocaret_model.benchmarks.plan import LoadEngine, Plan, Progress
from neocaret_model.benchmarks.report import Machine, ModelReport, Report
from neocaret_model.benchmarks.shapes import Checkpoint, checkpoint
from neocaret_model.benchmarks.workload import SLACK, TYPED, Texts
from neocaret_model.config import read_config
from neocaret_model.engine.port import ModelInfo
from neocaret_model.tokenizer import read_tokenizer

_IN_TRANSFORMERS = ("float32", "float16", "bfloat16")
"""The number formats that transformers computes in by itself."""

_FLOAT32_BYTES = 4


@dataclass(frozen=True, slots=True)
class _Watch:
    progress: Progress
    deadline: float
    """By `time.perf_counter`."""


def benchmark(plan: Plan, load: LoadEngine, progress: Progress) -> Report:
    """Carry out a plan.

    Raises:
        BenchmarkError: a model has too few positions, or the text to measure with is not here.
        ModelError: a model cannot be loaded, or cannot answer.
    """
    began = time.perf_counter()
    import torch

    from neocaret_model.benchmarks.machine import inspect_machine
    from neocaret_model.benchmarks.memory import measure_bandwidth
    from neocaret_model.device import choose_device

    threads = torch.get_num_threads()
    try:
        device = choose_device(plan.device)
        machine = inspect_machine(device)
        watch = _Watch(progress, began + 60 * plan.minutes)
        models = tuple(_measured(model, plan, machine, load, watch) for model in plan.models)
        torch.set_num_threads(threads)
        # Another program may have been reading too: the limit is the best of what is seen before and after.
        machine = replace(machine, bytes_a_second=max(machine.bytes_a_second, measure_bandwidth(device)))
    finally:
        torch.set_num_threads(threads)
    return Report(
        machine=machine,
        new_tokens=plan.new_tokens,
        repetitions=plan.repetitions,
        models=models,
        notes=_notes(plan),
        seconds=time.perf_counter() - began,
    )


def _measured(model: str, plan: Plan, machine: Machine, load: LoadEngine, watch: _Watch) -> ModelReport:
    from neocaret_model.benchmarks.memory import bytes_a_pass
    from neocaret_model.benchmarks.onnx_peer import is_installed

    with checkpoint(model) as found, ExitStack() as until_measured:
        contestants, info = _own_engines(found, plan, machine, load)
        if set(plan.peers) & {"pipeline", "cache"}:
            contestants += until_measured.enter_context(_peers(info, contestants, plan, machine))
        if "onnxruntime" in plan.peers and is_installed() and not _too_large(info):
            contestants += until_measured.enter_context(_onnx_runtimes(info, plan, machine))
        config = read_config(Path(info.folder))
        lengths = fitting_lengths(plan.lengths, info.positions, plan.new_tokens)
        texts = Texts(read_tokenizer(Path(info.folder)))
        run = OneModel(model, plan, watch.progress, watch.deadline, contestants, texts)
        figures, left_out = run.figures(lengths)
        cancels = run.cancels(figures, lengths[-1])
        return ModelReport(
            name=model,
            info=info,
            random=found.random,
            bytes_a_pass={contestant.dtype: bytes_a_pass(config, contestant.dtype) for contestant in contestants},
            fingerprint=texts.fingerprint,
            notes=(
                *_length_notes(plan, lengths, info.positions),
                *_onnx_notes(plan, info),
                *_time_notes(plan, left_out, cancelled=bool(cancels) or not plan.cancels),
            ),
            figures=tuple(figures),
            cancels=tuple(cancels),
        )


def _own_engines(
    found: Checkpoint, plan: Plan, machine: Machine, load: LoadEngine
) -> tuple[list[Contestant], ModelInfo]:
    """Our engine in each format; with the document's n-grams only where the model writes more than noise."""
    import torch

    contestants: list[Contestant] = []
    infos = []
    for dtype in plan.dtypes:
        torch.set_num_threads(machine.threads)  # what an engine loaded earlier has chosen is not this one's
        engine = load(found.model, dtype)
        threads = torch.get_num_threads()
        ways = (False,) if found.random else (True, False)
        contestants += [OwnEngine(engine, plan.asked_rows, threads, document=document) for document in ways]
        infos.append(engine.info)
    return contestants, infos[0]


@contextmanager
def _peers(info: ModelInfo, own: Sequence[Contestant], plan: Plan, machine: Machine) -> Iterator[Sequence[Contestant]]:
    """Yield the peers in float32, the tutorial's format, and in ours where transformers computes in that."""
    from neocaret_model.benchmarks.peers import loaded_peers

    ours = [contestant.dtype for contestant in own] if "cache" in plan.peers else []
    known = [dtype for dtype in dict.fromkeys(("float32", *ours)) if dtype in _IN_TRANSFORMERS]
    threads = sorted({1, machine.threads})
    with loaded_peers(Path(info.folder), info.device, known, plan.asked_rows, threads, who=plan.peers) as peers:
        yield peers


@contextmanager
def _onnx_runtimes(info: ModelInfo, plan: Plan, machine: Machine) -> Iterator[Sequence[Contestant]]:
    from neocaret_model.benchmarks.onnx_peer import loaded_onnx_runtimes

    with loaded_onnx_runtimes(Path(info.folder), plan.asked_rows, machine.threads) as peers:
        yield peers


def _too_large(info: ModelInfo) -> bool:
    from neocaret_model.benchmarks.onnx_export import MOST_BYTES

    return info.parameters * _FLOAT32_BYTES > MOST_BYTES


def fitting_lengths(lengths: Sequence[int], positions: int, new_tokens: int) -> tuple[int, ...]:
    """Return the prompt lengths, in ascending order and each once, cut to what `positions` leave.

    Raises:
        BenchmarkError: they leave nothing.
    """
    most = positions - new_tokens - TYPED - SLACK
    if most < 1:
        raise BenchmarkError(f"{new_tokens} new tokens leave no room for a prompt in {positions} positions: ask fewer.")
    return tuple(sorted({min(length, most) for length in lengths}))


def _length_notes(plan: Plan, lengths: Sequence[int], positions: int) -> tuple[str, ...]:
    cut = [str(length) for length in plan.lengths if length > lengths[-1]]
    if not cut:
        return ()
    room = f"{positions} positions beside {plan.new_tokens} new tokens"
    return (f"prompts of {', '.join(cut)} tokens do not fit {room}: {lengths[-1]} is measured instead.",)


def _time_notes(plan: Plan, left_out: Sequence[Size], *, cancelled: bool) -> Iterator[str]:
    if left_out:
        sizes = ", ".join(f"N={size.prompt_tokens} K={size.rows}" for size in left_out)
        yield f"not measured, since it would have taken longer than {plan.minutes:g} minutes: {sizes}."
    if not cancelled:
        yield f"nothing was cancelled, since {plan.minutes:g} minutes were over."


def _onnx_notes(plan: Plan, info: ModelInfo) -> tuple[str, ...]:
    if "onnxruntime" not in plan.peers or not _too_large(info):
        return ()
    return ("onnxruntime is not measured: in float32 the model is larger than one file of ONNX can be.",)


def _notes(plan: Plan) -> tuple[str, ...]:
    from neocaret_model.benchmarks.onnx_peer import is_installed

    if "onnxruntime" not in plan.peers or is_installed():
        return ()
    return ("onnxruntime is not installed, and so not measured: pip install 'neocaret[bench]'.",)
