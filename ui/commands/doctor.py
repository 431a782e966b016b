"""`clq doctor`"""

from __future__ import annotations

import click

from ..running import store_option


@click.command("doctor")
@store_option
def COMMAND(store: str | None) -> None:
    """Say what is here: versions, device, store, weights."""
    from ..doctor import examine

    for name, found in examine(store):
        click.echo(f"{name:<14} {found}")
