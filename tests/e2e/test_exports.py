"""What is written to files for a client over a real pipe."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from raw_client import RawClient, Start

EXPORT = "neocaret.exportCompletion"


def test_pipelined_appends_are_all_kept_in_their_order(shared: RawClient, tmp_path: Path) -> None:
    target = tmp_path / "x"
    sent = []
    for each in range(16):
        argument = {"path": str(target), "text": f"{each}\n", "append": True, "outsideWorkspace": True}
        sent.append(shared.request("workspace/executeCommand", {"command": EXPORT, "arguments": [argument]}))
    assert all("result" in shared.answer(msg_id) for msg_id in sent)
    assert target.read_text() == "".join(f"{each}\n" for each in range(16))


def test_a_workspace_folder_that_was_removed_is_closed_to_writing(start: Start, tmp_path: Path) -> None:
    client = start()
    folder = {"uri": tmp_path.as_uri(), "name": "w"}
    client.initialize(rootUri=tmp_path.as_uri(), workspaceFolders=[folder])
    assert "result" in client.command(EXPORT, {"path": str(tmp_path / "before"), "text": "x"})
    client.notify("workspace/didChangeWorkspaceFolders", {"event": {"added": [], "removed": [folder]}})
    error = client.command(EXPORT, {"path": str(tmp_path / "after"), "text": "x"})["error"]
    assert "outside the workspace" in error["message"]
    assert not (tmp_path / "after").exists()


@pytest.mark.parametrize("more", [{}, {"workspaceFolders": None}])
def test_without_workspace_folders_the_root_is_the_folder(start: Start, tmp_path: Path, more: Any) -> None:
    client = start()
    client.initialize(rootUri=tmp_path.as_uri(), **more)
    assert "result" in client.command(EXPORT, {"path": "x", "text": "x"})
    assert (tmp_path / "x").read_text() == "x"
