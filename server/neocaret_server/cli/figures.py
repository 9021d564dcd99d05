"""What a benchmark measured: into files under the time of day, and to whoever reads."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

from neocaret_server.cli.output import output_console, print_json, print_note, put, visible

if TYPE_CHECKING:
    from neocaret_server.benchmark import Benchmark


def hand_over(done: Benchmark, folder: Path, name: str, *, as_json: bool) -> None:
    """Write the figures beside what was measured before, then print them as a table or as JSON."""
    written = _write(done, folder, name)
    if as_json:
        print_json(done.figures)
    else:
        put(output_console(), visible(done.text))
    print_note(f"written to {' and '.join(map(str, written))}")
    if done.note:
        print_note(done.note)


def _write(done: Benchmark, folder: Path, name: str) -> list[Path]:
    stem = f"{name}-{time.strftime('%Y%m%d-%H%M%S')}"
    written = [folder / f"{stem}.json"]
    with written[0].open("x", encoding="utf-8") as file:
        file.write(json.dumps(done.figures, indent=2, allow_nan=False) + "\n")
    if done.picture is not None:
        written.append(folder / f"{stem}.png")
        with written[1].open("xb") as picture:
            picture.write(done.picture)
    return written
