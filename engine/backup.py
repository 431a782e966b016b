"""Tables beside the catalogue, as Parquet: whatever becomes of `clq.duckdb`, they make it again.

    STORE/tables/<name>.parquet          a table, as it is in the catalogue
    STORE/tables/meta.<name>.parquet     what the catalogue knows of tables and runs
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

if TYPE_CHECKING:
    import duckdb


def _file(root: Path, name: str) -> Path:
    # A table may be called anything; the name of its file may not.
    return root / "tables" / f"{quote(name, safe=' ')}.parquet"


def present(con: duckdb.DuckDBPyConnection) -> set[str]:
    """The tables of the catalogue, views left out."""
    sql = "SELECT table_name FROM duckdb_tables() WHERE database_name = 'clq' AND schema_name = 'main'"
    return {row[0] for row in con.execute(sql).fetchall()}


def save(con: duckdb.DuckDBPyConnection, root: Path, names: Iterable[str], meta: Iterable[str]) -> None:
    """Write these tables, and take away the files of those that are gone. Names are compared as SQL does."""
    wanted, here = {n.lower() for n in names}, present(con)
    (root / "tables").mkdir(exist_ok=True)
    for name in here:
        if name.lower() in wanted:
            _write(con, f'clq.main."{_inside(name)}"', _file(root, name))
    for name in wanted - {n.lower() for n in here}:
        for path in (root / "tables").glob("*.parquet"):
            if unquote(path.stem).lower() == name:
                path.unlink(missing_ok=True)
    for name in meta:
        _write(con, f"clq.meta.{name}", root / "tables" / f"meta.{name}.parquet")


def _inside(name: str) -> str:
    return name.replace('"', '""')


def _write(con: duckdb.DuckDBPyConnection, table: str, path: Path) -> None:
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        con.execute(f"COPY (FROM {table}) TO '{str(aside).replace(chr(39), chr(39) * 2)}' (FORMAT parquet)")
        os.replace(aside, path)
    finally:
        with contextlib.suppress(OSError):
            aside.unlink(missing_ok=True)


def restore(con: duckdb.DuckDBPyConnection, root: Path, meta: Iterable[str]) -> list[str]:
    """Make every table again in an empty catalogue; their names."""
    made = []
    for path in sorted((root / "tables").glob("*.parquet")):
        name = unquote(path.stem)
        source = f"read_parquet('{str(path).replace(chr(39), chr(39) * 2)}')"
        if name.startswith("meta.") and name[5:] in set(meta):
            con.execute(f"INSERT INTO clq.meta.{name[5:]} BY NAME FROM {source}")
        else:
            con.execute(f'CREATE TABLE clq.main."{_inside(name)}" AS FROM {source}')
            made.append(name)
    return made
