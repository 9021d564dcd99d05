"""`neocaret bench engine` as a user runs it, with a model of random weights."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

SECONDS = 300


def test_figures_come_as_one_json_document_and_as_files(tiny_folder: Path, tmp_path: Path) -> None:
    small = ["-N", "16", "-n", "2", "--new-tokens", "3", "--repetitions", "1", "--cancels", "2", "--no-peers"]
    done = subprocess.run(
        [
            sys.executable,
            "-P",
            "-m",
            "neocaret_server",
            "bench",
            "engine",
            "--model",
            str(tiny_folder),
            *small,
            "--json",
        ],
        capture_output=True,
        encoding="utf-8",
        env=os.environ | {"HF_HUB_OFFLINE": "1"},
        timeout=SECONDS,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    written, drawn = sorted((tmp_path / "neocaret-bench").iterdir())
    assert json.loads(written.read_text(encoding="utf-8")) == figures
    assert drawn.read_bytes().startswith(b"\x89PNG")
    (model,) = figures["models"]
    assert figures["machine"]["bytes_a_second"] > 0
    assert [(each["prompt_tokens"], each["rows"]) for each in model["figures"]] == [(16, 2), (16, 2)]
    assert {each["who"] for each in model["cancels"]} <= {"neocaret", "neocaret, no guesses"}
    assert list(model["figures"][0]["requests"]) == ["cold", "+1", "+3", "changed", "back"]
