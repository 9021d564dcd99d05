"""The packed extension in a real VS Code, over a scripted model, so that the expected text is known; once with the
bundled one.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from embedded_vscode import ACCEPT_LINE, CodeServer, Window, missing, scripted
from waiting import wait_for

_LACKING = missing()
pytestmark = pytest.mark.skipif(_LACKING is not None, reason=str(_LACKING))

SCRIPT = {
    "x = ": ["1 + 2", "three(4)"],
    "wo": ["rd(1)", "rk"],
    "def f():": ["\n    a = 1\n    return a"],
    "😀' + ": ["str(1)", "'é'"],
    "tell me": [" a story"],
    "sing": [" a song"],
}
_NOT_YET = ("starting", "loading", "stopped", "failed")


class Editor:
    """The window, the server behind it, and files on disk."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = str(scripted(folder, script=SCRIPT, load_seconds=0.2, token_seconds=0.05))
        self.server = CodeServer(folder, neocaret__server__path=self.path)
        self.window = Window(self.server.address)
        self.do = self.window.do
        self.see = self.window.see
        self._files = 0

    def settings(self, **settings: Any) -> None:
        """Change the settings, and wait until the editor has them."""
        title = self.server.settings(**{"neocaret__server__path": self.path, **settings})
        self.see("title", lambda shown: shown == title)

    def open(self, text: str) -> Path:
        """Open a new file of this text, the caret at its end, when the server is ready."""
        self._files += 1
        path = self.server.workspace / f"file{self._files}.py"
        path.write_bytes(text.encode())
        self.do("keys", "Escape")
        self.do("open", str(path))
        self.do("keys", "Control+End")
        self.see("status", lambda text: "Neocaret" in text and not any(state in text for state in _NOT_YET))
        return path

    def close(self) -> None:
        """End both."""
        self.window.close()
        self.server.close()


@pytest.fixture(scope="module")
def editor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Editor]:
    """One editor for all tests: it takes half a minute to start."""
    one = Editor(tmp_path_factory.mktemp("vscode"))
    yield one
    one.close()


@pytest.fixture(scope="module")
def popup(editor: Editor) -> Editor:
    """Suggestions in the popup only."""
    editor.settings(neocaret__inline=False, neocaret__popup=True)
    return editor


@pytest.fixture(scope="module")
def ghost(editor: Editor) -> Editor:
    """Ghost text only."""
    editor.settings(neocaret__inline=True, neocaret__popup=False)
    return editor


def saved(editor: Editor, path: Path, text: str) -> None:
    """Save, and wait until the file holds the text, byte for byte."""
    time.sleep(0.5)
    editor.do("keys", "Escape", "Control+s")
    wait_for(lambda: path.read_bytes().decode(), lambda now: now == text)


@pytest.mark.parametrize(
    ("before", "typed", "after"),
    [
        ("", "x = ", "x = 1 + 2"),
        ("", "wo", "word(1)"),
        ("", "def f():", "def f():\n    a = 1\n    return a"),
        ("a = 1\r\n", "def f():", "a = 1\r\ndef f():\r\n    a = 1\r\n    return a"),
        ("s = 'é😀' +", " ", "s = 'é😀' + str(1)"),
    ],
    ids=["after white space", "mid-word", "several lines", "CRLF", "after an emoji"],
)
def test_the_popup_inserts_verbatim(popup: Editor, before: str, typed: str, after: str) -> None:
    path = popup.open(before)
    popup.do("type", typed)
    if not typed[-1].isalpha():
        # Within a word it comes by itself.
        popup.do("keys", "Control+Space")
    popup.see("popup")
    popup.window.picture("popup")
    popup.do("keys", "Enter")
    saved(popup, path, after)


def test_ghost_text_shows_and_is_accepted(ghost: Editor) -> None:
    path = ghost.open("")
    ghost.do("type", "x = ")
    ghost.see("ghost", lambda text: "1 + 2" in text)
    ghost.window.picture("ghost")
    ghost.do("keys", "Tab")
    saved(ghost, path, "x = 1 + 2")


def test_ghost_text_of_several_lines_is_accepted(ghost: Editor) -> None:
    path = ghost.open("")
    ghost.do("type", "def f():")
    ghost.see("ghost", lambda text: "return a" in text)
    ghost.window.picture("several-lines")
    ghost.do("keys", "Tab")
    saved(ghost, path, "def f():\n    a = 1\n    return a")


def test_ghost_text_follows_typing_and_is_accepted_by_words(ghost: Editor) -> None:
    path = ghost.open("")
    ghost.do("type", "x = ")
    ghost.see("ghost", lambda text: "1 + 2" in text)
    ghost.do("type", "1 ")
    ghost.see("ghost", lambda text: "+ 2" in text and "1" not in text)
    ghost.do("keys", "Control+ArrowRight")
    # A word is taken with the space behind it.
    ghost.see("ghost", lambda text: text == "2")
    saved(ghost, path, "x = 1 + ")


def test_ghost_text_is_accepted_by_lines_and_the_rest_stays(ghost: Editor) -> None:
    path = ghost.open("")
    ghost.do("type", "def f():")
    ghost.see("ghost", lambda text: "a = 1" in text and "return a" in text)
    ghost.do("keys", ACCEPT_LINE)
    # The first line of this suggestion is the empty rest of the line that the caret is on.
    ghost.see("lines", lambda lines: len(lines) > 1)
    ghost.see("ghost", lambda text: "a = 1" in text and "return a" in text)
    ghost.do("keys", ACCEPT_LINE)
    ghost.see("ghost", lambda text: "return a" in text and "a = 1" not in text)
    ghost.window.picture("line-accepted")
    saved(ghost, path, "def f():\n    a = 1\n")


def test_ghost_text_cycles(ghost: Editor) -> None:
    path = ghost.open("")
    ghost.do("type", "x = ")
    ghost.see("ghost", lambda text: "1 + 2" in text)
    ghost.do("keys", "Alt+]")
    ghost.see("ghost", lambda text: "three(4)" in text)
    ghost.do("keys", "Tab")
    saved(ghost, path, "x = three(4)")


def test_ghost_text_outlives_a_save(ghost: Editor) -> None:
    ghost.settings(neocaret__popup=False, files__autoSave="afterDelay", files__autoSaveDelay=100)
    path = ghost.open("")
    ghost.do("type", "x = ")
    # The answer takes longer than the save does.
    wait_for(path.read_text, lambda text: text == "x = ")
    ghost.see("ghost", lambda text: "1 + 2" in text)
    time.sleep(1)
    assert "1 + 2" in ghost.do("ghost")
    ghost.settings(neocaret__popup=False)


def test_a_completion_is_exported_from_the_palette(ghost: Editor) -> None:
    ghost.open("")
    ghost.do("type", "x = ")
    ghost.see("ghost")
    ghost.do("palette", "Neocaret: Export Completion to File...")
    ghost.see("picks", lambda rows: len(rows) == 3 and "1 + 2" in rows[0] and "All 2" in rows[2])
    ghost.window.picture("export")
    ghost.do("keys", "Enter")
    ghost.see("picks", lambda rows: len(rows) == 2)
    ghost.do("keys", "ArrowDown", "Enter")
    ghost.see("input", lambda text: text is not None and text.endswith("gpt_text.txt"))
    ghost.do("keys", "Enter")
    path = ghost.server.workspace / "gpt_text.txt"
    wait_for(path.exists)
    saved(ghost, path, "x = 1 + 2")
    ghost.see("tabs", lambda names: "gpt_text.txt" in names)


def test_all_candidates_are_exported_to_one_file(ghost: Editor) -> None:
    path = ghost.server.workspace / "gpt_text.txt"
    path.unlink(missing_ok=True)
    ghost.open("")
    ghost.do("type", "x = ")
    ghost.see("ghost")
    ghost.do("palette", "Neocaret: Export Completion to File...")
    ghost.see("picks", lambda rows: len(rows) == 3 and "All 2" in rows[2])
    ghost.do("keys", "ArrowDown", "ArrowDown", "Enter")
    ghost.see("picks", lambda rows: len(rows) == 2)
    ghost.do("keys", "Enter")
    ghost.see("input", lambda text: text is not None and text.endswith("gpt_text.txt"))
    ghost.do("keys", "Enter")
    wait_for(
        lambda: path.read_text() if path.exists() else "",
        lambda text: text == "==> 1 of 2 <==\n1 + 2\n\n==> 2 of 2 <==\nthree(4)",
    )
    ghost.see("tabs", lambda names: "gpt_text.txt" in names)
    ghost.see("lines", lambda lines: {"1 + 2", "three(4)"} <= set(lines))
    ghost.window.picture("exported-all")


def test_all_candidates_are_shown(ghost: Editor) -> None:
    ghost.open("")
    ghost.do("type", "x = ")
    ghost.see("ghost")
    ghost.do("palette", "Neocaret: Show Candidates")
    ghost.see("lines", lambda lines: {"==> 1 of 2 <==", "1 + 2", "==> 2 of 2 <==", "three(4)"} <= set(lines))
    ghost.window.picture("candidates")
    ghost.do("keys", "Control+w")


def test_a_prompt_is_continued_in_a_new_document(ghost: Editor) -> None:
    ghost.open("")
    ghost.do("palette", "Neocaret: Generate from Prompt...")
    ghost.see("input", lambda text: text == "")
    ghost.do("type", "tell me")
    ghost.do("keys", "Enter")
    ghost.see("input", lambda text: text == "128")
    ghost.do("type", "5")
    ghost.do("keys", "Enter")
    ghost.see("input", lambda text: text == "0.7")
    ghost.do("keys", "Enter")
    ghost.see("lines", lambda lines: "tell me a story" in lines)
    ghost.window.picture("generated")
    # The length that was chosen last is offered again.
    ghost.do("palette", "Neocaret: Generate from Prompt...")
    ghost.see("input", lambda text: text == "")
    ghost.do("type", "tell me")
    ghost.do("keys", "Enter")
    ghost.see("input", lambda text: text == "5")
    ghost.do("keys", "Escape")


def test_a_selection_is_continued_in_a_new_document(ghost: Editor) -> None:
    path = ghost.open("# not this\nsing")
    ghost.do("keys", "Shift+Home")
    ghost.do("palette", "Neocaret: Generate from Selection")
    for _ in ("length", "temperature"):
        ghost.see("input", lambda text: text is not None and text.replace(".", "").isdigit())
        ghost.do("keys", "Enter")
        time.sleep(0.5)
    ghost.see("lines", lambda lines: "sing a song" in lines)
    ghost.window.picture("generated-from-selection")
    assert path.read_text() == "# not this\nsing"


def test_an_export_over_a_file_replaces_it_whole_if_the_user_says_so(ghost: Editor) -> None:
    path = ghost.server.workspace / "gpt_text.txt"
    path.write_text("mine\n" * 100)
    ghost.open("")
    ghost.do("type", "x = ")
    ghost.see("ghost")
    for agrees in (False, True):
        ghost.do("palette", "Neocaret: Export Completion to File...")
        ghost.see("picks", lambda rows: len(rows) == 3)
        ghost.do("keys", "Enter")
        ghost.see("picks", lambda rows: len(rows) == 2)
        ghost.do("keys", "Enter")
        ghost.see("input", lambda text: text is not None and text.endswith("gpt_text.txt"))
        ghost.do("keys", "Enter")
        ghost.see("question", lambda text: "already exists" in text)
        ghost.window.picture("overwrite")
        if agrees:
            ghost.do("keys", "Enter")
        else:
            ghost.do("keys", "Escape", "Escape")
            time.sleep(1)
            assert path.read_text() == "mine\n" * 100
    wait_for(path.read_text, lambda text: text == "1 + 2")


def test_pause_and_resume(ghost: Editor) -> None:
    ghost.open("")
    ghost.do("palette", "Neocaret: Pause")
    ghost.see("picks", lambda rows: len(rows) == 3)
    ghost.do("keys", "Enter")
    ghost.see("status", lambda text: "paused" in text)
    ghost.do("type", "x = ")
    time.sleep(2)
    assert ghost.do("ghost") == ""
    ghost.window.picture("paused")
    ghost.do("palette", "Neocaret: Resume")
    ghost.see("status", lambda text: "paused" not in text)
    ghost.do("keys", "Enter")
    ghost.do("type", "x = ")
    ghost.see("ghost", lambda text: "1 + 2" in text)


def test_another_model_is_selected(ghost: Editor) -> None:
    ghost.open("")
    ghost.do("palette", "Neocaret: Select Model...")
    ghost.see("picks", lambda rows: any("fake/bigger" in row and "526 MB" in row for row in rows))
    ghost.window.picture("models")
    ghost.do("type", "fake/bigger")
    ghost.do("keys", "Enter")
    wait_for(ghost.server.chosen, lambda settings: settings.get("neocaret.model") == "fake/bigger")
    ghost.do("palette", "Neocaret: Show Status")
    ghost.see("lines", lambda lines: "model: fake/bigger" in lines)
    ghost.do("keys", "Control+w")


def test_statistics_are_shown(ghost: Editor) -> None:
    # Nothing of before is on the disk: what is shown has been counted just now.
    for file in (ghost.folder / "state").glob("statistics-*.jsonl"):
        file.unlink()
    ghost.open("")
    ghost.do("type", "x = ")
    ghost.see("ghost")
    columns = len(ghost.do("tabs"))
    ghost.do("palette", "Neocaret: Show Statistics")
    ghost.see("tabs", lambda names: "statistics" in names)
    assert len(ghost.do("tabs")) == columns
    ghost.see("lines", lambda lines: any(line.startswith("week") and "model" in line for line in lines))
    ghost.window.picture("statistics")
    ghost.do("keys", "Control+w")


def test_the_status_bar_opens_the_commands(ghost: Editor) -> None:
    ghost.open("")
    ghost.do("clickStatus")
    ghost.see("picks", lambda rows: any("Export Completion" in row for row in rows))
    ghost.window.picture("menu")
    ghost.do("keys", "Escape")


def test_a_crash_is_survived(ghost: Editor) -> None:
    started = ghost.folder / "started"
    ghost.open("")
    before = started.read_text().split()
    os.kill(int(before[-1]), signal.SIGKILL)
    wait_for(lambda: len(started.read_text().split()) > len(before))
    path = ghost.open("")
    ghost.do("type", "x = ")
    ghost.see("ghost", lambda text: "1 + 2" in text)
    ghost.do("keys", "Tab")
    saved(ghost, path, "x = 1 + 2")


def test_a_missing_server_is_told_and_an_installation_offered(editor: Editor) -> None:
    editor.settings(neocaret__server__path="")
    editor.see("messages", lambda messages: any("has found no server" in one for one in messages))
    editor.see("status", lambda text: "no server" in text)
    editor.see("buttons", lambda labels: "Install..." in labels)
    time.sleep(1)
    editor.window.picture("no-server")
    editor.do("clickButton", "Install...")
    editor.see("dialog", lambda parts: any("makes a Python environment" in one for one in parts))
    editor.window.picture("install")
    editor.do("keys", "Escape")


def test_the_bundled_model_suggests_something(editor: Editor) -> None:
    program = str(Path(sys.executable).with_name("neocaret"))
    editor.settings(neocaret__server__path=program, neocaret__popup=False, neocaret__model="bundled")
    path = editor.open("import numpy as np\nimport matplotlib.")
    editor.do("type", "py")
    editor.see("ghost")
    editor.window.picture("bundled")
    editor.do("keys", "Tab", "Escape", "Control+s")
    before = "import numpy as np\nimport matplotlib.py"
    wait_for(path.read_text, lambda text: text.startswith(before) and len(text) > len(before))
