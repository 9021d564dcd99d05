"""Writes the settings into package.json, from the server's own table; --check says whether they are up to date.

The server must be installed where this runs: `python scripts/settings.py`.
"""

# ruff: noqa: INP001, T201, TID251  (a program beside the extension, which prints and reads the server's table)
from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from neocaret_server.schema import json_schema

_MANIFEST = Path(__file__).parents[1] / "package.json"

_OF_THE_EXTENSION: dict[str, dict[str, Any]] = {
    "neocaret.server.path": {
        "type": "string",
        "default": "",
        "scope": "machine-overridable",
        "markdownDescription": "The console script `neocaret`, or a Python that has the server installed. Empty: it is "
        "looked for in the selected Python environment, then on `PATH`.",
    },
    "neocaret.server.package": {
        "type": "string",
        "default": "neocaret",
        "scope": "machine",
        "markdownDescription": "What pip installs when the extension is asked to install the server: a name, a wheel, "
        "or a folder with the sources.",
    },
    "neocaret.server.languageIds": {
        "type": "array",
        "items": {"type": "string"},
        "default": ["python"],
        "markdownDescription": 'The languages of the documents that the server is asked about; `["*"]` for all. The '
        "bundled model has read Python only.",
    },
    "neocaret.trace.server": {
        "type": "string",
        "enum": ["off", "messages", "verbose"],
        "default": "off",
        "description": "What of the talk with the server is written to the log; verbose includes your text.",
    },
}


def properties() -> dict[str, dict[str, Any]]:
    """Return what package.json says of each setting: the extension's own, and the server's in its table's order."""
    theirs = json_schema()["properties"]
    return _OF_THE_EXTENSION | {f"neocaret.{name}": each for name, each in theirs.items()}


def main() -> int:
    """Write or check."""
    text = _MANIFEST.read_text(encoding="utf-8")
    manifest = json.loads(text)
    manifest["contributes"]["configuration"] = {"title": "Neocaret", "properties": properties()}
    written = json.dumps(manifest, indent=2, ensure_ascii=False) + "\n"
    if "--check" in sys.argv[1:]:
        if written != text:
            print("package.json is behind the server's settings; run scripts/settings.py")
        return int(written != text)
    _MANIFEST.write_text(written, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
