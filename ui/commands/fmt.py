"""`clq fmt FILE|FOLDER…`"""

from __future__ import annotations

import difflib
import io
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import click


@click.command("fmt")
@click.argument("files", nargs=-1, required=True, metavar="FILE|FOLDER|-…")
@click.option("--check", is_flag=True, help="Change nothing; name the files that are not formatted, exit code 1.")
@click.option("--diff", is_flag=True, help="Change nothing; print what would change, exit code 1.")
def COMMAND(files: tuple[str, ...], check: bool, diff: bool) -> None:
    """Lay out queries: clauses in order, one a line where a query is long, comments kept.

    A folder stands for every .clq file below it, - for standard input, which goes to standard output. Of a Markdown
    file the clq blocks are laid out. A file with mistakes is left as it is, and the exit code is 2.
    """
    from ...lang.diagnostic import Diagnostic

    changed, same, wrong = 0, 0, [0]
    paths = list(dict.fromkeys(_paths(files)))
    for path in paths:
        name = "<stdin>" if path is None else str(path)
        try:
            text = _read(path)
            made = _formatted(text, path, name)
            if path is None and not (check or diff):
                _out(made)
            elif path is not None and made != text and not (check or diff):
                _write(path, made)
        except Diagnostic as problem:
            click.echo(f"{problem}\n", err=True)
            wrong.append(problem.exit_code)
            continue
        same += made == text
        changed += made != text
        if made != text and diff:
            _show_difference(text, made, name)
        elif made != text and check:
            click.echo(name)
    if paths != [None] or check or diff:
        click.echo(_summary(changed, same, len(wrong) - 1, check or diff, diff), err=True)
    raise SystemExit(max(*wrong, int(bool(changed and (check or diff)))))


def _paths(files: tuple[str, ...]) -> Iterator[Path | None]:
    """Every file that is meant; folders whose names begin with a dot are nobody's queries."""
    for given in files:
        path = Path(given)
        if given == "-":
            yield None
        elif path.is_dir():
            below = (p for p in sorted(path.rglob("*.clq")) if p.is_file())
            yield from (p for p in below if not any(part.startswith(".") for part in p.relative_to(path).parts[:-1]))
        else:
            yield path


def _read(path: Path | None) -> str:
    from ...lang.diagnostic import Diagnostic

    try:
        raw = sys.stdin.buffer.read() if path is None else path.read_bytes()
        return raw.decode("utf-8")
    except FileNotFoundError as error:
        raise Diagnostic("unread-file", f"there is no file {path}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise Diagnostic("unread-file", f"{path or 'standard input'} cannot be read: {error}") from error


def _formatted(text: str, path: Path | None, name: str) -> str:
    from ...lang.format import format_text
    from ..markdown import SUFFIXES, format_markdown

    markdown = path is not None and path.suffix.lower() in SUFFIXES
    return format_markdown(text, name) if markdown else format_text(text, name)


def _out(text: str) -> None:
    """As bytes, so that line ends stay."""
    sys.stdout.flush()
    sys.stdout.buffer.write(text.encode("utf-8"))
    sys.stdout.buffer.flush()


def _write(path: Path, text: str) -> None:
    """The new text in place of the old, whole or not at all; what a link points at is replaced, not the link."""
    from ...lang.diagnostic import Diagnostic

    aside: str | None = None
    try:
        target = path.resolve()
        handle, aside = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        with os.fdopen(handle, "wb") as out:
            out.write(text.encode("utf-8"))
            out.flush()
            os.fsync(out.fileno())
        os.chmod(aside, target.stat().st_mode)
        os.replace(aside, target)
    except OSError as error:
        if aside is not None:
            Path(aside).unlink(missing_ok=True)
        problem = f"{path} cannot be written: {error.strerror or error}"
        raise Diagnostic("unwritten-file", problem, exit_code=1) from error


def _show_difference(text: str, made: str, name: str) -> None:
    """A unified diff; colours are left out where the output is no terminal."""
    before, after = (list(io.StringIO(one, newline="")) for one in (text, made))
    lines = difflib.unified_diff(before, after, name, f"{name} formatted")
    colours = {"+": "green", "-": "red", "@": "cyan"}
    for line in lines:
        whole = line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
        click.echo(click.style(whole.rstrip("\r\n"), fg=colours.get(line[:1])))


def _summary(changed: int, same: int, wrong: int, would: bool, shown: bool) -> str:
    def files(n: int) -> str:
        return f"{n} file{'' if n == 1 else 's'}"

    parts = [f"{files(changed)} {'would be ' if would else ''}formatted"] if changed else []
    parts += [f"{files(same)} left as {'it was' if same == 1 else 'they were'}"] if same and not would else []
    parts += [f"{files(same)} {'is' if same == 1 else 'are'} formatted"] if same and would else []
    parts += [f"{files(wrong)} left out, see above"] if wrong else []
    hint = " (--diff shows how)" if changed and would and not shown else ""
    return (", ".join(parts) or "no .clq files here") + hint
