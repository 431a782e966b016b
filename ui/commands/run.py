"""`clq run FILE…`"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ..running import print_plan, refuse_unread, run_text, running, yes_option


@click.command("run")
@click.argument("files", nargs=-1, required=True, metavar="FILE…")
@click.option("--dry-run", is_flag=True, help="Check and print the plan; compute nothing.")
@yes_option
@running
def COMMAND(
    files: tuple[str, ...], dry_run: bool, yes: bool, parameters: dict[str, Any], store: str | None, device: str,
    form: str,
) -> None:  # fmt: skip
    """Run .clq files, one after another."""
    from ..connection import read_script

    texts = [read_script(Path(file)) for file in files]
    refuse_unread(texts, parameters)
    for text, path in texts:
        if dry_run:
            print_plan(text, path, parameters, store)
        else:
            run_text(text, path, parameters, store, device, form, yes)
