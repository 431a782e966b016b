"""The catalogue: answers as DuckDB tables in one file that any DuckDB client can open while runs go on.

Nobody writes to `clq.duckdb` in place. A commit copies it, writes the copy, syncs it and puts it in its place, so
readers keep the file they opened and never block a run. Committers wait for each other on a side file. A DuckDB
client that holds the file open for writing would lose its work to the replacement: the commit then says so and
changes nothing.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import struct
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from ..lang.diagnostic import Diagnostic
from ..lang.scan import Code
from .backup import kept, put_aside, restore, save, settle
from .files import link, reached, sync, unwritable
from .records import META, look, prepare, seen_from_inside
from .sql import damaged, file_trouble, rebuild_of, said_by_duckdb
from .telling import Telling

if TYPE_CHECKING:
    import duckdb

T = TypeVar("T")

WRITING = {"INSERT", "UPDATE", "DELETE", "CREATE_FUNC", "ALTER", "DROP", "MERGE_INTO", "VACUUM", "COPY_DATABASE"}


class Catalogue:
    """One session's view of the catalogue: an in-memory database with the file attached read-only as `clq`."""

    def __init__(self, root: Path, telling: Telling | None = None) -> None:
        self.path = root / "clq.duckdb"
        self.telling = telling or Telling()
        self._memory_limit: int | None = None
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._attached = False
        self._committing = False

    @property
    def connection(self) -> duckdb.DuckDBPyConnection:
        """The session's connection. Names resolve to temporary things first, then to the catalogue's tables.

        Raises Diagnostic 'store-busy' if another program has the file open for writing.
        """
        con = self._memory()
        if not self._attached and not self._committing:
            if self.path.exists():
                self._attach()
            else:
                _refuse_lost(self.path)
                self.commit(lambda _: None)
        return con

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection, self._attached = None, False

    def refresh(self) -> None:
        """See what other processes have committed since."""
        self._detach()
        self._attach()

    def writes(self, sql: str) -> bool:
        """Whether a statement changes the catalogue. Raises duckdb.Error for text that is no SQL.

        Raises Diagnostic 'sql-error' for a table in the schema `lab`, which could not be kept.
        """
        return any(_is_write(s.type.name, s.query) for s in self.connection.extract_statements(sql))

    def commit(self, work: Callable[[duckdb.DuckDBPyConnection], T], changes: Iterable[str] = ()) -> T:
        """Run `work` with the catalogue attached for writing (unqualified names are its), then put it in place.

        The tables that it `changes` are written as Parquet too. If `work` raises, nothing has changed. Raises
        Diagnostic 'store-busy' while another program writes.
        """
        if self.path.exists() and not self._attached:
            self._attach()  # DuckDB refuses if this very process has the file open for writing: locks do not show it
        return self._commit(work, tuple(changes))

    def _commit(
        self, work: Callable[[duckdb.DuckDBPyConnection], T], changes: tuple[str, ...], anew: Path | None = None
    ) -> T:  # fmt: skip
        """With `anew` begin with an empty catalogue, and keep the file that was there under that name."""
        if self._committing:
            raise RuntimeError("a commit inside a commit")
        con, began = self._memory(), time.perf_counter()
        _refuse_open_transaction(con)
        self._detach()
        self._committing = True
        try:
            with _locked(self.path), _writers_kept_out(self.path):
                _settle(self.path)
                result = self._write_copy(con, work, changes, anew)
        except OSError as error:
            raise unwritable(self.path.parent, error) from error
        finally:
            self._committing = False
            with contextlib.suppress(Diagnostic):  # then the next use of the connection tries again, and says why not
                if self.path.exists():
                    self._attach()
        self.telling.committed(self.path.stat().st_size, time.perf_counter() - began)
        return result

    def _memory(self) -> duckdb.DuckDBPyConnection:
        if self._connection is None:
            self._connection = _new_connection(self.path.parent)
            self.limit_memory(self._memory_limit)
        return self._connection

    def limit_memory(self, limit: int | None) -> None:
        """What DuckDB may hold in memory, in bytes; None for what it takes by itself."""
        self._memory_limit = limit
        if self._connection is not None:
            self._connection.execute("RESET memory_limit" if limit is None else f"SET memory_limit = '{limit}B'")

    def _attach(self) -> None:
        import duckdb

        con = self._memory()
        try:
            with _locked_if_possible(self.path) as locked:
                _settle_if_possible(self.path, locked)
                con.execute(f"ATTACH '{_quoted(self.path)}' AS clq (READ_ONLY)")
        except duckdb.Error as error:
            raise _not_opened(self.path, error) from error
        self._see()

    def _see(self) -> None:
        """Names are found in what is attached, and `meta` is what it is to any client of the file."""
        import duckdb

        con = self._memory()
        con.execute("SET search_path = 'memory.main,clq.main'")
        for view in seen_from_inside(self.path.parent):
            with contextlib.suppress(duckdb.Error):  # an older file has fewer tables
                con.execute(view)
        self._attached = True

    def _detach(self) -> None:
        con = self._memory()
        con.execute("SET search_path = 'memory.main'")
        con.execute("DETACH DATABASE IF EXISTS clq")
        self._attached = False

    def rebuild(self) -> Rebuilt:
        """Make the catalogue again from the Parquet files beside it."""
        self._detach()
        old = self.path.with_name(f"{self.path.name}.old-{int(time.time())}")
        names, lost = self._commit(self._restored, (), anew=old)
        try:
            aside = put_aside(self.path.parent, lost)
        except OSError as error:
            raise unwritable(self.path.parent, error) from error
        return Rebuilt(names, aside, old if old.exists() else None)

    def _restored(self, con: duckdb.DuckDBPyConnection) -> tuple[list[str], list[str]]:
        made = restore(con, self.path.parent)
        look(con, self.path.parent)
        return made

    def note_cleared(self) -> None:
        """Take note of what has gone from the store. If another program is writing, the next commit does."""
        if self.path.exists():
            with contextlib.suppress(Diagnostic):
                self.commit(lambda con: look(con, self.path.parent))

    def _write_copy(
        self, con: duckdb.DuckDBPyConnection, work: Callable[[duckdb.DuckDBPyConnection], T], changes: tuple[str, ...],
        anew: Path | None,
    ) -> T:  # fmt: skip
        import duckdb

        root = self.path.parent
        new, wal = self.path.with_name(f"clq.duckdb.new-{os.getpid()}"), self.path.with_name("clq.duckdb.wal")
        new_wal = new.with_name(new.name + ".wal")
        try:
            if self.path.exists() and anew is None:
                shutil.copyfile(self.path, new)
                if wal.exists():
                    shutil.copyfile(wal, new_wal)
            reached("catalogue copied", self.path)
            try:
                con.execute(f"ATTACH '{_quoted(new)}' AS clq")
            except duckdb.Error as error:
                raise _not_opened(self.path, error) from error
            try:
                prepare(con)
                # memory.lab: while unqualified names are the catalogue's, `lab.probe` must be found as well.
                con.execute("SET search_path = 'clq.main,memory.main,memory.lab'")
                result = work(con)
                _refuse_open_transaction(con)
                con.execute("CHECKPOINT clq")
                reached("catalogue changed", self.path)
                if changes:
                    save(con, root, changes, META, new.stat().st_ino)
                    reached("catalogue backed up", self.path)
            finally:
                with contextlib.suppress(duckdb.Error):  # there is a transaction only if `work` failed inside one
                    con.execute("ROLLBACK")
                con.execute("SET search_path = 'memory.main'")
                con.execute("DETACH DATABASE IF EXISTS clq")
            sync(new)
            reached("catalogue synced", self.path)
            if wal.exists() and anew is not None:
                os.replace(wal, anew.with_name(f"{anew.name}.wal"))
            elif wal.exists():
                os.replace(wal, wal.with_name(f"{wal.name}-{self.path.stat().st_ino}"))
                sync(root)
                reached("log put aside", self.path)
            if anew is not None and self.path.exists():
                link(self.path, anew)
            os.replace(new, self.path)
            reached("catalogue placed", self.path)
        except BaseException as error:
            with contextlib.suppress(OSError):
                new.unlink(missing_ok=True)
                new_wal.unlink(missing_ok=True)
                _settle(self.path)
            trouble = file_trouble(error, str(root)) if isinstance(error, duckdb.Error) else None
            if trouble is not None:
                raise trouble from error
            raise
        _settle(self.path)
        sync(root)
        reached("catalogue settled", self.path)
        return result


class SeenCatalogue(Catalogue):
    """The catalogue of a store as it is, for a look that writes nothing: neither a file nor a lock. One that is not
    there is empty."""

    @property
    def connection(self) -> duckdb.DuckDBPyConnection:
        """Raises Diagnostic 'store-busy' if another program has the file open for writing, else as it is damaged."""
        import duckdb

        con = self._memory()
        if not self._attached:
            try:
                con.execute(f"ATTACH '{_quoted(self.path)}' AS clq (READ_ONLY)" if self.path.exists() else _NOTHING)
            except duckdb.Error as error:
                raise _not_opened(self.path, error) from error
            if not self.path.exists():
                prepare(con)
            self._see()
        return con

    def _commit(
        self, work: Callable[[duckdb.DuckDBPyConnection], T], changes: tuple[str, ...], anew: Path | None = None
    ) -> T:  # fmt: skip
        raise RuntimeError("a catalogue that is only looked at is not written")


_NOTHING = "ATTACH ':memory:' AS clq"


@dataclass(frozen=True)
class Rebuilt:
    """A catalogue made again: its tables, and where the damaged files are now and the old catalogue."""

    names: list[str]
    aside: list[Path]
    old: Path | None


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Commits and openings wait for each other on a side file; by flock, so that threads of one process do as well."""
    with open(path.with_name(f"{path.name}.lock"), "w") as side:
        fcntl.flock(side, fcntl.LOCK_EX)
        yield


@contextmanager
def _locked_if_possible(path: Path) -> Iterator[bool]:
    """Whether the lock was taken: in a store that one may only read there is none to take, and nothing to put right."""
    with contextlib.ExitStack() as stack:
        locked = False
        with contextlib.suppress(OSError):
            stack.enter_context(_locked(path))
            locked = True
        yield locked


@contextmanager
def _writers_kept_out(path: Path) -> Iterator[None]:
    """A shared lock on the file itself: it passes beside readers, and fails beside another program that writes.

    Where there are locks of an open file, take one: a process loses its ordinary locks on a file whenever it closes any
    handle of it, as copying does.
    """
    if not path.exists():
        yield
        return
    with open(path, "rb") as file:
        try:
            if hasattr(fcntl, "F_OFD_SETLK"):
                lock = struct.pack("hhqqi0q", fcntl.F_RDLCK, os.SEEK_SET, 0, 0, 0)
                fcntl.fcntl(file, fcntl.F_OFD_SETLK, lock)
            else:
                fcntl.lockf(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError as error:
            raise _busy(path) from error
        yield


def _settle(path: Path) -> None:
    """Undo or finish a commit that died: its write-ahead log, its Parquet files, and its copy of the catalogue."""
    inode, wal = path.stat().st_ino if path.exists() else None, path.with_name(f"{path.name}.wal")
    for aside in path.parent.glob(f"{path.name}.wal-*"):
        if aside.name.endswith(f".wal-{inode}"):
            if not wal.exists():  # else a client has opened the file since and begun a log of its own
                os.replace(aside, wal)
        else:
            aside.unlink(missing_ok=True)
    settle(path.parent, inode)
    for left in path.parent.glob(f"{path.name}.new-*"):
        left.unlink(missing_ok=True)


def _settle_if_possible(path: Path, locked: bool) -> None:
    """Before reading. Raises Diagnostic where rows would be missing, because their log cannot be put back."""
    try:
        if locked:
            _settle(path)
    except OSError as error:
        if any(path.parent.glob(f"{path.name}.wal-{path.stat().st_ino}")):
            raise unwritable(path.parent, error) from error


def _busy(path: Path) -> Diagnostic:
    return Diagnostic(
        "store-busy", f"another program has {path} open for writing", exit_code=1,
        hint="close it there (readers may stay) and run again; nothing was lost",
    )  # fmt: skip


def _not_opened(path: Path, error: Exception) -> Diagnostic:
    said = said_by_duckdb(error)
    if any(sign in said for sign in ("Could not set lock", "already attached", "Unique file handle")):
        return _busy(path)
    return file_trouble(error, str(path)) or damaged(str(path), said)


def _refuse_lost(path: Path) -> None:
    """Raise Diagnostic if there was a catalogue: an empty one in its place would take its backup's place as well."""
    if kept(path.parent):
        raise Diagnostic(
            "damaged-artifact", f"{path} is gone, and the tables that were in it are in {path.parent / 'tables'}",
            exit_code=1,
            hint=f"{rebuild_of(str(path))} makes it again of them; to begin anew, remove that folder as well",
        )  # fmt: skip


def _refuse_open_transaction(con: duckdb.DuckDBPyConnection) -> None:
    import duckdb

    try:
        con.execute("BEGIN")
        con.execute("ROLLBACK")
    except duckdb.Error as error:
        with contextlib.suppress(duckdb.Error):
            con.execute("ROLLBACK")
        raise Diagnostic(
            "sql-error", "a transaction was left open", exit_code=1,
            hint="each statement that writes is committed by itself: leave BEGIN and COMMIT out",
        ) from error  # fmt: skip


def _is_write(kind: str, sql: str) -> bool:
    if kind not in {"CREATE", "COPY"}:
        return kind in WRITING
    code = Code(sql)
    words = [token.up for token in code.tokens]
    if kind == "COPY":
        return _copies_in(code)
    made = min((words.index(w) for w in ("TABLE", "VIEW") if w in words), default=None)
    if made is not None:
        named = made + (4 if words[made + 1 : made + 4] == ["IF", "NOT", "EXISTS"] else 1)
        if words[named + 1 : named + 2] == ["."] and code.tokens[named].text.strip('"').lower() == "lab":
            raise Diagnostic(
                "sql-error", "the schema lab is clq's own: what is made there is gone when the session ends",
                hint="leave the schema out",
            )  # fmt: skip
    return not {"TEMP", "TEMPORARY"} & set(words[1 : made if made is not None else 4])


def _copies_in(code: Code) -> bool:
    """COPY table (columns) FROM file writes; COPY … TO file and COPY (query) only read."""
    i, end = 1, len(code.tokens)
    if code.up(i, end) == "(":
        return False
    while i < end and code.up(i, end) not in {"FROM", "TO"}:
        i = code.partner.get(i, i) + 1
    return code.up(i, end) == "FROM"


def spill_folder(root: Path) -> Path:
    """Where this process puts what does not fit into memory."""
    return root / "spilled" / str(os.getpid())


def _new_connection(root: Path) -> duckdb.DuckDBPyConnection:
    import duckdb

    con = duckdb.connect(":memory:")
    # What does not fit into memory goes here; DuckDB makes the folder when it needs it, and takes it away.
    con.execute(f"SET temp_directory = '{_quoted(spill_folder(root))}'")
    con.execute("SET errors_as_json = true")
    con.execute("SET python_enable_replacements = false")  # a misspelt table is no variable of ours
    con.execute("CREATE SCHEMA lab")
    con.execute("CREATE SCHEMA meta")
    return con


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
