"""The shell's own commands, which begin with a dot as in the shells of SQLite and DuckDB."""

from __future__ import annotations

import inspect
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ...lang.ast import Span
from ...lang.diagnostic import Diagnostic, did_you_mean, listing
from ...lang.literals import encode_name
from ...lang.verbs import VERBS

if TYPE_CHECKING:
    from .loop import Shell

MODES = ("table", "csv", "json")
Command = Callable[["Shell", str], None]
_TABLES = """
    SELECT t.table_name AS "table", t.estimated_size AS rows, any_value(r.verb) AS made_by
    FROM duckdb_tables() AS t
    LEFT JOIN clq.meta.tables AS m ON t.table_name IN (m.name, m.name || '_evidence')
    LEFT JOIN clq.meta.runs AS r ON list_contains(m.runs, r.run)
    WHERE t.database_name = 'clq' AND t.schema_name = 'main' GROUP BY ALL ORDER BY ALL
"""


def _help(shell: Shell, rest: str) -> None:
    """.help — these commands"""
    for command in COMMANDS.values():
        usage, _, meaning = (inspect.getdoc(command) or "").partition(" — ")
        shell.say(f"{usage:<28} {meaning}")
    shell.say("\nAnything else is clq or SQL. It runs at a semicolon, an empty line or Alt-Enter.")


def _tables(shell: Shell, rest: str) -> None:
    """.tables — the tables of the store, their rows, and the verb that made them"""
    shell.run(_TABLES)


def _schema(shell: Shell, rest: str) -> None:
    """.schema NAME — the columns of a table, data set or list, or of a verb"""
    if not rest:
        raise Diagnostic("missing-argument", "Of what? .schema NAME (.tables and .names list what there is)")
    if rest.upper() in VERBS:
        shell.run(f"SHOW VERB {rest.upper()}")
        return
    asked = rest.rstrip("; ")
    name = ".".join(encode_name(part.strip('"')) for part in asked.split("."))
    try:
        shell.run(f'SELECT column_name AS "column", column_type AS type FROM (DESCRIBE FROM {name})')
    except Diagnostic as problem:
        if problem.code != "sql-error":
            raise
        known = shell.connection.session.known_names().names()
        message = f"No table, data set or list is called {asked}.{did_you_mean(asked, known)}"
        raise Diagnostic("unknown-name", message, hint=".tables and .names list what there is") from None


def _names(shell: Shell, rest: str) -> None:
    """.names — all names, and what LET and SET have made"""
    shell.run("SHOW NAMES")


def _read(shell: Shell, rest: str) -> None:
    """.read FILE — run a file of statements and commands"""
    words = shlex.split(rest)
    if len(words) != 1:
        raise Diagnostic("missing-argument", "Which file? .read FILE (in quotes if its name has spaces)")
    shell.read(Path(words[0]).expanduser())


def _mode(shell: Shell, rest: str) -> None:
    """.mode table|csv|json — how rows are printed; alone, how they are now"""
    if not rest:
        shell.say(shell.form)
    elif rest in MODES:
        shell.form = rest
    else:
        raise Diagnostic("bad-argument", f"There is no mode {rest}.{did_you_mean(rest, MODES)}",
                         hint=f".mode {'|'.join(MODES)}")  # fmt: skip


def _plan(shell: Shell, rest: str) -> None:
    """.plan QUERY — what would run, and what the store has already"""
    if not rest:
        raise Diagnostic("missing-argument", "Of which query? .plan QUERY")
    shell.run(f"PLAN {rest}")


def _clear(shell: Shell, rest: str) -> None:
    """.clear — clear the screen"""
    shell.clear()


def _quit(shell: Shell, rest: str) -> None:
    """.quit — leave (so does Ctrl-D)"""
    raise EOFError


COMMANDS: dict[str, Command] = {
    f".{function.__name__.removeprefix('_')}": function
    for function in (_help, _tables, _schema, _names, _read, _mode, _plan, _clear, _quit)
}
SPELLINGS = {".exit": ".quit", ".q": ".quit", ".h": ".help", ".?": ".help"}


def run_command(shell: Shell, line: str, path: str | None = None) -> None:
    """Carry out a line such as `.mode csv`, which may have empty ones before it, as it has in its file.

    Raises Diagnostic for a command that does not exist, EOFError to leave.
    """
    name, _, rest = line.strip().partition(" ")
    command = COMMANDS.get(SPELLINGS.get(name.lower(), name.lower()))
    if command is None:
        start = len(line) - len(line.lstrip())
        raise Diagnostic(
            "unknown-name", f"There is no command {name}.{did_you_mean(name, COMMANDS)}",
            Span(start, start + len(name)), hint=f"commands: {listing(COMMANDS, 20)}",
        ).within(line, path)  # fmt: skip
    command(shell, rest.strip())
