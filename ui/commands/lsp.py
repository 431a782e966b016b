"""`clq lsp`"""

from __future__ import annotations

import click


@click.command("lsp")
@click.option("--stdio", is_flag=True, hidden=True, help="Some editors say this; there is nothing else.")
def COMMAND(stdio: bool) -> None:
    """The language server, for editors: it speaks the Language Server Protocol over standard input and output."""
    from ..lsp import make_server

    make_server().start_io()
