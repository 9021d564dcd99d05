"""`neocaret eval` as a user runs it, with a model of random weights."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

SECONDS = 300
CODE = """import os
import re


def join(first, second):
    path = os.path.join(first, second)
    joined = path
    return joined
"""
PROBLEM = {"task_id": "t/0", "prompt": "def f():\n", "entry_point": "f", "test": "def check(f):\n    assert f() == 1\n"}


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-m", "neocaret_server", "eval", "--device", "cpu", *arguments],
        capture_output=True,
        encoding="utf-8",
        env=os.environ | {"HF_HUB_OFFLINE": "1"},
        timeout=SECONDS,
        check=False,
    )


def test_all_figures_come_as_one_json_document(tiny_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "code.py").write_text(CODE)
    (tmp_path / "problems.jsonl").write_text(json.dumps(PROBLEM))
    small = ["--data", str(tmp_path), "--carets", "12", "--lines", "1", "--candidates", "3", "--max-new-tokens", "8"]
    written = ["--human-eval", str(tmp_path / "problems.jsonl"), "--samples", "2"]
    done = run("--model", str(tiny_folder), "--json", *small, *written)
    assert (done.returncode, done.stderr) == (0, "")
    figures = json.loads(done.stdout)
    assert list(figures) == ["model", "data", "lines", "typing", "bits_per_byte", "human_eval"]
    assert figures["model"]["name"] == str(tiny_folder)
    overall = figures["lines"]["model"]["overall"]
    assert (overall["carets"], list(overall["exact_match"])) == (12, ["1", "3"])
    assert figures["bits_per_byte"]["bytes"] == len(CODE)
    assert sum(figures["human_eval"]["verdicts"].values()) == 2


def test_folder_that_is_none_is_one_sentence(tmp_path: Path) -> None:
    done = run("--data", str(tmp_path / "none"))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"neocaret: {tmp_path / 'none'} is no folder: give one that holds Python files.\n"
