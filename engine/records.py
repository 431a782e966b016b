"""How answers came to be, as tables of the catalogue: what each run read, computed and left, in the schema `meta`.

`meta.artifacts` is a view of `meta.nodes`. Whether the store still has an artifact is looked up at each commit and
after each clean-up; inside clq it is looked up whenever somebody asks.
"""

from __future__ import annotations

import glob
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .operator import Operator
from .store import Store

if TYPE_CHECKING:
    import duckdb


Row = tuple[Any, ...]


@dataclass(frozen=True)
class Relation:
    """A table of `meta`, or with `view` a view: its columns are name, type and meaning."""

    name: str
    meaning: str
    columns: tuple[tuple[str, str, str], ...]
    view: str | None = None


TABLES = (
    Relation(
        "runs", "how the rows with this run came to be: statement, work done, device",
        (
            ("run", "VARCHAR", "names the run; the column run of its answer's rows"),
            ("statement", "VARCHAR", "the query as it was written"),
            ("verb", "VARCHAR", "the verb of the query"),
            ("finished", "TIMESTAMP", "when its table was made, in local time"),
            ("rounds", "INTEGER", "rounds over images that the session had made by then"),
            ("decoded", "BIGINT", "images that the session had decoded by then"),
            ("device", "VARCHAR", "where models ran"),
            ("left_out", "BIGINT", "images that could not be read and were left out"),
            ("peak_memory", "BIGINT", "most bytes that one process had held by then, models and libraries too"),
        ),
    ),
    Relation(
        "nodes", "every operator behind a run: its key, what it computed, rows, bytes, seconds",
        (
            ("run", "VARCHAR", "the run; one of meta.runs"),
            ("node", "VARCHAR", "key of the operator and of its artifact in the store"),
            ("operator", "VARCHAR", "what kind of operator"),
            ("label", "VARCHAR", "what it computed, as PLAN says it"),
            ("rows", "BIGINT", "rows that it made; NULL if its artifact was gone before the run"),
            ("bytes", "BIGINT", "size of its files"),
            ("seconds", "DOUBLE", "time that it took when it was computed"),
            ("version", "BIGINT", "version of the operator's code"),
            ("made", "TIMESTAMP", "when it was computed, in local time"),
            ("inputs", "VARCHAR[]", "keys of what it read: nodes, or sources"),
            ("files", "BIGINT", "number of its files"),
            ("gone", "TIMESTAMP", "when its artifact was found to be gone from the store; NULL: it was there"),
        ),
    ),
    Relation(
        "sources", "models, images, words and judges that a run read, and what they hold as a digest",
        (
            ("run", "VARCHAR", "the run; one of meta.runs"),
            ("kind", "VARCHAR", "model, dataset, vocabulary, captions, judge, …"),
            ("name", "VARCHAR", "the name in the query"),
            ("fingerprint", "VARCHAR", "digest of the content"),
            ("facts", "JSON", "what SHOW says of it"),
            ("key", "VARCHAR", "its key among the inputs of meta.nodes"),
        ),
    ),
    Relation(
        "citations", "whom to cite for the method and the sources of a run",
        (
            ("run", "VARCHAR", "the run; one of meta.runs"),
            ("kind", "VARCHAR", "method, model, dataset, …"),
            ("name", "VARCHAR", "the name of what is to be cited"),
            ("work", "JSON", "the work: authors, title, year, …"),
        ),
    ),
    Relation(
        "tables", "tables that queries have made: their runs, and the script that makes them again",
        (
            ("name", "VARCHAR", "the table"),
            ("content", "VARCHAR", "digest of the work and the tail that made its rows"),
            ("runs", "VARCHAR[]", "the runs whose rows it holds"),
            ("made", "TIMESTAMP", "when it was made, in local time"),
            ("script", "VARCHAR", "the text that makes it again"),
            ("parameters", "JSON", "the values of the script's parameters"),
        ),
    ),
)  # fmt: skip

ARTIFACTS = Relation(
    "artifacts", "every artifact that tables stand on, once however many runs have used it",
    (
        ("key", "VARCHAR", "names it; the node of meta.nodes"),
        ("operator", "VARCHAR", "what kind of operator made it"),
        ("version", "BIGINT", "version of the operator's code"),
        ("label", "VARCHAR", "what was computed, as PLAN says it"),
        ("rows", "BIGINT", "its rows; NULL if it was gone before anybody looked"),
        ("bytes", "BIGINT", "size of its files"),
        ("seconds", "DOUBLE", "time that it took to compute"),
        ("made", "TIMESTAMP", "when it was computed, in local time"),
        ("inputs", "VARCHAR[]", "keys of what it was made of: artifacts, or the key of meta.sources"),
        ("files", "BIGINT", "number of its files"),
        ("folder", "VARCHAR", "where they are, below the store"),
        ("runs", "BIGINT", "how many runs stand on it"),
        ("present", "BOOLEAN", "whether it is there: now if clq asks, at the last change of this file if others do"),
    ),
    # Of several computations of one artifact the last counts: it is the one that is there.
    view="""
        SELECT node AS key, any_value(operator) AS operator, arg_max(version, since) AS version,
            any_value(label) AS label, arg_max(rows, since) AS rows, arg_max(bytes, since) AS bytes,
            arg_max(seconds, since) AS seconds, max(made) AS made, any_value(inputs) AS inputs,
            arg_max(files, since) AS files, 'objects/' || node[:2] || '/' || node AS folder,
            count(DISTINCT run) AS runs, max(gone) IS NULL AS present
        FROM (SELECT *, coalesce(made, TIMESTAMP '-infinity') AS since FROM meta.nodes) GROUP BY node
    """,
)  # fmt: skip

META = tuple(table.name for table in TABLES)


def prepare(con: duckdb.DuckDBPyConnection) -> None:
    """Make `meta` in the catalogue that is being written, or bring an older one up to date."""
    if not _is_current(con):
        con.execute(";\n".join(["BEGIN", "CREATE SCHEMA IF NOT EXISTS clq.meta", *_statements(), "COMMIT"]))


def _is_current(con: duckdb.DuckDBPyConnection) -> bool:
    declared = {(t.name, name, meaning) for t in (*TABLES, ARTIFACTS) for name, _, meaning in t.columns}
    inside = "WHERE database_name = 'clq' AND schema_name = 'meta'"
    found = con.execute(f"SELECT table_name, column_name, comment FROM duckdb_columns() {inside}").fetchall()
    if set(found) != declared:
        return False
    ours = "'CREATE VIEW meta.artifacts AS ' || json_deserialize_sql(json_serialize_sql(?::VARCHAR)) || ';'"
    return con.execute(f"SELECT sql = {ours} FROM duckdb_views() {inside}", [ARTIFACTS.view]).fetchall() == [(True,)]


def _statements() -> Iterator[str]:
    for table in (*TABLES, ARTIFACTS):
        place = f"clq.meta.{table.name}"
        if table.view is None:
            first, *others = (f"{name} {kind}" for name, kind, _ in table.columns)
            yield f"CREATE TABLE IF NOT EXISTS {place} ({first})"
            yield from (f"ALTER TABLE {place} ADD COLUMN IF NOT EXISTS {column}" for column in others)
        else:
            yield f"CREATE OR REPLACE VIEW {place} AS {table.view}"
        yield f"COMMENT ON {'TABLE' if table.view is None else 'VIEW'} {place} IS {_text(table.meaning)}"
        for name, _, meaning in table.columns:
            yield f"COMMENT ON COLUMN {place}.{name} IS {_text(meaning)}"


def seen_from_inside(root: Path) -> Iterator[str]:
    """The statements by which `meta.…` is in a session what it is to any client of the file; `present` is true to the
    moment."""
    for name in META:
        yield f"CREATE OR REPLACE VIEW memory.meta.{name} AS FROM clq.meta.{name}"
    yield (
        "CREATE OR REPLACE VIEW memory.meta.artifacts AS "
        f"SELECT * REPLACE (key IN ({_there(root)}) AS present) FROM clq.meta.artifacts"
    )


def look(con: duckdb.DuckDBPyConnection, root: Path) -> None:
    """Take note of which artifacts the store has, in the catalogue that is being written."""
    there = f"node IN ({_there(root)})"
    con.execute(f"UPDATE clq.meta.nodes SET gone = NULL WHERE gone IS NOT NULL AND {there}")
    con.execute(f"UPDATE clq.meta.nodes SET gone = ?::TIMESTAMP WHERE gone IS NULL AND NOT {there}", [_local()])


def _there(root: Path) -> str:
    """The query for the keys of all whole artifacts."""
    pattern = f"{glob.escape(str(root.resolve()))}/objects/*/*/artifact.json"
    return f"SELECT parse_path(file)[-2] FROM glob({_text(pattern)})"


class Notes:
    """Rows for tables of `meta`, gathered run by run and put there together."""

    def __init__(self) -> None:
        self._rows: dict[str, dict[str, list[Row]]] = {}

    def note(self, table: str, run: str, rows: Iterable[Row]) -> None:
        """What a table is to say of a run, without the run; it takes the place of what it says."""
        self._rows.setdefault(table, {})[run] = list(rows)

    def put(self, con: duckdb.DuckDBPyConnection) -> None:
        """Write all of it into the catalogue that is being written."""
        import pyarrow as pa

        for table in (t for t in TABLES if t.name in self._rows):
            runs = self._rows[table.name]
            con.execute(f"DELETE FROM clq.meta.{table.name} WHERE run IN (SELECT unnest(?))", [list(runs)])
            rows = [(run, *row) for run, found in runs.items() for row in found]
            if rows:
                names = [name for name, _, _ in table.columns]
                columns = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
                con.register("clq_notes", pa.table(columns))
                con.execute(f"INSERT INTO clq.meta.{table.name} ({', '.join(names)}) FROM clq_notes")
                con.unregister("clq_notes")


def note_nodes(
    notes: Notes, con: duckdb.DuckDBPyConnection, run: str, operators: Iterable[Operator], store: Store
) -> None:
    """The operators behind a run. What is gone from the store keeps the facts that an earlier run has recorded."""
    notes.note("nodes", run, (_node(con, operator, store) for operator in operators))


def _node(con: duckdb.DuckDBPyConnection, operator: Operator, store: Store) -> Row:
    held, inputs = store.described(operator), [i.key for i in operator.inputs]
    called = (operator.key, type(operator).__name__, operator.label())
    if held is not None:
        made = _local(float(held.manifest["made"]))
        files = len(held.manifest["files"])
        return (*called, held.rows, held.bytes, held.manifest["seconds"], operator.version, made, inputs, files, None)
    sql = "SELECT rows, bytes, seconds, made, files FROM clq.meta.nodes WHERE node = ? ORDER BY made DESC NULLS LAST"
    rows, size, seconds, made, files = con.execute(sql, [operator.key]).fetchone() or (None,) * 5
    return (*called, rows, size, seconds, operator.version, made, inputs, files, _local())


def _local(seconds: float | None = None) -> datetime:
    return datetime.fromtimestamp(round(time.time() if seconds is None else seconds, 3))


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
