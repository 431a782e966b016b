"""A small run through everything that writes to a store, and ways to disturb it at each named point."""

from __future__ import annotations

import fnmatch
import json
import os
import shutil
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import duckdb
import forkserver
import networkx  # noqa: F401 - this and the like are here so that no fork imports them
import numpy  # noqa: F401
import pandas  # noqa: F401
import pyarrow.parquet as pq
import safetensors.numpy  # noqa: F401
from forkserver import ForkServer
from toys import OpenImages, ToyCrops, ToyImages, ToyJoin, ToyScan, ToyTop, expected, model, rows

from clq.engine import files
from clq.engine.backup import kept
from clq.engine.catalogue import Catalogue
from clq.engine.files import digest_of
from clq.engine.fingerprint import Fingerprints
from clq.engine.leases import lease, running
from clq.engine.operator import Source
from clq.engine.plan import graph_of, ordered
from clq.engine.resources import Resources
from clq.engine.run import optimize, run
from clq.engine.store import Store
from clq.engine.upkeep import items, pin, pinned, sweep, unfinished
from clq.lang.diagnostic import Diagnostic

IMAGES, SHARD = 24, 6
SAVED = "gone.parquet"
CROPS = 4
FILES = {
    "shard": "objects/*.safetensors", "table": "objects/*.parquet", "manifest": "objects/*/artifact.json",
    "identities": "rows/*", "rates": "rates.json", "fingerprints": "fingerprints.json", "pins": "pins.json",
}  # fmt: skip
WRITES = ("file begun", "file written", "file synced", "file placed")
POINTS = [(point, name, pattern) for name, pattern in FILES.items() for point in WRITES]
POINTS += [(point, "", "*") for point in files.POINTS if point not in WRITES]


@dataclass(frozen=True)
class Numbered(ToyImages):
    """Images that can tell what each is, so that their rows are found again."""

    def open(self, device: str) -> OpenImages:
        return OpenImages(self)

    def identities(self) -> list[str]:
        return [f"image {i}" for i in range(self.count)]


class Kept(ToyScan):
    rowwise: ClassVar[bool] = True


def images(log: Path | None, count: int = IMAGES) -> Source:
    spec = Numbered(count, log=None if log is None else str(log))
    return Source("dataset", f"numbered {count}", "numbered", spec, spec.identities)


def plan(log: Path | None = None) -> ToyJoin:
    """Two scans in one round, crops of the best in a second, and a table of all. Its forwards take their time."""
    data = images(log)
    first, second = Kept(model(3, pause=0.002), data), ToyScan(model(5, pause=0.002), data, 1)
    return ToyJoin((first, second, ToyCrops(model(3), data, ToyTop(first, 4))))


def computed(root: Path, operator: ToyJoin) -> Store:
    store = Store(root)
    with lease(root, [o.key for o in ordered(graph_of([operator]))], "toys"):
        run(optimize([operator], store), store, Resources(batch=2, workers=1, shard=SHARD))
    return store


def prepare(folder: str) -> int:
    """A store in which every kind of write will have something to do: an artifact that is damaged, one that nobody has
    used for long, tables of the user's, and the log of a DuckDB client that died."""
    root = Path(folder)
    store = computed(root, ToyJoin((ToyScan(model(5), images(None), 1),)))
    computed(root, ToyJoin((ToyScan(model(7), images(None)),)))
    shard = next(store.folder(ToyScan(model(5), images(None), 1).key).glob("00000006-*"))
    shard.write_bytes(shard.read_bytes()[:-1])
    for item in items(store):
        if "toy7" in item.label:
            os.utime(store.folder(item.key) / "artifact.json", (time.time() - 9000,) * 2)
    catalogue = Catalogue(root)
    sql = "CREATE TABLE mine AS SELECT 1 AS x; CREATE TABLE gone AS SELECT 2 AS x"
    catalogue.commit(lambda con: con.execute(sql), ["mine", "gone"])
    catalogue.close()
    con = duckdb.connect(str(catalogue.path))
    con.execute("SET wal_autocheckpoint = '1TB'")
    con.execute("INSERT INTO mine VALUES (2)")
    os._exit(0)


def old(store: Store) -> list[str]:
    return [i.key for i in items(store) if "toy7" in i.label]


def session(folder: str, log: str, point: str = "", pattern: str = "*", disturb: str = "", space: str = "") -> int:
    """The run. At the `point` in the writing of a file like `pattern`, `disturb` happens: once."""
    root, armed = Path(folder), [bool(point)]

    def at_point(name: str, path: Path) -> None:
        place = path.relative_to(root).as_posix()
        forkserver.phase(f"{name} {kind_of(place)}")
        if place.startswith("objects/"):
            forkserver.begun()
        if armed[0] and name == point and fnmatch.fnmatch(place, pattern):
            armed[0] = False
            DISTURBANCES[disturb](Path(space or folder))

    files.at_point = at_point
    try:
        _session(root, Path(log))
    except Diagnostic as problem:
        print(problem, flush=True)
        return problem.exit_code
    return 0 if not armed[0] else 9


def _session(root: Path, log: Path) -> None:
    operator = plan(log)
    known = Fingerprints(root / "fingerprints.json")
    known.remember("toys", "here")
    store = computed(root, operator)
    answer = store.find(operator)
    assert answer is not None

    def write(con: duckdb.DuckDBPyConnection) -> None:
        con.execute("DROP TABLE IF EXISTS gone")
        con.execute(f"CREATE OR REPLACE TABLE toys AS FROM read_parquet('{answer.files[0]}')")

    catalogue = Catalogue(root)
    try:
        catalogue.commit(write, ["toys", "gone"])
    finally:
        catalogue.close()
    known.save()
    pin(store, "toys", [operator.key])
    total = sum(i.bytes for i in [*items(store), *unfinished(store)])
    sweep(store, total - 1 if old(store) else None)


def finish(folder: str, log: str) -> int:
    """The run, and what is then wrong."""
    return session(folder, log) or problems(folder)


def problems(folder: str) -> int:
    """Print whatever is not as an undisturbed run leaves it."""
    root, operator = Path(folder), plan()
    store = Store(root)
    found = [] if running(root) == [] else ["a lease is left"]
    found += [f"{p.label()} differs" for p in (operator, *operator.parts) if rows(store, p) != expected(p)]
    found += [f"{key} was damaged" for key in store.damaged]
    if pinned(store).get(operator.key) != ["toys"]:
        found.append("the pin is lost")
    if len(old(store)) > 1:
        found.append("nothing was cleared up")
    catalogue = Catalogue(root)
    told = {"toys": sorted(expected(operator)), "mine": [(1,), (2,)]}
    for table, wanted in told.items():
        if sorted(catalogue.connection.execute(f"FROM clq.main.{table}").fetchall()) != wanted:
            found.append(f"table {table} differs")
    catalogue.close()
    tables = {p.name: p for p in kept(root)}
    found += [f"{name} is not as its digest says" for name, p in tables.items() if not sound(p)]
    if SAVED in tables or {"toys.parquet", "mine.parquet"} - set(tables):
        found.append(f"the backup has {sorted(tables)}")
    elif pq.read_table(tables["toys.parquet"]).num_rows != len(expected(operator)):
        found.append("the backup of toys differs")
    stray = [p.name for p in [*root.glob("clq.duckdb.*"), *root.glob("tables/.*")] if p.name != "clq.duckdb.lock"]
    found += [f"{name} is left" for name in stray]
    print(json.dumps(found))
    return int(bool(found))


def sound(path: Path) -> bool:
    digest = path.with_name(path.name + ".digest")
    return digest.exists() and digest.read_text() == digest_of(path.read_bytes())


def kind_of(place: str) -> str:
    """What is being written, for the histogram."""
    kinds = {
        "objects/*/*/artifact.json": "manifest", "objects/*/*/*.safetensors": "shard", "objects/*/*/*.parquet": "table",
        "objects/*": "artifact", "rows/*": "identities", "running/*": "", "clq.duckdb": "", "tables/*": "",
    }  # fmt: skip
    return next((kind for pattern, kind in kinds.items() if fnmatch.fnmatch(place, pattern)), place)


# ------------------------------------------------------------ what can happen


def kill(_space: Path) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def fill(space: Path) -> None:
    """Leave no space on the disk."""
    with open(space / "filler", "ab", buffering=0) as filler:
        for size in (1 << 20, 1 << 12, 1):
            while True:
                try:
                    filler.write(b"\0" * size)
                except OSError:
                    break


def forbid(space: Path) -> None:
    """Take away the permission to make files."""
    for folder in [*(p for p in space.rglob("*") if p.is_dir()), space]:
        folder.chmod(0o555)


def allow(space: Path) -> None:
    space.chmod(0o755)
    for path in space.rglob("*"):
        if path.is_dir():
            path.chmod(0o755)


DISTURBANCES = {"kill": kill, "fill": fill, "forbid": forbid}


# ------------------------------------------------------------ the tests' side


def finished(forks: ForkServer, store: Path, log: Path, user: int | None = None) -> None:
    """The run is begun again; nothing is missing afterwards."""
    done = forks.run("crashes:finish", str(store), str(log), user=user)
    assert done.out == "[]\n", done.out + done.err


def copied(base: Path, to: Path) -> Path:
    shutil.copytree(base, to)
    return to
