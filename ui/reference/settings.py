"""settings.md: the statements that are no queries, what SHOW shows, and what SET sets."""

from __future__ import annotations

from ...lang.statements import SETTINGS, SHOWS, STATEMENTS
from .markdown import code, table
from .markdown import page as made


def page() -> str:
    statements = table(
        ("statement", "what it does", "example"),
        ((code(s.form), s.summary, code(s.example)) for s in STATEMENTS.values()),
    )
    shows = table(("statement", "rows"), ((code(s.form), s.rows) for s in SHOWS.values()))
    settings = table(
        ("setting", "takes", "what it changes", "example"),
        ((code(s.name), s.takes, s.meaning, code(s.example)) for s in SETTINGS.values()),
    )
    return made(
        "Statements, SHOW and SET",
        "Beside queries and SQL there are these statements.",
        statements,
        "## SHOW",
        "Any other `SHOW`, such as `SHOW TABLES`, is DuckDB's. On the command line: `clq show …`.",
        shows,
        "## SET",
        "Any other `SET`, such as `SET memory_limit`, is DuckDB's.",
        settings,
    )
