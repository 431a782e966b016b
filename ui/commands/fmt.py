"""`clq fmt FILE|FOLDER…`"""

from __future__ import annotations

import difflib
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import click


@click.command("fmt")
@click.argument("files", nargs=-1, required=True, metavar="FILE|FOLDER|-…")
@click.option("--check", is_flag=True, help="Change nothing; exit code 1 if a file is not formatted.")
@click.option("--diff", is_flag=True, help="Change nothing; print what would change.")
def COMMAND(files: tuple[str, ...], check: bool, diff: bool) -> None:
    """Lay out .clq files: clauses in order, one a line where a query is long, comments kept.

    A folder stands for every .clq file below it, - for standard input. A file with mistakes is left as it is, and the
    exit code is 2.
    """
    from ...lang.diagnostic import Diagnostic
    from ...lang.format import format_text

    changed, same, wrong = 0, 0, 0
    for path in _paths(files):
        name = "<stdin>" if path is None else str(path)
        try:
            text = _read(path)
            made = _in_line_ends_of(text, format_text(text, name))
        except Diagnostic as problem:
            click.echo(f"{problem}\n", err=True)
            wrong += 1
            continue
        if path is None and not (check or diff):
            click.echo(made, nl=False)
        elif made == text:
            same += 1
        else:
            changed += 1
            if diff:
                _show_difference(text, made, name)
            elif check:
                click.echo(f"{name} is not formatted", err=True)
            elif path is not None:
                _write(path, made)
    if None not in _paths(files) or check or diff:
        click.echo(_summary(changed, same, wrong, would=check or diff), err=True)
    if wrong:
        raise SystemExit(2)
    if changed and (check or diff):
        raise SystemExit(1)


def _paths(files: tuple[str, ...]) -> Iterator[Path | None]:
    for given in files:
        if given == "-":
            yield None
        elif Path(given).is_dir():
            yield from sorted(Path(given).rglob("*.clq"))
        else:
            yield Path(given)


def _read(path: Path | None) -> str:
    from ...lang.diagnostic import Diagnostic

    try:
        raw = sys.stdin.buffer.read() if path is None else path.read_bytes()
        return raw.decode("utf-8")
    except FileNotFoundError as error:
        raise Diagnostic("unread-file", f"there is no file {path}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise Diagnostic("unread-file", f"{path or 'standard input'} cannot be read: {error}") from error


def _in_line_ends_of(text: str, made: str) -> str:
    """Line ends as the file has them."""
    return made.replace("\n", "\r\n") if "\r\n" in text else made


def _write(path: Path, text: str) -> None:
    """The new text in place of the old, whole or not at all."""
    from ...lang.diagnostic import Diagnostic

    try:
        handle, aside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "wb") as out:
            out.write(text.encode("utf-8"))
            out.flush()
            os.fsync(out.fileno())
        os.chmod(aside, path.stat().st_mode)
        os.replace(aside, path)
    except OSError as error:
        raise Diagnostic("unwritten-file", f"{path} cannot be written: {error}", exit_code=1) from error


def _show_difference(text: str, made: str, name: str) -> None:
    lines = difflib.unified_diff(
        text.splitlines(keepends=True), made.splitlines(keepends=True), name, f"{name} formatted"
    )
    colours = {"+": "green", "-": "red", "@": "cyan"}
    for line in lines:
        shown = line if line.endswith("\n") else line + "\n"
        click.echo(click.style(shown, fg=colours.get(line[:1])) if sys.stdout.isatty() else shown, nl=False)


def _summary(changed: int, same: int, wrong: int, would: bool) -> str:
    def files(n: int) -> str:
        return f"{n} file{'' if n == 1 else 's'}"

    parts = [f"{files(changed)} {'would be ' if would else ''}formatted"] if changed else []
    parts += [f"{files(same)} left as {'it was' if same == 1 else 'they were'}"] if same else []
    parts += [f"{files(wrong)} with mistakes"] if wrong else []
    return ", ".join(parts) or "no .clq files here"
