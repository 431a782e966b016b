"""`clq help [CODE]`"""

from __future__ import annotations

import click


@click.command("help")
@click.argument("code", required=False)
def COMMAND(code: str | None) -> None:
    """Explain an error code, such as unknown-layer; without one, list them all."""
    from ...lang import explain, overview

    click.echo(overview() if code is None else explain(code))
