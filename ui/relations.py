"""Data sets, words and captions as relations: made when a statement names them, and not before."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from ..lang.literals import encode_name
from ..lang.rows import named_in
from ..stdlib.catalog import Catalog, relations
from ..stdlib.things import Dataset, Texts

if TYPE_CHECKING:
    import duckdb


Relation = tuple[str, Callable[[], Any]]


def provide(read: Iterable[Relation], con: duckdb.DuckDBPyConnection) -> None:
    """Make the data sets, word lists, caption lists and truth tables that a statement reads into relations."""
    for name, make in read:
        _create(con, name, make)


def provided(sql: str, names: Catalog) -> Iterator[Relation]:
    """What a statement names that lives in the session only, and how it is made."""
    extra = relations()
    for name in sorted(named_in(sql)):
        if name.lower() in extra:
            yield name.lower(), extra[name.lower()]
            continue
        thing = names.made.get(name) or (names.find(name.lower()) if "." in name else None)
        if isinstance(thing, Dataset | Texts):
            yield (name.lower() if "." in name else name), thing.relation


_TEMPORARY = "SELECT table_name, table_type FROM information_schema.tables WHERE table_catalog = 'temp' AND "


def is_temporary(name: str, con: duckdb.DuckDBPyConnection) -> bool:
    """Whether the session has a temporary table or view of this name, in any case."""
    return bool(con.execute(f"{_TEMPORARY} lower(table_name) = lower(?)", [name]).fetchall())


def put_away(name: str, con: duckdb.DuckDBPyConnection) -> None:
    """Drop what the session has made under a name, in any case."""
    for there, kind in con.execute(f"{_TEMPORARY} lower(table_name) = lower(?)", [name]).fetchall():
        con.execute(f"DROP {'VIEW' if kind == 'VIEW' else 'TABLE'} temp.main.{encode_name(there)}")


def _create(con: duckdb.DuckDBPyConnection, name: str, make: Any) -> None:
    schema, _, table = name.rpartition(".")
    place = f'memory."{schema}"."{table}"' if schema else f"temp.main.{encode_name(table)}"
    found = con.execute(
        "SELECT count(*) FROM duckdb_tables() WHERE table_name = ? AND schema_name = ?", [table, schema or "main"]
    ).fetchall()
    if schema and found[0][0]:
        return
    if schema and not re.fullmatch(r"\w+", schema):
        return
    rows = make()
    con.register("clq_relation", rows)
    try:
        kind = "TABLE" if schema else "TEMP TABLE"
        con.execute(f"CREATE OR REPLACE {kind} {place} AS FROM clq_relation")
    finally:
        con.unregister("clq_relation")
