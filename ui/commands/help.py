"""`clq help CODE`"""

from __future__ import annotations

import click


@click.command("help")
@click.argument("code")
def COMMAND(code: str) -> None:
    """Explain an error code, such as unknown-layer."""
    from ...lang import explain

    click.echo(explain(code))
