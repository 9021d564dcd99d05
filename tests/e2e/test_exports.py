"""What is written to files for a client over a real pipe."""

from __future__ import annotations

from pathlib import Path

from raw_client import RawClient

EXPORT = "neocaret.exportCompletion"


def test_pipelined_appends_are_all_kept_in_their_order(shared: RawClient, tmp_path: Path) -> None:
    target = tmp_path / "x"
    sent = []
    for each in range(16):
        argument = {"path": str(target), "text": f"{each}\n", "append": True, "outsideWorkspace": True}
        sent.append(shared.request("workspace/executeCommand", {"command": EXPORT, "arguments": [argument]}))
    assert all("result" in shared.answer(msg_id) for msg_id in sent)
    assert target.read_text() == "".join(f"{each}\n" for each in range(16))
