"""`neocaret settings`: the one table of settings, for a reader, for the README, and for an editor."""

from __future__ import annotations

from typing import Annotated

import typer

from neocaret_server import schema
from neocaret_server.cli.errors import UsageError
from neocaret_server.cli.output import output_console, print_json, put


def settings(
    *,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Print the table of the README.")] = False,
    as_schema: Annotated[bool, typer.Option("--json-schema", help="Print a JSON schema, draft 2020-12.")] = False,
) -> int:
    """List the settings that an editor may send: default, meaning, and what each may be."""
    if as_markdown and as_schema:
        raise UsageError("--markdown and --json-schema exclude each other.")
    if as_schema:
        print_json(schema.json_schema())
    else:
        put(output_console(), schema.markdown() if as_markdown else schema.plain())
    return 0
