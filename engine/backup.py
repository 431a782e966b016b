"""Tables beside the catalogue, as Parquet: whatever becomes of `clq.duckdb`, they make it again.

    STORE/tables/<name>.parquet          a table, as it is in the catalogue
    STORE/tables/meta.<name>.parquet     what the catalogue knows of tables and runs
    STORE/tables/<…>.parquet.digest      of the content of that file

They change with the catalogue, all or none: a commit writes them aside, under the inode of the catalogue that is to
come, and whoever opens the catalogue next gives them their names if that inode has come, and else takes them away.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from .files import digest_of, digest_of_file, is_damage, reached, sync, unreadable

if TYPE_CHECKING:
    import duckdb


LONGEST = 150  # characters of the name of a file; file systems take 255, and more is written around it


def _file(root: Path, name: str) -> Path:
    # A table may be called anything; the name of its file may not, and what begins with meta. is clq's own.
    quoted = quote(name, safe=" ")
    if quoted.startswith("meta."):
        quoted = f"meta%2E{quoted[5:]}"
    if quoted.startswith("."):  # hidden files are those on their way
        quoted = f"%2E{quoted[1:]}"
    if len(quoted) > LONGEST:
        quoted = f"{quoted[:100]}+{digest_of(name.encode())}"
    return root / "tables" / f"{quoted}.parquet"


def _name(con: duckdb.DuckDBPyConnection, path: Path) -> str:
    """The table whose file it is."""
    if "+" not in path.stem:
        return unquote(path.stem)
    sql = f"SELECT decode(value) FROM parquet_kv_metadata({_text(str(path))}) WHERE decode(key) = 'clq_table'"
    return str(con.execute(sql).fetchall()[0][0])


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def kept(root: Path) -> list[Path]:
    """The Parquet files of all tables, what is on its way left out."""
    return sorted(p for p in (root / "tables").glob("*.parquet") if not p.name.startswith("."))


def digest_file(path: Path) -> Path:
    return path.with_name(f"{path.name}.digest")


def present(con: duckdb.DuckDBPyConnection) -> set[str]:
    """The tables of the catalogue, views left out."""
    sql = "SELECT table_name FROM duckdb_tables() WHERE database_name = 'clq' AND schema_name = 'main'"
    return {row[0] for row in con.execute(sql).fetchall()}


def save(
    con: duckdb.DuckDBPyConnection, root: Path, names: Iterable[str], meta: Iterable[str], inode: int
) -> None:  # fmt: skip
    """Write these tables aside, for the catalogue of this inode; an empty file stands for one that is gone.

    Names are compared as SQL does.
    """
    wanted, here = {n.lower() for n in names}, present(con)
    (root / "tables").mkdir(exist_ok=True)
    for path in kept(root):
        if "+" in path.stem and not _sound(path):  # it cannot say which table it is of
            continue
        name = _name(con, path)
        if name.lower() in wanted and name not in here:
            _aside(path, inode).touch()
            _aside(digest_file(path), inode).touch()
    for name in here:
        if name.lower() in wanted:
            _write(con, name, f'clq.main."{_inside(name)}"', _file(root, name), inode)
    for name in meta:
        _write(con, name, f"clq.meta.{name}", root / "tables" / f"meta.{name}.parquet", inode)


def settle(root: Path, inode: int | None) -> None:
    """Finish what the commit of this catalogue has begun, and undo what others have."""
    for aside in (root / "tables").glob(".for-*"):
        _, _, rest = aside.name.partition("-")
        number, _, name = rest.partition("-")
        if number != str(inode):
            aside.unlink(missing_ok=True)
        elif aside.stat().st_size:
            os.replace(aside, aside.with_name(name))
            reached("backup placed", aside.with_name(name))
        else:
            aside.with_name(name).unlink(missing_ok=True)
            aside.unlink()


def _aside(path: Path, inode: int) -> Path:
    return path.with_name(f".for-{inode}-{path.name}")


def _inside(name: str) -> str:
    return name.replace('"', '""')


def _write(con: duckdb.DuckDBPyConnection, name: str, table: str, path: Path, inode: int) -> None:
    aside = _aside(path, inode)
    called = f"KV_METADATA {{clq_table: {_text(name)}}}"
    con.execute(f"COPY (FROM {table}) TO {_text(str(aside))} (FORMAT parquet, {called})")
    digest = _aside(digest_file(path), inode)
    digest.write_text(_digest_of(aside))
    sync(aside)
    sync(digest)  # an empty one would say that the table is gone


def _digest_of(path: Path) -> str:
    with open(path, "rb") as file:
        return digest_of_file(file)


def restore(con: duckdb.DuckDBPyConnection, root: Path) -> tuple[list[str], list[str]]:
    """Make every table again in an empty catalogue: the names of those made, and the files that are damaged."""
    made, damaged = [], []
    for path in kept(root):
        if not _sound(path):
            damaged.append(path.name)
            continue
        source = f"read_parquet({_text(str(path))})"
        if path.name.startswith("meta."):
            con.execute(f"INSERT INTO clq.meta.{path.stem[5:]} BY NAME FROM {source}")
        else:
            name = _name(con, path)
            con.execute(f'CREATE TABLE clq.main."{_inside(name)}" AS FROM {source}')
            made.append(name)
    return made, damaged


def put_aside(root: Path, names: Iterable[str]) -> list[Path]:
    """Give damaged files another name, so that nothing takes them for good: where they are now."""
    out = []
    for name in names:
        path = root / "tables" / name
        aside = path.with_name(f"{path.name}.damaged")
        os.replace(path, aside)
        with contextlib.suppress(FileNotFoundError):
            digest_file(path).unlink()
        out.append(aside)
    return out


def _sound(path: Path) -> bool:
    """Whether a file is what was written; one without a digest is taken as it is, if it can be read at all."""
    try:
        held = _digest_of(path)
        return digest_file(path).read_text(encoding="ascii", errors="replace") == held
    except FileNotFoundError:
        return _can_be_read(path)
    except OSError as error:
        if is_damage(error):
            return False
        raise unreadable(path, error) from error


def _can_be_read(path: Path) -> bool:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        pq.read_table(path)
    except (pa.ArrowException, OSError):
        return False
    return True
