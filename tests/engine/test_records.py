"""What the catalogue keeps of artifacts: all of them once, what became of them, what each was made of."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from toys import ToyScan, ToyTop, images, model

from clq.engine.catalogue import Catalogue
from clq.engine.operator import Operator, Source
from clq.engine.plan import graph_of, ordered
from clq.engine.records import ARTIFACTS, TABLES, Notes, _is_current, look, note_nodes
from clq.engine.resources import Resources
from clq.engine.run import optimize, run
from clq.engine.store import Store
from clq.engine.upkeep import sweep


@pytest.fixture
def catalogue(store: Store) -> Iterator[Catalogue]:
    found = Catalogue(store.root)
    yield found
    found.close()


def seen(catalogue: Catalogue, sql: str) -> list[tuple[Any, ...]]:
    return catalogue.connection.execute(sql).fetchall()


def from_outside(catalogue: Catalogue, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(catalogue.path), read_only=True) as client:
        return client.execute(sql).fetchall()


def answered(store: Store, resources: Resources, catalogue: Catalogue, name: str, *roots: Operator) -> None:
    """Compute, and record it as the run of this name."""
    run(optimize(roots, store), store, resources)
    behind = [o for o in ordered(graph_of(roots)) if not isinstance(o, Source)]

    def work(con: duckdb.DuckDBPyConnection) -> None:
        notes = Notes()
        note_nodes(notes, con, name, behind, store)
        notes.put(con)
        look(con, store.root)

    catalogue.commit(work)


def best_of_a_scan() -> tuple[ToyScan, ToyTop]:
    scan = ToyScan(model(), images(20))
    return scan, ToyTop(scan, 3)


def test_an_artifact_of_two_runs_is_one_row(store: Store, resources: Resources, catalogue: Catalogue) -> None:
    scan, top = best_of_a_scan()
    answered(store, resources, catalogue, "one", top)
    answered(store, resources, catalogue, "two", top)
    rows = seen(catalogue, "SELECT key, label, rows, files, runs, inputs, present FROM meta.artifacts ORDER BY files")
    held = [store.find(top), store.find(scan)]
    assert held[0] is not None and held[1] is not None
    assert rows == [
        (top.key, top.label(), held[0].rows, 1, 2, [scan.key], True),
        (scan.key, scan.label(), 20, 4, 2, [i.key for i in scan.inputs], True),
    ]
    (size, folder), *_ = seen(catalogue, f"SELECT bytes, folder FROM meta.artifacts WHERE key = '{scan.key}'")
    files = list((store.root / folder).glob("*-*"))
    assert size == sum(p.stat().st_size for p in files) == held[1].bytes


def test_what_was_cleared_up_is_said_to_be_gone_and_its_facts_stay(
    store: Store, resources: Resources, catalogue: Catalogue
) -> None:
    scan, top = best_of_a_scan()
    answered(store, resources, catalogue, "one", top)
    before = seen(catalogue, "SELECT key, rows, bytes, seconds, made FROM meta.artifacts ORDER BY key")
    assert sweep(store, 0).removed
    gone = [(top.key, False), (scan.key, False)]
    present = "SELECT key, present FROM meta.artifacts"
    assert sorted(seen(catalogue, present)) == sorted(gone), "a session looks when it is asked"
    assert {p for _, p in from_outside(catalogue, present)} == {True}, "the file says what was so when it was written"
    catalogue.note_cleared()
    assert sorted(from_outside(catalogue, present)) == sorted(gone)
    assert from_outside(catalogue, "SELECT count(*) FROM meta.nodes WHERE gone IS NULL") == [(0,)]
    assert seen(catalogue, "SELECT key, rows, bytes, seconds, made FROM meta.artifacts ORDER BY key") == before
    answered(store, resources, catalogue, "two", top)
    for ask in (seen, from_outside):
        assert {p for _, p in ask(catalogue, present)} == {True}, "it was made again"
    ((made,),) = seen(catalogue, f"SELECT made FROM meta.artifacts WHERE key = '{scan.key}'")
    assert made > next(row[4] for row in before if row[0] == scan.key), "what is told is the artifact that is there"


def test_an_input_that_was_gone_before_a_run_keeps_what_is_known_of_it(
    store: Store, resources: Resources, catalogue: Catalogue
) -> None:
    scan, top = best_of_a_scan()
    answered(store, resources, catalogue, "one", top)
    shutil.rmtree(store.folder(scan.key))
    again = Store(store.root)
    answered(again, resources, catalogue, "one", top)  # the answer is stored: nothing is computed
    told = f"SELECT rows, present, runs FROM meta.artifacts WHERE key = '{scan.key}'"
    assert seen(catalogue, told) == from_outside(catalogue, told) == [(20, False, 1)]


def test_an_input_of_which_nothing_was_ever_seen_has_no_numbers(
    store: Store, resources: Resources, catalogue: Catalogue
) -> None:
    scan, top = best_of_a_scan()
    run(optimize([top], store), store, resources)
    shutil.rmtree(store.folder(scan.key))
    answered(Store(store.root), resources, catalogue, "one", top)
    told = f"SELECT label, rows, bytes, seconds, made, present FROM meta.artifacts WHERE key = '{scan.key}'"
    assert seen(catalogue, told) == [(scan.label(), None, None, None, None, False)]


def test_every_column_says_what_it_means_and_a_view_has_those_that_are_declared(catalogue: Catalogue) -> None:
    assert seen(catalogue, "FROM meta.runs") == []
    told: dict[str, list[tuple[str, str]]] = {}
    for table, column, comment in from_outside(
        catalogue,
        "SELECT table_name, column_name, comment FROM duckdb_columns() WHERE schema_name = 'meta' "
        "ORDER BY table_name, column_index",
    ):
        told.setdefault(table, []).append((column, comment))
    declared = {t.name: [(name, meaning) for name, _, meaning in t.columns] for t in (*TABLES, ARTIFACTS)}
    assert told == declared
    kinds = from_outside(catalogue, "SELECT column_name, column_type FROM (DESCRIBE meta.artifacts)")
    assert kinds == [(name, kind) for name, kind, _ in ARTIFACTS.columns]


def test_a_catalogue_of_an_earlier_version_gets_what_it_lacks(store: Store, catalogue: Catalogue) -> None:
    with duckdb.connect(str(catalogue.path)) as old:
        old.execute("CREATE SCHEMA meta")
        old.execute("CREATE TABLE meta.nodes (run VARCHAR, node VARCHAR, operator VARCHAR, label VARCHAR, rows BIGINT, "
                    "bytes BIGINT, seconds DOUBLE)")  # fmt: skip
        old.execute("INSERT INTO meta.nodes VALUES ('r', 'ab12', 'ToyTop', 'sum', 3, 4, 0.5)")
    assert seen(catalogue, "FROM clq.meta.nodes") == [("r", "ab12", "ToyTop", "sum", 3, 4, 0.5)], "it can be read"
    catalogue.commit(lambda con: look(con, store.root))
    told = seen(catalogue, "SELECT key, rows, made, folder, present FROM meta.artifacts")
    assert told == [("ab12", 3, None, "objects/ab/ab12", False)]


def test_a_view_of_an_earlier_version_is_replaced(store: Store, catalogue: Catalogue) -> None:
    same = "SELECT sql FROM duckdb_views() WHERE database_name = 'clq' AND schema_name = 'meta'"
    before = seen(catalogue, same)
    assert len(before) == 1
    catalogue.commit(
        lambda con: con.execute("CREATE OR REPLACE VIEW clq.meta.artifacts AS SELECT 1 AS key FROM meta.nodes")
    )
    assert seen(catalogue, same) != before
    catalogue.commit(lambda con: look(con, store.root))
    assert seen(catalogue, same) == before
    assert catalogue.commit(_is_current), "then there is nothing to do"


def test_a_store_whose_path_has_signs_of_patterns(tmp_path: Path, resources: Resources) -> None:
    store = Store(tmp_path / "it's [a] store*")
    catalogue = Catalogue(store.root)
    _, top = best_of_a_scan()
    answered(store, resources, catalogue, "one", top)
    assert seen(catalogue, "SELECT bool_and(present), count(*) FROM meta.artifacts") == [(True, 2)]
    catalogue.close()
