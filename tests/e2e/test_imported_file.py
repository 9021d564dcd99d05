"""The real server with the real model: what an imported file has is offered."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from raw_client import EXPLICIT, RawClient, at

LIB = "def frobnicate_widgets(path):\n    return path\n\n\ndef main(path):\n    frame = frobnicate_widgets(path)\n"
PAGE = "import lib\n\n\ndef run(path):\n    frame = "


def test_a_name_that_only_an_imported_file_has_is_offered(tmp_path: Path) -> None:
    (tmp_path / "lib.py").write_text(LIB)
    client = RawClient([sys.executable, "-P", "-m", "neocaret_server"])
    try:
        folder = {"uri": tmp_path.as_uri(), "name": "w"}
        client.initialize(workspaceFolders=[folder], initializationOptions={"seed": 1})
        uri = (tmp_path / "page.py").as_uri()
        client.open(PAGE, uri)
        offered: dict[int, list[str]] = {}
        for files, wanted in ((0, False), (1, True)):
            settings = {"neocaret": {"otherFiles": wanted}}
            client.notify("workspace/didChangeConfiguration", {"settings": settings})
            end = time.monotonic() + 20
            while client.command("neocaret.status")["result"]["otherFiles"] != files and time.monotonic() < end:
                client.ask("textDocument/completion", at(4, 12, uri, **EXPLICIT))
                time.sleep(0.5)
            items = client.ask("textDocument/completion", at(4, 12, uri, **EXPLICIT))["result"]["items"]
            offered[files] = [item["textEdit"]["newText"] for item in items]
    finally:
        client.close()
    assert not any("frobnicate" in text for text in offered[0])
    assert any("frobnicate_widgets(path)" in text for text in offered[1])
