"""`clq cite WHAT…`"""

from __future__ import annotations

from typing import Any

import click

from ..running import parameter_option, store_option

FORMATS = ("text", "bibtex", "json")


@click.command("cite")
@click.argument("what", nargs=-1, required=True, metavar="METHOD|NAME|QUERY|FILE.clq|TABLE…")
@click.option("--format", "form", type=click.Choice(FORMATS), default="text", show_default=True,
              help="bibtex: entries for a list of references; json: a list for machines.")
@parameter_option
@store_option
def COMMAND(what: tuple[str, ...], form: str, parameters: dict[str, Any], store: str | None) -> None:
    """Say whom to cite: for a method, a model, a judge or words by name; for all that a query or a file uses,
    defaults included; for a table of the store, by what was recorded when it was made.

    What is the lab's or your own has nothing to cite.
    """
    from ..citing import rendered, uses_of

    uses = [use for one in what for use in uses_of(one, parameters, store)]
    click.echo(rendered(list(dict.fromkeys(uses)), form))
