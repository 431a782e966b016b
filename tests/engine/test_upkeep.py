"""Keeping a store: budgets, pins, what is in use, leftovers of killed runs, damage."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from toys import ToyScan, ToyTop, images, model

from clq.engine import files
from clq.engine.claims import claimed
from clq.engine.leases import lease, needs, running
from clq.engine.operator import Operator
from clq.engine.resources import Resources
from clq.engine.reuse import ids_of, remember
from clq.engine.run import optimize, run
from clq.engine.store import Store
from clq.engine.upkeep import items, pin, pinned, sweep, unpin, verify
from clq.lang.diagnostic import Diagnostic


@pytest.fixture
def filled(tmp_path: Path) -> tuple[Store, list[Operator]]:
    """Four artifacts, the first the least recently used."""
    store = Store(tmp_path)
    made: list[Operator] = [ToyScan(model(), images(20), layer) for layer in range(3)]
    made.append(ToyTop(made[0], 4))
    run(optimize(made, store), store, Resources(workers=1))
    for age, operator in enumerate(reversed(made), 1):
        os.utime(store.folder(operator.key) / "artifact.json", (time.time() - 100 * age,) * 2)
    return Store(tmp_path), made


def test_what_is_there(filled: tuple[Store, list[Operator]]) -> None:
    store, made = filled
    found = items(store)
    assert [i.key for i in found] == [o.key for o in made]
    assert all(i.bytes > 0 and i.rows > 0 and not i.pinned for i in found)


def test_the_least_recently_used_goes_first(filled: tuple[Store, list[Operator]]) -> None:
    store, made = filled
    sizes = {i.key: i.bytes for i in items(store)}
    budget = sum(sizes.values()) - 1
    done = sweep(store, budget, pretend=True)
    assert [i.key for i in done.removed] == [made[0].key] and len(items(store)) == 4
    done = sweep(store, budget)
    assert done.bytes == sizes[made[0].key] and [i.key for i in items(store)] == [o.key for o in made[1:]]
    assert Store(store.root).find(made[0]) is None
    assert len(sweep(store, 0).removed) == 3 and items(store) == []


def test_use_makes_young(filled: tuple[Store, list[Operator]]) -> None:
    store, made = filled
    assert Store(store.root).find(made[0]) is not None
    assert items(store)[-1].key == made[0].key


def test_pins_hold(filled: tuple[Store, list[Operator]]) -> None:
    store, made = filled
    pin(store, "labels", [made[0].key, made[3].key])
    pin(store, "other", [made[3].key])
    assert pinned(store)[made[3].key] == ["labels", "other"]
    done = sweep(store, 0)
    assert {i.key for i in items(store)} == {made[0].key, made[3].key} and done.kept > 0
    assert unpin(store, "labels") and not unpin(store, "labels")
    sweep(store, 0)
    assert [i.key for i in items(store)] == [made[3].key]


def test_what_a_plan_needs_stays(filled: tuple[Store, list[Operator]]) -> None:
    store, made = filled
    with lease(store.root, [made[1].key], "EXPLAIN layer4"):
        (found,) = running(store.root)
        assert (found.process, found.what, found.keys) == (os.getpid(), "EXPLAIN layer4", frozenset({made[1].key}))
        sweep(store, 0)
        assert [i.key for i in items(store)] == [made[1].key]
    assert running(store.root) == []
    sweep(store, 0)
    assert items(store) == []


def test_the_lease_of_a_dead_process_counts_for_nothing(tmp_path: Path) -> None:
    code = (
        "import os, pathlib, sys\nfrom clq.engine.leases import lease\n"
        "with lease(pathlib.Path(sys.argv[1]), ['key'], 'x'):\n    print('held', flush=True)\n    input()"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None and child.stdout.readline() == "held\n"
    assert [r.process for r in running(tmp_path)] == [child.pid]
    child.kill()
    child.wait()
    assert list((tmp_path / "running").glob("*.json")) != [] and running(tmp_path) == []
    assert list((tmp_path / "running").glob("*.json")) == []


def test_a_plan_that_has_begun_is_seen_at_every_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever looks while a lease is being written must neither miss it nor take its file away."""
    points: list[str] = []

    def look(point: str, path: Path) -> None:
        points.append(point)
        assert [r.process for r in running(tmp_path)] == ([os.getpid()] if point == "lease placed" else [])

    monkeypatch.setattr(files, "at_point", look)
    with lease(tmp_path, ["key"], "x"):
        assert points == ["lease locked", "lease placed"]
        assert [r.keys for r in running(tmp_path)] == [frozenset({"key"})]


def test_nothing_goes_while_a_plan_may_need_anything(filled: tuple[Store, list[Operator]]) -> None:
    store, made = filled
    with lease(store.root, [made[1].key], "EXPLAIN layer4"):
        (path,) = (store.root / "running").glob("*.json")
        path.write_text(path.read_text().replace(made[1].key, made[2].key))
        assert [r.keys for r in running(store.root)] == [None]
        assert sweep(store, 0).removed == () and len(items(store)) == 4
    assert len(sweep(store, 0).removed) == 4


def test_what_a_plan_comes_to_need_stays(filled: tuple[Store, list[Operator]]) -> None:
    store, made = filled
    with lease(store.root, [made[1].key], "EXPLAIN layer4"):
        needs(store.root, made[2].key)
        sweep(store, 0)
    assert [i.key for i in items(store)] == [made[1].key, made[2].key]


def test_what_another_process_has_cleared_up_is_not_held(filled: tuple[Store, list[Operator]]) -> None:
    store, made = filled
    assert store.find(made[1]) is not None
    sweep(Store(store.root), 0)
    assert store.find(made[1]) is None


def test_lost_pins_let_nothing_go(filled: tuple[Store, list[Operator]]) -> None:
    store, made = filled
    pin(store, "labels", [made[0].key])
    path = store.root / "pins.json"
    path.write_text(path.read_text().replace("labels", "label_"))
    with pytest.raises(Diagnostic) as caught:
        sweep(store, 0)
    assert caught.value.code == "damaged-artifact" and "clq cache pin" in str(caught.value)
    assert len([*store.root.glob("objects/*/*/artifact.json")]) == 4


def test_looking_at_the_store_is_no_use_of_it(filled: tuple[Store, list[Operator]]) -> None:
    store, _ = filled
    before = [i.used for i in items(store)]
    verify(store)
    assert [i.used for i in items(store)] == before


def test_leftovers_of_killed_runs_go_after_a_day(filled: tuple[Store, list[Operator]]) -> None:
    store, made = filled
    folder = store.folder(made[0].key)
    old, young = folder / ".x.1.2", folder / "00000000-00000005-abc.safetensors"
    for path in (old, young):
        path.write_bytes(b"half")
    os.utime(old, (time.time() - 90_000,) * 2)
    done = sweep(store, None)
    assert (done.leftovers, done.removed) == (1, ()) and young.exists() and not old.exists()
    assert Store(store.root).find(made[0]) is not None


def on_disk(root: Path) -> int:
    """What artifacts and the lists of their rows take, a file with two names once."""
    found = {p.stat().st_ino: p.stat().st_size for folder in ("objects", "rows") for p in (root / folder).rglob("*-*")}
    whole = {p.stat().st_ino: p.stat().st_size for name in ("artifact.json", "made") for p in root.rglob(name)}
    return sum({**found, **whole}.values())


def test_what_is_counted_is_what_is_on_the_disk(filled: tuple[Store, list[Operator]]) -> None:
    """Lists of rows too; a file that two artifacts share once, for the one that stays longer."""
    store, made = filled
    held = store.find(made[1])
    assert held is not None
    remember(store, made[1], ids_of([f"image {i}" for i in range(20)]))
    adopted = ToyTop(made[1], 9)
    store.adopt(adopted, held.files, 20)
    os.utime(store.folder(made[1].key) / "artifact.json", (time.time() - 50,) * 2)
    assert sum(i.bytes for i in items(store)) == on_disk(store.root)
    sizes = {i.key: i.bytes for i in items(store)}
    listed = next(store.root.glob(f"rows/*/{made[1].key}-*"))
    beside = [store.folder(made[1].key) / name for name in ("artifact.json", "made")]
    own = sum(path.stat().st_size for path in beside) + listed.stat().st_size
    assert sizes[made[1].key] == own and sizes[adopted.key] > sum(p.stat().st_size for p in held.files)
    before = on_disk(store.root)
    done = sweep(store, before - 1)
    assert on_disk(store.root) == done.kept == before - done.bytes


def test_lists_of_rows_without_an_artifact_go_after_a_day(filled: tuple[Store, list[Operator]]) -> None:
    store, made = filled
    remember(store, made[0], ids_of(["image"]))
    listed = next(store.root.glob(f"rows/*/{made[0].key}-*"))
    os.utime(listed, (time.time() - 90_000,) * 2)
    assert sweep(store, None).leftovers == 0
    shutil.rmtree(store.folder(made[0].key))
    assert sweep(store, None).leftovers == 1 and not listed.exists()


def test_claims_of_dead_processes_go(filled: tuple[Store, list[Operator]]) -> None:
    store, made = filled
    left = store.root / "claims" / f"{made[0].key}.lock"
    left.parent.mkdir(exist_ok=True)
    left.touch()
    with claimed(store.root, ["alive"]):
        sweep(store, None)
        assert [p.name for p in left.parent.iterdir()] == ["alive.lock"]


def test_damage_is_found_and_set_aside(filled: tuple[Store, list[Operator]]) -> None:
    store, made = filled
    assert verify(store) == []
    shard = next(store.folder(made[2].key).glob("*.safetensors"))
    shard.write_bytes(shard.read_bytes()[:-3])
    assert verify(store) == [made[2].key]
    assert made[2].key not in {i.key for i in items(store)}
