"""The catalogue under other programs, crashes, and the user's own SQL."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from clq.engine.catalogue import Catalogue
from clq.lang.diagnostic import Diagnostic

Start = Callable[..., "subprocess.Popen[str]"]

OPENER = """
import duckdb, sys
con = duckdb.connect(sys.argv[1], read_only=sys.argv[2] == "ro")
print("open", flush=True)
for line in sys.stdin:
    print(con.execute(line).fetchall(), flush=True)
"""

DIES = """
import duckdb, os, sys
con = duckdb.connect(sys.argv[1])
con.execute("SET wal_autocheckpoint = '1TB'")
con.execute(sys.argv[2])
os._exit(9)
"""


@pytest.fixture
def catalogue(tmp_path: Path) -> Iterator[Catalogue]:
    found = Catalogue(tmp_path)
    yield found
    found.close()


def put(catalogue: Catalogue, sql: str) -> None:
    catalogue.commit(lambda con: con.execute(sql))


def seen(catalogue: Catalogue, sql: str) -> list[tuple[Any, ...]]:
    return catalogue.connection.execute(sql).fetchall()


def elsewhere(path: Path, sql: str) -> list[tuple[Any, ...]]:
    """What a fresh session sees."""
    other = Catalogue(path)
    try:
        return seen(other, sql)
    finally:
        other.close()


class Client:
    """A DuckDB client in another process that holds the file open."""

    def __init__(self, start: Start, path: Path, mode: str) -> None:
        self.process = start(OPENER, str(path), mode)
        assert self.process.stdin is not None and self.process.stdout is not None
        self.input, self.output = self.process.stdin, self.process.stdout
        assert self.output.readline() == "open\n", self.process.communicate()

    def ask(self, sql: str) -> str:
        self.input.write(sql + "\n")
        self.input.flush()
        return self.output.readline().strip()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.communicate()


def dies_writing(start: Start, catalogue: Catalogue, sql: str) -> None:
    """A writer that crashed: its rows are in the write-ahead log only."""
    process = start(DIES, str(catalogue.path), sql)
    process.communicate()
    assert process.returncode == 9
    assert catalogue.path.with_name("clq.duckdb.wal").exists()


def leftovers(catalogue: Catalogue) -> list[str]:
    return sorted(p.name for p in catalogue.path.parent.iterdir() if p.name not in {"clq.duckdb", "clq.duckdb.lock"})


# ------------------------------------------------------------ other programs


def test_a_commit_beside_a_reader_succeeds_and_the_reader_keeps_its_view(catalogue: Catalogue, start: Start) -> None:
    put(catalogue, "CREATE TABLE t AS SELECT 1 AS x")
    with Client(start, catalogue.path, "ro") as reader:
        put(catalogue, "INSERT INTO t VALUES (2)")
        assert reader.ask("SELECT count(*) FROM t") == "[(1,)]"
        assert seen(catalogue, "SELECT count(*) FROM t") == [(2,)]
    with Client(start, catalogue.path, "ro") as later:
        assert later.ask("SELECT count(*) FROM t") == "[(2,)]"


def test_a_commit_beside_a_writer_is_refused_and_changes_nothing(catalogue: Catalogue, start: Start) -> None:
    put(catalogue, "CREATE TABLE t AS SELECT 1 AS x")
    catalogue.close()
    ran = []
    with Client(start, catalogue.path, "rw") as writer:
        with pytest.raises(Diagnostic) as caught:
            catalogue.commit(lambda con: ran.append(1))
        assert (caught.value.code, caught.value.exit_code, ran) == ("store-busy", 1, [])
        writer.ask("INSERT INTO t VALUES (2)")
        with pytest.raises(Diagnostic) as caught:
            seen(catalogue, "FROM t")
        assert caught.value.code == "store-busy"
    assert seen(catalogue, "FROM t ORDER BY x") == [(1,), (2,)]  # the session goes on, with the writer's row
    put(catalogue, "INSERT INTO t VALUES (3)")
    assert seen(catalogue, "SELECT count(*) FROM t") == [(3,)]


def test_a_writer_cannot_come_in_while_a_commit_is_under_way(catalogue: Catalogue, start: Start) -> None:
    put(catalogue, "CREATE TABLE t AS SELECT 1 AS x")

    def work(con: Any) -> str:
        late = start(OPENER, str(catalogue.path), "rw")
        late.communicate()
        assert late.returncode != 0
        con.execute("INSERT INTO t VALUES (2)")
        return "done"

    assert catalogue.commit(work) == "done"
    assert seen(catalogue, "SELECT count(*) FROM t") == [(2,)]


def test_a_connection_of_this_process_that_writes_is_refused_as_well(catalogue: Catalogue) -> None:
    """fcntl does not show a process its own locks: DuckDB must be asked."""
    put(catalogue, "CREATE TABLE t AS SELECT 1 AS x")
    catalogue.close()
    mine = duckdb.connect(str(catalogue.path))
    try:
        with pytest.raises(Diagnostic) as caught:
            put(catalogue, "INSERT INTO t VALUES (2)")
        assert caught.value.code == "store-busy"
        mine.execute("INSERT INTO t VALUES (3)")
    finally:
        mine.close()
    assert seen(catalogue, "FROM t ORDER BY x") == [(1,), (3,)]


def test_a_refused_commit_does_not_take_the_lock_of_this_process_away(catalogue: Catalogue, start: Start) -> None:
    """Closing any handle of a file drops a process's ordinary locks on it."""
    put(catalogue, "CREATE TABLE t AS SELECT 1 AS x")
    catalogue.close()
    mine = duckdb.connect(str(catalogue.path))
    try:
        with pytest.raises(Diagnostic):
            put(catalogue, "INSERT INTO t VALUES (2)")
        intruder = start(OPENER, str(catalogue.path), "rw")
        intruder.communicate()
        assert intruder.returncode != 0
    finally:
        mine.close()


COMMITS = """
import sys
from pathlib import Path
from clq.engine.catalogue import Catalogue

catalogue = Catalogue(Path(sys.argv[1]))
for n in range(4):
    catalogue.commit(lambda con: con.execute(f'CREATE TABLE "{sys.argv[2]}{n}" AS SELECT {n} AS x'))
"""


def test_commits_of_several_processes_are_all_kept(catalogue: Catalogue, start: Start) -> None:
    processes = [start(COMMITS, str(catalogue.path.parent), name) for name in "abc"]
    for process in processes:
        _, problems = process.communicate()
        assert process.returncode == 0, problems
    names = {row[0] for row in seen(catalogue, "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'main'")}
    assert names == {f"{name}{n}" for name in "abc" for n in range(4)}
    assert leftovers(catalogue) == []


def test_commits_of_several_threads_are_all_kept(tmp_path: Path) -> None:
    def commits(name: str) -> None:
        own = Catalogue(tmp_path)
        for n in range(3):
            put(own, f'CREATE TABLE "{name}{n}" AS SELECT 1 AS x')
        own.close()

    threads = [threading.Thread(target=commits, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    count = elsewhere(tmp_path, "SELECT count(*) FROM duckdb_tables() WHERE schema_name = 'main'")
    assert count == [(6,)]


def test_refresh_shows_what_others_have_committed(catalogue: Catalogue, start: Start) -> None:
    put(catalogue, "CREATE TABLE t AS SELECT 1 AS x")
    catalogue.connection.execute("CREATE TEMP VIEW mine AS FROM t")
    start(COMMITS, str(catalogue.path.parent), "other").communicate()
    with pytest.raises(duckdb.CatalogException):
        seen(catalogue, "FROM other0")
    catalogue.refresh()
    assert seen(catalogue, "FROM other0") == [(0,)]
    assert seen(catalogue, "FROM mine") == [(1,)]


def test_the_catalogue_can_be_read_where_nothing_may_be_written(
    catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(catalogue, "CREATE TABLE t AS SELECT 1 AS x")
    catalogue.close()
    real = open

    def read_only(path: Any, mode: str = "r", *args: Any, **more: Any) -> Any:
        if "w" in mode:
            raise OSError(30, "Read-only file system")
        return real(path, mode, *args, **more)

    monkeypatch.setattr("builtins.open", read_only)
    assert seen(catalogue, "FROM t") == [(1,)]
    with pytest.raises(Diagnostic) as caught:
        put(catalogue, "INSERT INTO t VALUES (2)")
    assert caught.value.code == "store-unwritable"
    assert seen(catalogue, "FROM t") == [(1,)]


def test_a_file_that_is_no_database_is_not_called_busy(catalogue: Catalogue) -> None:
    catalogue.path.write_bytes(b"not a database" * 1000)
    with pytest.raises(Diagnostic) as caught:
        seen(catalogue, "SELECT 1")
    assert caught.value.code == "damaged-artifact"
    assert "exception_type" not in caught.value.message


# ------------------------------------------------------------ crashes


def test_rows_of_a_writer_that_died_are_not_lost(catalogue: Catalogue, start: Start) -> None:
    put(catalogue, "CREATE TABLE t AS SELECT 1 AS x")
    catalogue.close()
    dies_writing(start, catalogue, "INSERT INTO t VALUES (2)")
    assert seen(catalogue, "FROM t ORDER BY x") == [(1,), (2,)]
    put(catalogue, "INSERT INTO t VALUES (3)")
    assert seen(catalogue, "FROM t ORDER BY x") == [(1,), (2,), (3,)]
    assert leftovers(catalogue) == []
    catalogue.close()
    with Client(start, catalogue.path, "rw") as later:
        assert later.ask("SELECT count(*) FROM t") == "[(3,)]"


CRASHES = """
import os, sys
from pathlib import Path
from clq.engine import catalogue as module

real, calls = os.replace, []

def replace(a, b):
    calls.append(b)
    if len(calls) == int(sys.argv[2]) and sys.argv[3] == "before":
        os._exit(9)
    real(a, b)
    if len(calls) == int(sys.argv[2]):
        os._exit(9)

module.os.replace = replace
module.Catalogue(Path(sys.argv[1])).commit(lambda con: con.execute("INSERT INTO t VALUES (3)"))
"""


@pytest.mark.parametrize(
    ("call", "when", "committed"),
    [(1, "before", False), (1, "after", False), (2, "before", False), (2, "after", True)],
)
def test_a_commit_that_crashes_between_its_steps_loses_nothing(
    catalogue: Catalogue, start: Start, call: int, when: str, committed: bool
) -> None:
    """The first replacement puts the log of a dead writer aside, the second puts the new file in place."""
    put(catalogue, "CREATE TABLE t AS SELECT 1 AS x")
    catalogue.close()
    dies_writing(start, catalogue, "INSERT INTO t VALUES (2)")
    crashed = start(CRASHES, str(catalogue.path.parent), str(call), when)
    _, problems = crashed.communicate()
    assert crashed.returncode == 9, problems
    rows = [(1,), (2,), (3,)] if committed else [(1,), (2,)]
    assert seen(catalogue, "FROM t ORDER BY x") == rows
    put(catalogue, "INSERT INTO t VALUES (4)")
    assert elsewhere(catalogue.path.parent, "FROM t ORDER BY x") == [*rows, (4,)]
    assert leftovers(catalogue) == []


def test_a_replacement_that_fails_leaves_the_old_file_and_a_usable_session(
    catalogue: Catalogue, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(catalogue, "CREATE TABLE t AS SELECT 1 AS x")
    catalogue.close()
    dies_writing(start, catalogue, "INSERT INTO t VALUES (2)")
    real = os.replace

    def full(a: Any, b: Any) -> None:
        if Path(b) == catalogue.path:
            raise OSError(28, "No space left on device")
        real(a, b)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", full)
        with pytest.raises(Diagnostic) as caught:
            put(catalogue, "INSERT INTO t VALUES (3)")
    assert (caught.value.code, caught.value.exit_code) == ("disk-full", 1)
    assert seen(catalogue, "FROM t ORDER BY x") == [(1,), (2,)]
    put(catalogue, "INSERT INTO t VALUES (3)")
    assert seen(catalogue, "SELECT count(*) FROM t") == [(3,)]
    assert leftovers(catalogue) == []


def test_a_disk_that_is_full_for_duckdb_is_told_as_such(catalogue: Catalogue) -> None:
    put(catalogue, "CREATE TABLE t AS SELECT 1 AS x")

    def work(con: Any) -> None:
        raise duckdb.TransactionException('{"exception_message": "Failed to commit: … No space left on device"}')

    with pytest.raises(Diagnostic) as caught:
        catalogue.commit(work)
    assert (caught.value.code, caught.value.exit_code) == ("disk-full", 1)
    assert seen(catalogue, "FROM t") == [(1,)]


@pytest.mark.parametrize("sql", ["SELEC", "SELECT * FROM nowhere", "BEGIN; DROP TABLE t; SELECT * FROM nowhere"])
def test_work_that_fails_leaves_file_and_session_as_they_were(catalogue: Catalogue, sql: str) -> None:
    put(catalogue, "CREATE TABLE t AS SELECT 1 AS x")
    catalogue.connection.execute("CREATE TEMP VIEW mine AS FROM t")
    before = catalogue.path.read_bytes()
    with pytest.raises(duckdb.Error):
        put(catalogue, sql)
    assert catalogue.path.read_bytes() == before
    assert seen(catalogue, "FROM mine") == [(1,)]
    assert leftovers(catalogue) == []


def test_work_that_raises_after_writing_changes_nothing(catalogue: Catalogue) -> None:
    put(catalogue, "CREATE TABLE t AS SELECT 1 AS x")

    def work(con: Any) -> None:
        con.execute("INSERT INTO t VALUES (2)")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        catalogue.commit(work)
    assert seen(catalogue, "FROM t") == [(1,)]


# ------------------------------------------------------------ the user's SQL


def test_a_transaction_that_is_left_open_is_refused(catalogue: Catalogue) -> None:
    put(catalogue, "CREATE TABLE t AS SELECT 1 AS x")
    with pytest.raises(Diagnostic) as caught:
        put(catalogue, "BEGIN; INSERT INTO t VALUES (2)")
    assert caught.value.code == "sql-error"
    catalogue.connection.execute("BEGIN")
    with pytest.raises(Diagnostic) as caught:
        put(catalogue, "INSERT INTO t VALUES (2)")
    assert caught.value.code == "sql-error"
    put(catalogue, "INSERT INTO t VALUES (2)")
    assert seen(catalogue, "SELECT count(*) FROM t") == [(2,)]


def test_a_transaction_that_is_closed_again_is_one_commit(catalogue: Catalogue) -> None:
    put(catalogue, "BEGIN; CREATE TABLE t AS SELECT 1 AS x; INSERT INTO t VALUES (2); COMMIT")
    assert elsewhere(catalogue.path.parent, "SELECT count(*) FROM t") == [(2,)]


def test_what_a_user_writes_may_read_the_lab(catalogue: Catalogue) -> None:
    con = catalogue.connection
    con.execute("CREATE TABLE memory.lab.words AS SELECT 'cat' AS text")
    put(catalogue, "CREATE TABLE mine AS FROM lab.words")
    assert seen(catalogue, "FROM mine") == [("cat",)]
    assert seen(catalogue, "FROM lab.words") == [("cat",)]
    assert elsewhere(catalogue.path.parent, "FROM mine") == [("cat",)]
    assert elsewhere(catalogue.path.parent, "SELECT count(*) FROM duckdb_views() WHERE schema_name = 'lab'") == [(0,)]


def test_a_relation_of_the_lab_that_is_made_during_the_work_is_found(catalogue: Catalogue) -> None:
    """The session provides what a statement names when it runs the statement."""

    def work(con: Any) -> None:
        con.execute("CREATE TABLE memory.lab.words AS SELECT 'cat' AS text")
        con.execute("CREATE TABLE mine AS FROM lab.words")

    catalogue.commit(work)
    assert seen(catalogue, "FROM mine") == [("cat",)]


@pytest.mark.parametrize("sql", ["CREATE TABLE lab.mine (x INT)", 'CREATE OR REPLACE VIEW "lab" . v AS FROM t'])
def test_a_table_in_the_schema_of_the_lab_is_refused_not_lost(catalogue: Catalogue, sql: str) -> None:
    with pytest.raises(Diagnostic) as caught:
        catalogue.writes(sql)
    assert "the schema lab is clq's own" in caught.value.message
    assert catalogue.writes("CREATE TABLE mine AS FROM lab.words")


def test_a_table_of_the_catalogue_stands_in_its_file_only(catalogue: Catalogue) -> None:
    put(catalogue, "CREATE TABLE t AS SELECT 1 AS x")
    assert seen(catalogue, "SELECT database_name FROM duckdb_tables() WHERE table_name = 't'") == [("clq",)]


@pytest.mark.parametrize(
    ("sql", "writes"),
    [
        ("SELECT 1", False),
        ("FROM t", False),
        ("WITH a AS (SELECT 1) SELECT * FROM a", False),
        ("SELECT 'INSERT INTO t'", False),
        ("SUMMARIZE t", False),
        ("DESCRIBE t", False),
        ("EXPLAIN INSERT INTO t VALUES (1)", False),
        ("SET threads = 1", False),
        ("INSERT INTO t VALUES (1)", True),
        ("WITH a AS (SELECT 1) INSERT INTO t FROM a", True),
        ("UPDATE t SET x = 1", True),
        ("DELETE FROM t", True),
        ("DROP TABLE t", True),
        ("ALTER TABLE t ADD COLUMN y INT", True),
        ("COMMENT ON TABLE t IS 'mine'", True),
        ("CREATE TABLE u (x INT)", True),
        ("CREATE OR REPLACE TABLE u AS SELECT 1 AS x", True),
        ("CREATE VIEW v AS SELECT 1", True),
        ("CREATE MACRO m(a) AS a + 1", True),
        ("CREATE TABLE temp (x INT)", True),
        ("CREATE TABLE temporary AS SELECT 1 AS x", True),
        ("CREATE TEMP TABLE u (x INT)", False),
        ("create or replace temporary view v as select 1", False),
        ("-- a note\nCREATE /* only mine */ TEMP TABLE u (x INT)", False),
        ("/* TEMP */ CREATE TABLE u (x INT)", True),
        ("CREATE TEMP TABLE u (x INT); INSERT INTO t VALUES (1)", True),
        ("SELECT 1; DROP TABLE t", True),
        ("COPY t FROM 'rows.csv'", True),
        ('COPY main."t" (x) FROM \'rows.csv\'', True),
        ("COPY t TO 'rows.csv'", False),
        ("COPY (SELECT x FROM 'rows.csv') TO 'other.csv'", False),
    ],
)  # fmt: skip
def test_which_statements_write(catalogue: Catalogue, sql: str, writes: bool) -> None:
    assert catalogue.writes(sql) is writes


def test_text_that_is_no_sql_is_duckdbs_to_refuse(catalogue: Catalogue) -> None:
    with pytest.raises(duckdb.ParserException):
        catalogue.writes("SELEC 1")
