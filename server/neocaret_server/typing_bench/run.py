"""The whole benchmark: one script, typed with each policy, one after the other."""

from __future__ import annotations

import asyncio
import os
import platform
import re
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from neocaret_server.backend import BackendError
from neocaret_server.benchmark import Benchmark
from neocaret_server.evaluation import WorkProgress
from neocaret_server.typing_bench.figures import figures_of
from neocaret_server.typing_bench.plot import plot
from neocaret_server.typing_bench.policies import POLICIES, Policy, server_command
from neocaret_server.typing_bench.replay import Manner, replay
from neocaret_server.typing_bench.report import PolicyReport, Report, as_json, as_text
from neocaret_server.typing_bench.request import TypingRequest
from neocaret_server.typing_bench.script import Script, make_script

ReadFiles = Callable[[tuple[Path, ...]], Sequence[tuple[str, str]]]
"""Paths and texts of the Python files in some folders; of Neocaret's own source where there are none."""
_MINUTE = 60.0


def measure_typing(
    request: TypingRequest,
    working: WorkProgress,
    read_files: ReadFiles,
    command: Callable[[Policy], Sequence[str]] = server_command,
) -> Benchmark:
    """Type with each policy and report; an exception ends it, and the server with it.

    Raises:
        BackendError: there is nothing to type, or a server does not serve.
    """
    script = make_script(read_files(request.folders), request.minutes * _MINUTE, request.seed, request.speed)
    report = asyncio.run(_measured(request, script, working, command))
    try:
        picture, note = plot(report), ""
    except BackendError as error:
        picture, note = None, str(error)
    return Benchmark(as_json(report), as_text(report), picture, note)


async def _measured(
    request: TypingRequest, script: Script, working: WorkProgress, command: Callable[[Policy], Sequence[str]]
) -> Report:
    reports = []
    manner = Manner(request.editor, request.seed, _settings(request))
    status: dict[str, Any] = {}
    for policy in (each for each in POLICIES if each.name in request.policies):
        told = partial(_tell, working, f"Typing with {policy.name}", script.seconds)
        told(0.0)
        seen, status = await replay(command(policy), script, manner, told)
        reports.append(PolicyReport(policy, figures_of(seen), seen))
    return Report(request, script, status, _machine(), reports)


def _settings(request: TypingRequest) -> dict[str, Any]:
    choice = request.choice
    return {"model": choice.model, "device": choice.device, "dtype": choice.dtype, "seed": request.seed}


def _tell(working: WorkProgress, message: str, total: float, seconds: float) -> None:
    working(message, round(seconds), round(total))


def _machine() -> str:
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{_processor()}, {processors} processors, Python {platform.python_version()}"


def _processor() -> str:
    try:
        found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE)
    except OSError:
        found = None
    return found[1] if found else platform.processor() or platform.machine()
