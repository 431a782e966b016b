"""`clq cancel PROCESS`"""

from __future__ import annotations

import os
import signal

import click

from ..running import store_option


@click.command("cancel")
@click.argument("process", type=int)
@store_option
def COMMAND(process: int, store: str | None) -> None:
    """Stop a running query of another process, as Ctrl-C there would: what it has finished is kept."""
    from ...engine.leases import running
    from ...lang.diagnostic import Diagnostic
    from ..connection import store_folder

    found = [r for r in running(store_folder(store)) if r.process == process]
    if not found:
        message = f"no query of process {process} runs on this store"
        raise Diagnostic("unknown-name", message, hint="clq ps lists what runs", exit_code=1)
    try:
        os.kill(process, signal.SIGINT)
    except (ProcessLookupError, PermissionError) as error:
        raise Diagnostic("unknown-name", f"process {process} cannot be stopped: {error}", exit_code=1) from error
    click.echo(f"asked process {process} to stop", err=True)
