"""The Parquet files beside the catalogue: as it is at every moment, and enough to make it again."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from clq.engine.backup import kept
from clq.engine.catalogue import Catalogue
from clq.lang.diagnostic import Diagnostic


@pytest.fixture
def catalogue(tmp_path: Path) -> Iterator[Catalogue]:
    found = Catalogue(tmp_path)
    yield found
    found.close()


def put(catalogue: Catalogue, sql: str, *changes: str) -> None:
    catalogue.commit(lambda con: con.execute(sql), changes)


def seen(catalogue: Catalogue, sql: str) -> list[tuple[Any, ...]]:
    return catalogue.connection.execute(sql).fetchall()


def names(root: Path) -> set[str]:
    return {p.name for p in kept(root) if not p.name.startswith("meta.")}


@pytest.mark.parametrize("name", ["t", "a/b", "my 'table'", "meta.runs", "50% + x", "ü" * 90, "x" * 300, ".hidden"])
def test_a_table_of_any_name_comes_back_and_can_go(catalogue: Catalogue, tmp_path: Path, name: str) -> None:
    quoted = name.replace('"', '""')
    put(catalogue, f'CREATE TABLE "{quoted}" AS SELECT 1 AS x', name)
    made = catalogue.rebuild()
    assert (made.names, made.aside) == ([name], [])
    assert seen(catalogue, f'FROM clq.main."{quoted}"') == [(1,)]
    assert seen(catalogue, "SELECT count(*) FROM clq.meta.runs") == [(0,)]
    put(catalogue, f'DROP TABLE "{quoted}"', name)
    assert names(tmp_path) == set() and catalogue.rebuild().names == []


def test_a_commit_that_fails_at_the_last_step_leaves_the_backup_as_the_catalogue(
    catalogue: Catalogue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(catalogue, "CREATE TABLE t AS SELECT 1 AS x; CREATE TABLE u AS SELECT 1 AS x", "t", "u")
    real = os.replace

    def full(a: Any, b: Any) -> None:
        if Path(b) == catalogue.path:
            raise OSError(28, "No space left on device")
        real(a, b)

    with monkeypatch.context() as patch, pytest.raises(Diagnostic):
        patch.setattr(os, "replace", full)
        put(catalogue, "INSERT INTO t VALUES (2); DROP TABLE u; CREATE TABLE v AS SELECT 3 AS x", "t", "u", "v")
    assert names(tmp_path) == {"t.parquet", "u.parquet"}
    assert pq.read_table(tmp_path / "tables" / "t.parquet").num_rows == 1
    assert list(tmp_path.glob("tables/.*")) == []


def test_a_damaged_file_is_set_aside_and_the_others_come_back(catalogue: Catalogue, tmp_path: Path) -> None:
    put(catalogue, "CREATE TABLE t AS SELECT 1 AS x; CREATE TABLE u AS SELECT range AS x FROM range(50)", "t", "u")
    path = tmp_path / "tables" / "u.parquet"
    held = bytearray(path.read_bytes())
    held[30] ^= 1
    path.write_bytes(held)
    made = catalogue.rebuild()
    assert (made.names, made.aside) == (["t"], [path.with_name("u.parquet.damaged")])
    assert made.old is not None and made.old.exists()
    assert catalogue.rebuild().aside == []


def test_a_file_without_a_digest_is_read_if_it_can_be(catalogue: Catalogue, tmp_path: Path) -> None:
    put(catalogue, "CREATE TABLE t AS SELECT 1 AS x; CREATE TABLE u AS SELECT 1 AS x", "t", "u")
    for path in kept(tmp_path):
        path.with_name(path.name + ".digest").unlink()
    torn = tmp_path / "tables" / "u.parquet"
    torn.write_bytes(torn.read_bytes()[:-5])
    made = catalogue.rebuild()
    assert made.names == ["t"] and [p.name for p in made.aside] == ["u.parquet.damaged"]


def test_a_catalogue_that_is_gone_is_not_begun_anew_over_its_backup(catalogue: Catalogue, tmp_path: Path) -> None:
    put(catalogue, "CREATE TABLE t AS SELECT 1 AS x", "t")
    catalogue.close()
    catalogue.path.unlink()
    with pytest.raises(Diagnostic) as caught:
        seen(catalogue, "FROM t")
    assert caught.value.code == "damaged-artifact" and "clq cache rebuild" in str(caught.value)
    made = catalogue.rebuild()
    assert made.names == ["t"] and made.old is None and seen(catalogue, "FROM t") == [(1,)]


def test_a_rebuild_that_fails_leaves_the_old_file(
    catalogue: Catalogue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(catalogue, "CREATE TABLE t AS SELECT 1 AS x", "t")

    def restore(con: Any, root: Path) -> Any:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch, pytest.raises(Diagnostic) as caught:
        patch.setattr("clq.engine.catalogue.restore", restore)
        catalogue.rebuild()
    assert caught.value.code == "disk-full"
    assert seen(catalogue, "FROM t") == [(1,)]
