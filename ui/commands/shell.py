"""`clq shell`"""

from __future__ import annotations

import sys
from typing import Any

import click

from ..running import opened, running


@click.command("shell")
@running
def COMMAND(parameters: dict[str, Any], store: str | None, device: str, form: str) -> None:
    """Type queries and see their answers, one after another.

    What LET and SET make lasts as long as the session. Without a terminal, run the script that comes through standard
    input.
    """
    from ..shell.loop import Shell, is_interactive, run_stream, talk

    with opened(store, device) as connection:
        shell = Shell(connection, form, parameters)
        if is_interactive():
            talk(shell)
        else:
            run_stream(shell, sys.stdin.read())
