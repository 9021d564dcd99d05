"""The plugin in a real Neovim, over a scripted model, so that the expected text is known; once with the bundled one."""

from __future__ import annotations

import os
import re
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from embedded_neovim import PLUGIN, Neovim, found, scripted
from waiting import wait_for

Start = Callable[..., Neovim]
X = {"script": {"x = ": ["1 + 2", "three"], "wo": ["rd(1)", "rk"], "def f():\n    ": ["a = 1\n    return a"]}}


@pytest.fixture
def start_neovim(tmp_path: Path) -> Iterator[Start]:
    """Start Neovim with the plugin's options, and a scripted model unless they name a command."""
    program = found()
    if program is None:
        pytest.skip("there is no Neovim; NEOCARET_NVIM may name one")
    running: list[Neovim] = []

    def start(script: dict[str, Any] | None = None, *, enable: bool = True, **options: Any) -> Neovim:
        workspace = tmp_path / f"workspace{len(running)}"
        workspace.mkdir()
        given = {"command": scripted(**(script or {})), **options}
        running.append(Neovim(program, workspace, given, enable=enable))
        return running[-1]

    yield start
    for neovim in running:
        neovim.close()


@pytest.fixture
def neovim(start_neovim: Start) -> Neovim:
    return start_neovim(X)


def typed(neovim: Neovim, keys: str) -> str:
    """Press keys in insert mode at the end of the file, and return the ghost text that comes."""
    neovim.keys("GA" + keys)
    return wait_for(neovim.ghost)


def test_ghost_text_shows_and_is_taken(neovim: Neovim) -> None:
    neovim.open("")
    assert typed(neovim, "x = ") == "1 + 2"
    neovim.keys("<C-l>")
    wait_for(neovim.lines, lambda lines: lines == ["x = 1 + 2"])
    assert neovim.lua("return vim.fn.mode()") == "i"


def test_ghost_text_follows_typing(neovim: Neovim) -> None:
    neovim.open("")
    typed(neovim, "x = ")
    neovim.keys("1 ")
    wait_for(neovim.ghost, lambda text: text == "+ 2")


@pytest.mark.parametrize("key", ["5", "<BS>", "<CR>", "<Left>"])
def test_ghost_text_that_was_typed_past_goes_at_once(neovim: Neovim, key: str) -> None:
    neovim.open("")
    typed(neovim, "x = ")
    # No answer comes in the meantime: Neovim waits before it asks.
    neovim.keys("1")
    assert neovim.ghost() == " + 2"
    neovim.keys(key)
    assert neovim.ghost() == ""


@pytest.mark.parametrize(("key", "line"), [("<C-l>", "x = 1 + 2"), ("<M-w>", "x = 1 +"), ("<M-l>", "x = 1 + 2")])
def test_ghost_text_is_taken_after_a_part_of_it_was_typed(neovim: Neovim, key: str, line: str) -> None:
    neovim.open("")
    typed(neovim, "x = ")
    neovim.keys("1" + key)
    wait_for(neovim.lines, lambda lines: lines == [line])


def test_ghost_text_that_was_typed_past_is_not_taken(neovim: Neovim) -> None:
    neovim.open("")
    typed(neovim, "x = ")
    neovim.keys("5<M-w>0")
    wait_for(neovim.lines, lambda lines: "0" in lines[0])
    assert neovim.lines()[0].startswith("x = 5")
    assert "1 + 2" not in neovim.lines()[0]


SNIPPETS = """
local capabilities = { inlineCompletionProvider = true }
local client = assert(vim.lsp.start({ name = 'snippets', cmd = function()
  return {
    request = function(method, _, answer)
      local item = { insertText = { kind = 'snippet', value = 'call(${1:a})' } }
      answer(nil, method == 'initialize' and { capabilities = capabilities } or { items = { item } })
      return true, 1
    end,
    notify = function() return true end,
    is_closing = function() return false end,
    terminate = function() end,
  }
end }, { attach = false }))
vim.lsp.buf_attach_client(0, client)
"""


@pytest.mark.parametrize("key", ["<C-l>", "<M-w>", "<M-l>"])
def test_a_snippet_of_another_server_is_taken_whole(start_neovim: Start, key: str) -> None:
    neovim = start_neovim({"otherwise": []})
    neovim.open("")
    neovim.lua(SNIPPETS)
    assert typed(neovim, "y = ") == "call(a)"
    neovim.keys(key)
    wait_for(neovim.lines, lambda lines: lines == ["y = call(a)"])


def test_ghost_text_cycles_and_is_hidden(neovim: Neovim) -> None:
    neovim.open("")
    typed(neovim, "x = ")
    neovim.keys("<M-n>")
    wait_for(neovim.ghost, lambda text: text == "three (2/2)")
    neovim.keys("<M-p>")
    wait_for(neovim.ghost, lambda text: text == "1 + 2 (1/2)")
    neovim.keys("<M-e>")
    wait_for(neovim.ghost, lambda text: not text)
    assert neovim.lines() == ["x = "]


def test_a_word_and_a_line_of_ghost_text_are_taken(neovim: Neovim) -> None:
    neovim.open("def f():\n")
    # The editor indents.
    assert typed(neovim, "<CR>") == "a = 1\n    return a"
    neovim.keys("<M-w>")
    wait_for(neovim.lines, lambda lines: lines == ["def f():", "    a"])
    wait_for(neovim.ghost)
    neovim.keys("<M-l>")
    wait_for(neovim.lines, lambda lines: lines == ["def f():", "    a = 1"])
    wait_for(neovim.ghost)
    neovim.keys("<C-l>")
    wait_for(neovim.lines, lambda lines: lines == ["def f():", "    a = 1", "    return a"])


def test_the_users_own_keys_are_left_alone(neovim: Neovim) -> None:
    neovim.command("inoremap <C-l> mine")
    neovim.open("")
    neovim.keys("i<C-l><M-n>")
    wait_for(neovim.lines, lambda lines: lines[0].startswith("mine"))


@pytest.mark.parametrize("before", ["x = ", "s = 'é😀'; x = ", "if y:\n    x = "])
def test_ghost_text_stands_right_after_whatever_is_before_it(neovim: Neovim, before: str) -> None:
    neovim.open(before[:-1])
    assert typed(neovim, before[-1]) == "1 + 2"
    neovim.keys("<C-l>")
    wait_for(neovim.lines, lambda lines: "\n".join(lines) == before + "1 + 2")


def test_the_popup_inserts_in_the_middle_of_a_word_and_keeps_the_line_ends(start_neovim: Start) -> None:
    neovim = start_neovim(X, ghost_text=False)
    neovim.open("a = 1\r\nwo")
    assert neovim.lua("return vim.bo.fileformat") == "dos"
    neovim.keys("GA<C-x><C-o>")
    wait_for(neovim.popup, lambda labels: labels == ["word(1)", "work"])
    neovim.keys("<C-n><C-y>")
    wait_for(neovim.lines, lambda lines: lines == ["a = 1", "word(1)"])
    neovim.command("write")
    assert (neovim.workspace / "a.py").read_bytes() == b"a = 1\r\nword(1)\r\n"


def test_the_popup_comes_by_itself_where_there_is_no_ghost_text(start_neovim: Start) -> None:
    neovim = start_neovim(X, ghost_text=False)
    neovim.open("")
    neovim.keys("ix = ")
    wait_for(neovim.popup, lambda labels: labels == ["1 + 2", "three"])
    assert neovim.lines() == ["x = "]
    neovim.keys("<C-n><C-y>")
    wait_for(neovim.lines, lambda lines: lines == ["x = 1 + 2"])


def test_the_text_beside_the_popup_is_markdown_only_where_neovim_can_draw_it(neovim: Neovim) -> None:
    neovim.open("x = ")
    kind, drawn = neovim.lua(
        "vim.api.nvim_win_set_cursor(0, { 1, 4 })\n"
        "local client = vim.lsp.get_clients({ name = 'neocaret' })[1]\n"
        "local params = vim.lsp.util.make_position_params(0, client.offset_encoding)\n"
        "local result = client:request_sync('textDocument/completion', params, 10000, 0).result\n"
        "return { result.items[1].documentation.kind, (pcall(vim.treesitter.get_string_parser, '', 'markdown')) }"
    )
    assert kind == ("markdown" if drawn else "plaintext")


def test_export_writes_the_chosen_candidate_and_asks_before_it_overwrites(neovim: Neovim) -> None:
    neovim.open("")
    typed(neovim, "x = ")
    neovim.keys("<Esc>")
    neovim.answer(select=2)
    neovim.command("Neocaret export")
    target = neovim.workspace / "gpt_text.txt"
    wait_for(target.exists)
    assert target.read_text() == "x = three"
    wait_for(neovim.notes, lambda notes: any(str(target) in note for note in notes))
    wait_for(lambda: neovim.lua("return vim.api.nvim_buf_get_name(0)"), lambda name: name == str(target))
    neovim.command("edit a.py")
    # The same answer, the second, is to leave the file.
    target.write_text("mine")
    neovim.command("Neocaret export")
    wait_for(lambda: neovim.lua("return _G.offered"), lambda offered: offered == ["Overwrite it", "Leave it"])
    assert target.read_text() == "mine"
    neovim.command("Neocaret! export")
    wait_for(target.read_text, lambda text: text == "x = three")


def test_candidates_are_shown_side_by_side_and_cannot_be_changed(neovim: Neovim) -> None:
    neovim.open("")
    typed(neovim, "x = ")
    neovim.keys("<Esc>")
    neovim.command("Neocaret candidates")
    wait_for(neovim.lines, lambda lines: lines[:2] == ["==> 1 of 2 <==", "1 + 2"])
    assert neovim.lua("return vim.bo.modifiable") is False
    assert neovim.lua("return #vim.api.nvim_list_wins()") == 2


def test_generate_continues_a_prompt_and_a_selection(neovim: Neovim) -> None:
    neovim.open("import x\nx = ")
    neovim.answer(inputs=("5", "wrong", "0.5"))
    neovim.command("Neocaret generate what is x = ")
    wait_for(neovim.lines, lambda lines: lines[0].startswith("what is x ="))
    assert any('"wrong" is no number' in note for note in neovim.notes())
    neovim.command("wincmd p")
    neovim.command("1,2Neocaret generate")
    wait_for(neovim.lines, lambda lines: lines[0] == "import x" and len(lines) > 1 and lines[1].startswith("x = "))


def test_a_long_generation_can_be_stopped(start_neovim: Start) -> None:
    neovim = start_neovim({"otherwise": ["a b c d"], "token_seconds": 60})
    neovim.open("x = ")
    neovim.answer()
    neovim.command("Neocaret generate x")
    wait_for(neovim.status, lambda status: status["waiting"] == 1)
    neovim.command("Neocaret stop")
    wait_for(neovim.status, lambda status: status["waiting"] == 0)


def test_the_model_is_changed_and_the_list_says_what_is_here(neovim: Neovim) -> None:
    neovim.open("")
    neovim.answer(select=2)
    neovim.command("Neocaret model")
    wait_for(neovim.status, lambda status: status["model"] == "fake/bigger")
    assert neovim.lua("return _G.offered") == ["bundled (14 MB, here)", "fake/bigger (526 MB, will be downloaded)"]
    neovim.command("Neocaret model bundled")
    wait_for(neovim.status, lambda status: status["model"] == "bundled")


def test_settings_reach_the_server_and_wrong_ones_are_told_by_name(start_neovim: Start) -> None:
    neovim = start_neovim(X, settings={"inline": False, "candidates": 99})
    neovim.open("x = ")
    wait_for(neovim.status, lambda status: status["state"] == "ready")
    messages = wait_for(lambda: neovim.lua("return vim.fn.execute('messages')") + str(neovim.notes()))
    assert "neocaret.candidates" in messages
    neovim.keys("GA ")
    wait_for(neovim.status, lambda status: status["lastReason"] == "inline-off")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"keys": {"accept": 7}}, "keys.accept must be a key"),
        ({"keys": {"take": "x"}}, "keys.take is not an option"),
        ({"popup": "yes"}, 'popup must be "auto", true or false'),
        ({"command": "neocaret"}, "command must be a list of strings"),
        ({"colour": 1}, "colour is not an option"),
    ],
)
def test_a_wrong_option_is_told_by_its_path(start_neovim: Start, options: dict[str, Any], message: str) -> None:
    neovim = start_neovim(X, enable=False)
    failed = neovim.lua("local good, told = pcall(require('neocaret.options').read, ...); return told", options)
    assert message in failed


def test_where_there_is_no_server_one_message_says_what_to_do(start_neovim: Start) -> None:
    neovim = start_neovim(command=["no-such-program"])
    (neovim.workspace / "a.py").touch()
    neovim.command("silent! edit a.py")
    neovim.command("silent! edit b.py")
    wait_for(neovim.notes, lambda notes: len([note for note in notes if "no-such-program" in note]) == 1)
    neovim.command("Neocaret status")
    assert "not running" in neovim.notes()[-1]


def test_a_crash_of_the_server_is_survived(neovim: Neovim) -> None:
    neovim.open("")
    typed(neovim, "x = ")
    for pid in neovim.lua("return vim.api.nvim_get_proc_children(vim.fn.getpid())"):
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: neovim.lua("return #vim.lsp.get_clients({ name = 'neocaret' })"), lambda count: count == 0)
    neovim.keys("<Esc>")
    neovim.command("Neocaret restart")
    neovim.command("silent %delete")
    neovim.command("silent write")
    neovim.open("")
    assert typed(neovim, "x = ") == "1 + 2"


def test_commands_and_their_arguments_are_completed(neovim: Neovim) -> None:
    neovim.open("")
    complete = "return vim.fn.getcompletion(..., 'cmdline')"
    assert neovim.lua(complete, "Neocaret pa") == ["pause"]
    assert "export" in neovim.lua(complete, "Neocaret ")
    assert neovim.lua(complete, "Neocaret export a") == ["a.py"]
    assert "bundled" in neovim.lua(complete, "Neocaret model ")
    neovim.command("Neocaret nonsense")
    assert "there is no :Neocaret nonsense" in neovim.notes()[-1]


def test_the_statusline_of_the_readme_shows_how_far_the_model_is(start_neovim: Start) -> None:
    line = next(each for each in (PLUGIN / "README.md").read_text().splitlines() if "vim.o.statusline" in each)
    neovim = start_neovim(X | {"load_seconds": 2})
    neovim.lua(line)
    (neovim.workspace / "a.py").write_text("")
    neovim.command("edit a.py")
    shown = "return vim.api.nvim_eval_statusline(vim.o.statusline, {}).str"
    wait_for(lambda: neovim.lua(shown), lambda text: re.search(r"neocaret: loading [1-9]\d %$", text) is not None)
    wait_for(lambda: neovim.lua(shown), lambda text: text.endswith(" neocaret"))


def test_the_statusline_stands_a_status_without_progress(neovim: Neovim) -> None:
    neovim.open("")
    line = neovim.lua(
        "local id = vim.lsp.get_clients({ name = 'neocaret' })[1].id\n"
        'require(\'neocaret.status\').changed(id, vim.json.decode(\'{"state": "loading", "progress": null}\'))\n'
        "return require('neocaret').statusline()"
    )
    assert line == "neocaret: loading"


def test_the_statusline_and_the_health_page_say_how_it_is(neovim: Neovim) -> None:
    neovim.open("")
    assert neovim.lua("return require('neocaret').statusline()").startswith("neocaret")
    neovim.command("checkhealth neocaret")
    page = "\n".join(neovim.lines())
    assert "ERROR" not in page
    assert sys.executable in page
    assert "1 running" in page


def test_the_help_page_has_each_command_and_option(neovim: Neovim) -> None:
    neovim.open("")
    page = (Path(__file__).parents[2] / "editors/neovim/doc/neocaret.txt").read_text()
    for name in neovim.lua("return require('neocaret.command').names()"):
        assert f"*:Neocaret-{name}*" in page
    for name in neovim.lua("return vim.tbl_keys(require('neocaret.options').read().keys)"):
        assert f"`{name}`" in page


def test_the_help_page_is_found_after_the_step_of_the_readme(neovim: Neovim) -> None:
    steps = (PLUGIN / "README.md").read_text()
    step = re.search(r"-c '(helptags) editors/neovim/(doc)'", steps)
    assert step is not None
    plugin = neovim.workspace / "plugin"
    shutil.copytree(PLUGIN / step[2], plugin / step[2], ignore=shutil.ignore_patterns("tags"))
    neovim.command(f"set runtimepath-={PLUGIN} runtimepath+={plugin}")
    neovim.command(f"{step[1]} {plugin / step[2]}")
    # Without its colours: not each Neovim has the parser for them.
    neovim.command("noautocmd help :Neocaret-export")
    assert neovim.lua("return vim.api.nvim_buf_get_name(0)") == str(plugin / step[2] / "neocaret.txt")


def test_the_bundled_model_completes(start_neovim: Start) -> None:
    neovim = start_neovim(command=[sys.executable, "-P", "-m", "neocaret_server"])
    neovim.open("import numpy as np\nimport matplotlib.pyplot as plt\n\nfig, ax = plt.")
    assert typed(neovim, "").startswith("subplots(")
