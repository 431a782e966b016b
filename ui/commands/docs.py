"""`clq docs FOLDER`"""

from __future__ import annotations

from pathlib import Path

import click


@click.command("docs")
@click.argument("folder", metavar="FOLDER")
@click.option("--check", is_flag=True, help="Write nothing; exit code 1 if a page is not what would be written.")
def COMMAND(folder: str, check: bool) -> None:
    """Write the reference of this very installation as Markdown: grammar, verbs, methods with their arguments,
    functions, settings, commands, error codes.

    In the checkout, `clq docs docs/reference` brings the pages up to date.
    """
    from ..reference import pages
    from ..running import save_text

    place = Path(folder)
    stale = [name for name, text in pages().items() if not _is(place / name, text)]
    if check:
        for name in stale:
            click.echo(f"{place / name} is not up to date", err=True)
        if stale:
            raise SystemExit(1)
        return
    for name in stale:
        place.mkdir(parents=True, exist_ok=True)
        save_text(str(place / name), pages()[name])
        click.echo(f"wrote {place / name}")


def _is(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text
