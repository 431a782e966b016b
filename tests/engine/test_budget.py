"""A size that the store keeps to after a run: where it comes from, what goes, what stays, what is said."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from toys import ToyScan, images, model

from clq.engine.budget import keep_limit, kept_to, limit
from clq.engine.leases import lease
from clq.engine.operator import Operator
from clq.engine.resources import Resources
from clq.engine.run import optimize, run
from clq.engine.store import Store
from clq.engine.upkeep import items, pin, unfinished
from clq.lang.diagnostic import Diagnostic

SLACK = 64  # bytes by which manifests differ: the seconds in them have more digits or fewer


@pytest.fixture
def filled(tmp_path: Path) -> tuple[Store, list[Operator]]:
    """Four artifacts of one size, the first the least recently used."""
    store = Store(tmp_path)
    made: list[Operator] = [ToyScan(model(), images(20), layer) for layer in range(4)]
    run(optimize(made, store), store, Resources(workers=1))
    for age, operator in enumerate(reversed(made), 1):
        os.utime(store.folder(operator.key) / "artifact.json", (time.time() - 100 * age,) * 2)
    return Store(tmp_path), made


def left(store: Store) -> list[str]:
    return [i.key for i in items(store)]


def test_where_the_size_comes_from(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    assert limit(store) is None
    keep_limit(store, 5000)
    assert limit(Store(store.root)) == 5000
    monkeypatch.setenv("CLQ_CACHE_SIZE", "2kB")
    assert limit(store) == 2000
    assert limit(store, "1 MB") == 1_000_000 and limit(store, 7) == 7 and limit(store, "none") is None
    monkeypatch.setenv("CLQ_CACHE_SIZE", "none")
    assert limit(store) is None
    monkeypatch.setenv("CLQ_CACHE_SIZE", "much")
    with pytest.raises(Diagnostic, match="CLQ_CACHE_SIZE is a size"):
        limit(store)


def test_the_least_recently_used_goes_and_it_is_said(filled: tuple[Store, list[Operator]]) -> None:
    store, made = filled
    size = items(store)[0].bytes
    assert list(kept_to(store, None)) == [] and list(kept_to(store, 4 * size)) == []
    (said,) = kept_to(store, 2 * size)
    assert said.startswith("2 artifacts of least recent use") and "cache_size is" in said
    assert left(store) == [o.key for o in made[2:]]


def test_what_is_in_use_or_pinned_stays_and_that_is_said(filled: tuple[Store, list[Operator]]) -> None:
    store, made = filled
    pin(store, "labels", [made[0].key])
    with lease(store.root, [made[1].key], "another query"):
        went, stays = kept_to(store, 0)
    assert went.startswith("2 artifacts") and "the rest is pinned or in use" in stays
    assert left(store) == [made[0].key, made[1].key]


def test_what_a_killed_run_left_counts_and_goes_in_its_turn(filled: tuple[Store, list[Operator]]) -> None:
    store, made = filled
    size = items(store)[0].bytes
    shard = store.folder(made[1].key) / "artifact.json"
    shard.unlink()
    for path in store.folder(made[1].key).iterdir():
        os.utime(path, (time.time() - 350,) * 2)
    assert [i.key for i in unfinished(store)] == [made[1].key]
    list(kept_to(store, 3 * size))
    assert left(store) == [made[2].key, made[3].key] and len(unfinished(store)) == 1
    list(kept_to(store, 2 * size + SLACK))
    assert left(store) == [made[2].key, made[3].key] and unfinished(store) == []


@pytest.mark.parametrize("name", ["settings.json", "pins.json"])
def test_what_cannot_be_told_lets_nothing_go(filled: tuple[Store, list[Operator]], name: str) -> None:
    store, _ = filled
    keep_limit(store, 0)
    pin(store, "labels", [])
    (store.root / name).write_text("{}")
    (said,) = kept_to(store, None)
    assert said.startswith("nothing was cleared up") and "again" in said
    assert len([*store.root.glob("objects/*/*/artifact.json")]) == 4
