"""`clq plan QUERY`"""

from __future__ import annotations

from typing import Any

import click

from ..running import parameter_option, print_plan, refuse_unread, store_option

FORMATS = ("tree", "table", "json", "mermaid", "dot", "svg")


@click.command("plan")
@click.argument("query", metavar="QUERY|FILE.clq")
@click.option("--format", "form", type=click.Choice(FORMATS), default="tree", show_default=True,
              help="table and json have the columns of PLAN; mermaid, dot and svg draw the graph.")
@click.option("--out", metavar="FILE", help="Write it to a file.")
@parameter_option
@store_option
def COMMAND(query: str, form: str, out: str | None, parameters: dict[str, Any], store: str | None) -> None:
    """Print what would run: rounds over images, what is shared, what is there already, how long it takes, which
    defaults were taken."""
    from ..connection import read_script

    text, path = read_script(query)
    refuse_unread([(text, path)], parameters)
    print_plan(text, path, parameters, store, form, out)
