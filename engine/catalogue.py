"""The catalogue: answers as DuckDB tables in one file that any DuckDB client can open while runs go on.

Nobody writes to `clq.duckdb` in place. A commit copies it, writes the copy, syncs it and puts it in its place, so
readers keep the file they opened and never block a run. Committers wait for each other on a side file. A DuckDB
client that holds the file open for writing would lose its work to the replacement: the commit then says so and
changes nothing.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..lang.diagnostic import Diagnostic
from .store import unwritable

if TYPE_CHECKING:
    import duckdb

SCHEMA = """
CREATE SCHEMA IF NOT EXISTS clq.meta;
CREATE TABLE IF NOT EXISTS clq.meta.runs (
    run VARCHAR, statement VARCHAR, verb VARCHAR, finished TIMESTAMP, rounds INTEGER, decoded BIGINT, device VARCHAR);
CREATE TABLE IF NOT EXISTS clq.meta.nodes (
    run VARCHAR, node VARCHAR, operator VARCHAR, label VARCHAR, rows BIGINT, bytes BIGINT, seconds DOUBLE);
CREATE TABLE IF NOT EXISTS clq.meta.tables (name VARCHAR, content VARCHAR, run VARCHAR, made TIMESTAMP);
"""

WRITING = {
    "INSERT", "UPDATE", "DELETE", "CREATE", "CREATE_FUNC", "ALTER", "DROP", "MERGE_INTO", "VACUUM", "COPY",
}  # fmt: skip


class Catalogue:
    """One session's view of the catalogue: an in-memory database with the file attached read-only as `clq`."""

    def __init__(self, root: Path) -> None:
        self.path = root / "clq.duckdb"
        self.tables = root / "tables"
        self._connection: duckdb.DuckDBPyConnection | None = None

    @property
    def connection(self) -> duckdb.DuckDBPyConnection:
        """The session's connection. Names resolve to temporary things first, then to the catalogue's tables."""
        if self._connection is None:
            self._connection = _new_connection()
            if not self.path.exists():
                self.commit(lambda _: None)
            else:
                self._attach()
        return self._connection

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def refresh(self) -> None:
        """See what other processes have committed since."""
        connection = self.connection
        self._detach()
        self._attach()
        assert connection is self._connection

    def _attach(self) -> None:
        import duckdb

        con = self.connection
        try:
            with self._lock(exclusive=False):
                con.execute(f"ATTACH '{_quoted(self.path)}' AS clq (READ_ONLY)")
        except duckdb.Error as error:
            raise Diagnostic(
                "store-busy", f"{self.path} cannot be opened: {error}", exit_code=1,
                hint="another program may hold it open for writing; close it there and run again",
            ) from error  # fmt: skip
        con.execute("SET search_path = 'memory.main,clq.main'")

    def _detach(self) -> None:
        con = self.connection
        con.execute("SET search_path = 'memory.main'")
        con.execute("DETACH DATABASE IF EXISTS clq")

    @contextmanager
    def _lock(self, exclusive: bool = True) -> Iterator[None]:
        try:
            with open(self.path.with_name("clq.duckdb.lock"), "w") as side:
                fcntl.lockf(side, fcntl.LOCK_EX)
                yield
        except PermissionError as error:
            if exclusive:
                raise unwritable(self.path.parent, error) from error
            yield

    def _refuse_foreign_writer(self) -> None:
        """A shared lock passes beside readers and fails while another program writes."""
        try:
            with open(self.path, "rb") as file:
                fcntl.lockf(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return
        except OSError as error:
            raise Diagnostic(
                "store-busy", f"another program has {self.path} open for writing", exit_code=1,
                hint="close it there (readers may stay) and run again; nothing was lost",
            ) from error  # fmt: skip

    def _set_wal_right(self) -> None:
        """Undo or finish a commit that crashed after it had put the write-ahead log aside."""
        inode = self.path.stat().st_ino if self.path.exists() else None
        for aside in self.path.parent.glob("clq.duckdb.wal-*"):
            if aside.name.endswith(f"-{inode}"):
                os.replace(aside, self.path.with_name("clq.duckdb.wal"))
            else:
                aside.unlink()
        for left in self.path.parent.glob("clq.duckdb.new-*"):
            left.unlink(missing_ok=True)

    def commit(self, work: Callable[[duckdb.DuckDBPyConnection], Any]) -> Any:
        """Run `work` with the catalogue attached for writing (unqualified names are its), then put it in place.

        If `work` raises, nothing has changed. Raises Diagnostic 'store-busy' while another program writes.
        """
        con = self.connection_or_new()
        self._detach()
        try:
            with self._lock():
                self._refuse_foreign_writer()
                self._set_wal_right()
                return self._commit_locked(con, work)
        except OSError as error:
            raise unwritable(self.path.parent, error) from error
        finally:
            if self.path.exists():
                self._attach()

    def connection_or_new(self) -> duckdb.DuckDBPyConnection:
        if self._connection is None:
            self._connection = _new_connection()
        return self._connection

    def _commit_locked(self, con: duckdb.DuckDBPyConnection, work: Callable[[duckdb.DuckDBPyConnection], Any]) -> Any:
        new = self.path.with_name(f"clq.duckdb.new-{os.getpid()}")
        wal, new_wal = self.path.with_name("clq.duckdb.wal"), new.with_name(new.name + ".wal")
        if self.path.exists():
            shutil.copyfile(self.path, new)
            if wal.exists():
                shutil.copyfile(wal, new_wal)
        try:
            con.execute(f"ATTACH '{_quoted(new)}' AS clq")
            try:
                con.execute(SCHEMA)
                _mirror_lab(con)
                con.execute("SET search_path = 'clq.main,memory.main'")
                result = work(con)
                con.execute("DROP SCHEMA IF EXISTS clq.lab CASCADE")
                con.execute("CHECKPOINT clq")
            finally:
                con.execute("SET search_path = 'memory.main'")
                con.execute("DETACH DATABASE IF EXISTS clq")
        except BaseException:
            new.unlink(missing_ok=True)
            new_wal.unlink(missing_ok=True)
            raise
        _sync(new)
        if wal.exists():
            os.replace(wal, wal.with_name(f"{wal.name}-{self.path.stat().st_ino}"))
        os.replace(new, self.path)
        for aside in self.path.parent.glob("clq.duckdb.wal-*"):
            aside.unlink(missing_ok=True)
        _sync(self.path.parent)
        return result

    def writes(self, sql: str) -> bool:
        """Whether a statement changes the catalogue. Raises duckdb.Error for text that is no SQL."""
        statements = self.connection.extract_statements(sql)
        return any(s.type.name in WRITING for s in statements) and not _temporary(sql)


def _new_connection() -> duckdb.DuckDBPyConnection:
    import duckdb

    con = duckdb.connect(":memory:")
    con.execute("SET errors_as_json = true")
    con.execute("CREATE SCHEMA lab")
    return con


def _mirror_lab(con: duckdb.DuckDBPyConnection) -> None:
    """While writing, unqualified names are the catalogue's; so `lab.probe` must be found there too."""
    found = con.execute("SELECT table_name FROM duckdb_tables() WHERE database_name = 'memory' AND schema_name = 'lab'")
    names = [row[0] for row in found.fetchall()]
    if names:
        con.execute("CREATE SCHEMA IF NOT EXISTS clq.lab")
    for name in names:
        con.execute(f'CREATE OR REPLACE VIEW clq.lab."{name}" AS FROM memory.lab."{name}"')


def _temporary(sql: str) -> bool:
    words = sql.split(None, 4)[:4]
    return bool(words) and words[0].upper() == "CREATE" and any(w.upper() in {"TEMP", "TEMPORARY"} for w in words[1:])


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
