"""`clq sql STATEMENT`"""

from __future__ import annotations

from typing import Any

import click

from ..running import refuse_unread, run_text, running, yes_option


@click.command("sql")
@click.argument("statement")
@yes_option
@running
def COMMAND(statement: str, yes: bool, parameters: dict[str, Any], store: str | None, device: str, form: str) -> None:
    """Run SQL over the results; clq queries may stand in it in parentheses."""
    refuse_unread([(statement, None)], parameters)
    run_text(statement, None, parameters, store, device, form, yes)
