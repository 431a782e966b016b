"""`clq plan QUERY`"""

from __future__ import annotations

from typing import Any

import click

from ..running import parameter_option, print_plan, store_option


@click.command("plan")
@click.argument("query", metavar="QUERY|FILE.clq")
@parameter_option
@store_option
def COMMAND(query: str, parameters: dict[str, Any], store: str | None) -> None:
    """Print what would run: rounds over images, what is shared, what is there already, which defaults were taken."""
    from ..connection import read_script

    print_plan(*read_script(query), parameters, store)
