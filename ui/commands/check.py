"""`clq check FILE…`"""

from __future__ import annotations

from typing import Any

import click

from ..running import parameter_option


@click.command("check")
@click.argument("queries", nargs=-1, required=True, metavar="QUERY|FILE.clq…")
@parameter_option
def COMMAND(queries: tuple[str, ...], parameters: dict[str, Any]) -> None:
    """Check names, arguments and syntax; compute nothing and write nothing."""
    from ..checking import check_script
    from ..connection import read_script

    for query in queries:
        text, path = read_script(query)
        notes = check_script(text, path, parameters)
        for note in notes:
            click.echo(f"note: {note}", err=True)
        click.echo(f"{path or 'query'}: no mistakes found")
