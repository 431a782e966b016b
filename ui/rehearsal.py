"""A script's SQL bound by DuckDB over empty relations before anything is computed, in a database that is then dropped.

What could only be told of the rows (the columns of a PIVOT, files that the script writes) is not looked at, and
neither is what reads it: a statement that would run is never refused here.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from ..engine.sql import Placed, diagnostic_of, joined
from ..lang.ast import Span
from ..lang.checked import CheckedSql
from ..lang.diagnostic import Diagnostic, as_one
from ..lang.literals import encode_name
from ..lang.made import name_of
from ..lang.scan import Code, Token, scan, words
from ..lang.verbs import VERBS

if TYPE_CHECKING:
    import duckdb

_STAGE = "clq:rehearsal"
_READS = {"SELECT", "FROM", "WITH", "VALUES", "TABLE", "(", "DESCRIBE", "DESC", "SUMMARIZE", "UNPIVOT", "PIVOT"}
_WRITES = {"INSERT", "UPDATE", "DELETE", "MERGE", "TRUNCATE", "COPY"}
_NAMELESS = {"BEGIN", "START", "COMMIT", "END", "CHECKPOINT", "FORCE", "VACUUM", "ANALYZE", "SHOW", "COMMENT"}
# What these set decides what a name means, or what SQL may ask for.
_NAMING = {"VARIABLE", "SCHEMA", "SEARCH_PATH"}
_NO_NAMES = frozenset(
    word.lower()
    for word in words(
        "CREATE OR REPLACE TEMP TEMPORARY PERSISTENT MACRO FUNCTION TYPE SCHEMA SEQUENCE INDEX SECRET UNIQUE IF NOT "
        "EXISTS TABLE VIEW RECURSIVE DROP ALTER ADD COLUMN SET DEFAULT RENAME TO CASCADE"
    )
)
_KEPT_SPACES = {"CLQ", "MEMORY", "TEMP"}

# The databases that have a table or view of a name.
_HOMES = """
    SELECT DISTINCT database_name FROM duckdb_columns()
    WHERE lower(table_name) = lower(?) AND schema_name = 'main' AND NOT internal
"""

Step = Callable[["Rehearsal"], None]


@dataclass
class Rehearsal:
    """Statements of a script in order. `unsure` are names of which it is not known what they will be; when `blind`,
    nothing is known any more."""

    con: duckdb.DuckDBPyConnection
    provide: Callable[[Sequence[CheckedSql]], None]  # makes what SQL reads that lives in the session only
    better: Callable[[CheckedSql], Diagnostic | None]  # what was meant, where DuckDB's own message would mislead
    unsure: set[str] = field(default_factory=set)
    dropped: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)  # dropped, and not made again
    temporary: set[str] = field(default_factory=set)  # made by the script for the session only
    begun: bool = False  # inside BEGIN and COMMIT
    files: bool = False  # whether a statement has written one
    blind: bool = False
    problems: list[Diagnostic] = field(default_factory=list)

    # ------------------------------------------------------------ what clq makes

    def answer(self, name: str, verb: str) -> None:
        """A table for the rows of a query."""
        self._make(name, f"CREATE OR REPLACE TABLE {encode_name(name)} ({VERBS[verb].ddl()})")

    def same(self, name: str, relation: str) -> None:
        """A name for a relation that is there."""
        self.temporary.add(name.lower())
        self._make(name, f"CREATE OR REPLACE TABLE {encode_name(name)} AS FROM {encode_name(relation)} WITH NO DATA")

    def rows(self, name: str, placed: Placed, sql: CheckedSql) -> None:
        """A name for the rows of the user's SQL."""
        self.temporary.add(name.lower())
        self.gone.discard(name.lower())
        made = self._bound(f"CREATE OR REPLACE TABLE {encode_name(name)} AS FROM (", placed, ") LIMIT 0", sql=[sql])
        self._settle(name, made)

    def tail(self, relation: str, where: Placed | None, order: Placed | None, sql: Sequence[CheckedSql]) -> None:
        """The conditions and the order of a query, each by itself: DuckDB tells of one mistake in a statement."""
        for word, part in (("WHERE", where), ("ORDER BY", order)):
            if part is not None:
                self._bound(f"EXPLAIN SELECT * FROM {encode_name(relation)} {word} ", part, sql=sql)

    def forget(self, name: str) -> None:
        """A name that stands for something else now: for images or words there is a relation when SQL names it."""
        import duckdb

        self.unsure.discard(name.lower())
        self.gone.discard(name.lower())
        with contextlib.suppress(duckdb.Error):
            self.con.execute(f'DROP TABLE IF EXISTS "{_STAGE}".main.{encode_name(name)}')

    def doubt(self, names: Iterable[str]) -> None:
        """Nothing is known of what these stand for."""
        self.unsure |= {name.lower() for name in names}
        self.gone -= self.unsure

    # ------------------------------------------------------------ what the user writes

    def statement(self, placed: Placed, sql: CheckedSql) -> None:
        """One statement of SQL: bound if it reads or writes rows, carried out on empty tables if it makes some."""
        if self.blind:
            return
        code = Code(placed.text)
        tokens, end = code.tokens, len(code.tokens)
        one, two = code.up(0, end), code.up(1, end)
        if one == "EXPLAIN":
            analyzes = [i for i in range(1, end) if code.up(i, end) == "ANALYZE"][:1] if two in {"ANALYZE", "("} else []
            options = code.partner.get(1, 0) if two == "(" and code.up(2, end) in {"ANALYZE", "FORMAT"} else 0
            after = tokens[max([options, *analyzes])].end
            self._bound("EXPLAIN ", _cut(placed, after), sql=[sql])
        elif one in _READS | _WRITES:
            self._bound("EXPLAIN ", placed, sql=[sql])
            self.files |= one == "COPY"
        elif one == "CREATE":
            self._create(placed, sql, code)
        elif one == "DROP" and two in {"TABLE", "VIEW"} and not self.begun and _is_plain_drop(tokens):
            self._drop(placed, sql, tokens)
        elif one in {"DROP", "ALTER"}:
            names = _names(tokens) - _NO_NAMES
            self.unsure |= names
            self.dropped |= names
        elif one in {"SET", "RESET"}:
            self.blind |= bool(_NAMING & {t.up for t in tokens[1:4]})
        elif one not in _NAMELESS:
            self.blind = True
        else:
            self.begun = one in {"BEGIN", "START"} or (self.begun and one not in {"COMMIT", "END"})

    def _drop(self, placed: Placed, sql: CheckedSql, tokens: Sequence[Token]) -> None:
        """Tables that no later statement can read; one that something temporary of the name hides is left alone."""
        spared = tokens[2].up == "IF"
        for token in tokens[4 if spared else 2 :]:
            name = name_of(token)
            key = name.lower()
            if token.kind not in {"word", "quoted"} or key in _NO_NAMES or key in self.unsure:
                continue
            homes = {home for (home,) in self.con.execute(_HOMES, [name]).fetchall()}
            if key in self.temporary or {"temp", "memory"} & homes:
                self.unsure.add(key)
            elif key in self.gone or not homes:
                if not spared:
                    self._tell(f"Table with name {name} does not exist", token, placed, sql)
            else:
                self.con.execute(f'DROP TABLE IF EXISTS "{_STAGE}".main.{encode_name(name)}')
                self.gone.add(key)
            self.dropped.add(key)

    def _create(self, placed: Placed, sql: CheckedSql, code: Code) -> None:
        tokens, end = code.tokens, len(code.tokens)
        head = [t.up for t in tokens[:5]]
        kind = next((w for w in head if w in {"TABLE", "VIEW"}), None)
        at = head.index(kind) + 1 if kind else 0
        spared = code.up(at, end) == "IF"
        at += 3 if spared else 0
        if kind is None or at >= end or "RECURSIVE" in head or code.up(at + 1, end) == ".":
            # A macro's parameters and a type's values are no names: those stand after the bracket or AS.
            stop = next((i for i, t in enumerate(tokens) if t.up in {"(", "AS", "ON"}), end)
            self.unsure |= _names(tokens[: max(stop, at + 4 if kind else 0)]) - _NO_NAMES
            return
        name = name_of(tokens[at])
        temporary = bool({"TEMP", "TEMPORARY"} & set(head))
        if not temporary and "REPLACE" not in head and self._there(name):
            if not spared:
                hint = f"CREATE OR REPLACE {kind} takes its place"
                self._tell(f"{name} exists already", tokens[at], placed, sql, hint)
            return
        filled = kind == "TABLE" and self._is_filled(code, at + 1) and tokens[-1].up != "DATA"
        self.gone.discard(name.lower())
        self.temporary |= {name.lower()} if temporary else set()
        rest = _cut(placed, tokens[at].start)
        made = self._bound(f"CREATE OR REPLACE {kind} ", rest, " WITH NO DATA" if filled else "", sql=[sql])
        self._settle(name, made)

    @staticmethod
    def _is_filled(code: Code, i: int) -> bool:
        """Whether AS follows the name of a table, and its columns."""
        end = len(code.tokens)
        return "AS" in {code.up(i, end), code.up(code.partner.get(i, end) + 1, end)}

    def _there(self, name: str) -> bool:
        """Whether the catalogue or the script has a table or view of this name that no statement has dropped."""
        sql = """
            SELECT 1 FROM duckdb_columns()
            WHERE lower(table_name) = lower(?) AND schema_name = 'main' AND database_name IN ('clq', ?)
        """
        return name.lower() not in self.dropped | self.unsure and bool(self.con.execute(sql, [name, _STAGE]).fetchall())

    def _tell(self, what: str, token: Token, placed: Placed, sql: CheckedSql, hint: str | None = None) -> None:
        span = placed.origin(token.start, token.end - token.start)
        problem = Diagnostic("sql-error", f"Catalog error: {what}", span, hint=hint)
        self.problems.append(problem if sql.origin is None else sql.origin.mark(problem))

    # ------------------------------------------------------------ how

    def _make(self, name: str, text: str) -> None:
        import duckdb

        try:
            self.con.execute(text)
        except duckdb.Error:
            self._settle(name, False)
        else:
            self._settle(name, True)

    def _settle(self, name: str, made: bool) -> None:
        """A name stands for what was made, unless something temporary of another form hides that."""
        sql = """
            SELECT count(DISTINCT shape) FROM (
                SELECT list((lower(column_name), data_type) ORDER BY column_index) AS shape FROM duckdb_columns()
                WHERE lower(table_name) = lower(?) AND schema_name = 'main' AND database_name IN ('temp', ?)
                GROUP BY database_name)
        """
        self.gone.discard(name.lower())
        sure = made and self.con.execute(sql, [name, _STAGE]).fetchall() == [(1,)]
        (self.unsure.discard if sure else self.unsure.add)(name.lower())

    def _bound(self, *parts: str | Placed, sql: Sequence[CheckedSql]) -> bool:
        """Have DuckDB bind a statement; whether it did."""
        import duckdb

        text = "".join(p if isinstance(p, str) else p.text for p in parts)
        if self.blind or self._uncertain(text):
            return False
        values: Mapping[str, Any] = {k: v for part in sql for k, v in part.values.items()}
        try:
            self.provide(sql)
        except duckdb.Error:
            return False
        if self.gone & _names(scan(text)) and self._reads_gone(parts, text, sql):
            return False
        try:
            self.con.execute(text, values or None)
        except (duckdb.BinderException, duckdb.CatalogException, duckdb.ParserException) as error:
            origin = next((part.origin for part in sql if part.origin is not None), None)
            problem = self.better(sql[0]) or diagnostic_of(error, joined(*parts))
            self.problems.append(problem if origin is None else origin.mark(problem))
        except duckdb.Error:
            pass  # what only rows, files and a catalogue to write in could tell is told by the run
        else:
            return True
        return False

    def _reads_gone(self, parts: Sequence[str | Placed], text: str, sql: Sequence[CheckedSql]) -> bool:
        """Whether a statement names a dropped table, which is told if it reads it: the name may be a column's."""
        import duckdb

        try:
            read = self.gone & {name.lower() for name in self.con.get_table_names(text)}
        except duckdb.Error:
            return True
        for token in scan(text):
            if token.kind in {"word", "quoted"} and name_of(token).lower() in read:
                self._tell(f"{name_of(token)} was dropped above", token, joined(*parts), sql[0])
                return True
        return bool(read)

    def _uncertain(self, text: str) -> bool:
        tokens = scan(text)
        if any(token.up == "PIVOT" or token.up == "PIVOT_WIDER" for token in tokens) or self.unsure & _names(tokens):
            return True
        kept = any(a.up in _KEPT_SPACES and b.up == "." for a, b in pairwise(tokens))
        paths = (t for t in tokens if t.kind in {"string", "quoted"} and not t.text.startswith('"clq:'))
        return kept or (self.files and any(set("./*") & set(t.text) for t in paths))


def rehearse(
    con: duckdb.DuckDBPyConnection, steps: Sequence[Step], provide: Callable[[Sequence[CheckedSql]], None],
    better: Callable[[CheckedSql], Diagnostic | None],
) -> None:  # fmt: skip
    """Go through the steps of a script. Raises Diagnostic with every mistake in them."""
    if not steps:
        return
    with _stage(con) as own:
        rehearsal = Rehearsal(con, provide, better, own)
        for step in steps:
            step(rehearsal)
    mistake = as_one(_first_of_each(rehearsal.problems))
    if mistake is not None:
        raise mistake


@contextmanager
def _stage(con: duckdb.DuckDBPyConnection) -> Iterator[set[str]]:
    """A database in memory where new names go, and where names are looked for first after temporary ones. The names of
    which nothing can be said."""
    (path,) = con.execute("SELECT current_setting('search_path')").fetchall()[0]
    con.execute(f"ATTACH ':memory:' AS \"{_STAGE}\"")
    try:
        own = _copied_meta(con)
        con.execute(f"SET search_path = '\"{_STAGE}\".main,{path},memory.lab'")
        yield own
    finally:
        con.execute(f"SET search_path = '{path}'")
        con.execute(f'DETACH "{_STAGE}"')


def _copied_meta(con: duckdb.DuckDBPyConnection) -> set[str]:
    """Make `meta` here as well, without its rows: DuckDB looks for `schema.table` in the first database of the path
    only. The names of the user's own schemas, of which for that reason nothing can be said."""
    con.execute(f'CREATE SCHEMA "{_STAGE}".meta')
    inside = "WHERE (database_name, schema_name) = ('memory', 'meta')"
    for (name,) in con.execute(f"SELECT view_name FROM duckdb_views() {inside}").fetchall():
        con.execute(f'CREATE TABLE "{_STAGE}".meta.{name} AS FROM memory.meta.{name} WITH NO DATA')
    own = "SELECT lower(schema_name) FROM duckdb_schemas() WHERE database_name IN ('memory', 'clq') AND NOT internal"
    return {name for (name,) in con.execute(own).fetchall()} - {"main", "lab", "meta"}


def _first_of_each(problems: Sequence[Diagnostic]) -> Iterator[Diagnostic]:
    """A query that is asked for twice is told of once."""
    seen: set[tuple[Span | None, str]] = set()
    for problem in problems:
        if (problem.span, problem.message) not in seen:
            seen.add((problem.span, problem.message))
            yield problem


def _names(tokens: Sequence[Token]) -> set[str]:
    return {name_of(token).lower() for token in tokens if token.kind in {"word", "quoted"}}


def _is_plain_drop(tokens: Sequence[Token]) -> bool:
    """Whether names alone stand after DROP TABLE: none of a schema."""
    return not any(token.text == "." for token in tokens)


def _cut(placed: Placed, start: int) -> Placed:
    """The text from `start` on, which keeps its places."""
    pieces = []
    for piece, size, source in placed.pieces:
        skipped = max(0, start - piece)
        if skipped <= size:
            pieces.append((piece + skipped - start, size - skipped, source + skipped))
    return Placed(placed.text[start:], tuple(pieces), placed.span)
