"""`clq show WHAT`"""

from __future__ import annotations

import click

from ..running import FORMATS, run_text, store_option


@click.command("show")
@click.argument("what", nargs=-1, required=True)
@store_option
@click.option("--format", "form", type=click.Choice(FORMATS), default="table", show_default=True,
              help="How rows are printed.")
def COMMAND(what: tuple[str, ...], store: str | None, form: str) -> None:
    """What there is: models, layers of labnet, datasets, vocabularies, captions, judges, methods, method falcon,
    verbs …"""
    run_text("SHOW " + " ".join(what), None, {}, store, "cpu", form)
