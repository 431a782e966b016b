"""Every kind of file in a store, with a bit flipped or cut short: the same answers, or what is wrong and what to do."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
from forkserver import Ended, ForkServer, forkserver

QUERY = (
    "EXPLAIN layer1 OF labnet ON lab.probe[0:{}] USING clip_dissect(top_k={}, top=1, floor=null) WITH ['boat', 'car']"
)
FIRST = f"{QUERY.format(24, 6)} INTO named; CREATE TABLE mine AS SELECT range AS x FROM range(3000)"
# The same again, from activations, and from the catalogue; where it matters, from rows of a part of the images as well.
SECOND = (
    f"{QUERY.format(24, 6)} INTO named; {QUERY.format(24, 5)}; "
    "SELECT count(*) AS n, sum(x) AS s FROM mine; SELECT unit, concept, score FROM named ORDER BY unit"
)
MORE = f"{SECOND}; {QUERY.format(26, 6)}"
NEED_MORE = {"activations", "other shards", "manifest", "identities"}
KINDS = {
    "activations": "objects/*/00000000-00000024-*.safetensors", "other shards": "objects/*/*-00000002-*.safetensors",
    "answer": "objects/*/00000-*.parquet", "manifest": "objects/*/artifact.json", "identities": "rows/*/*.safetensors",
    "notes": "*s.json", "layout": "layout.json", "lease": "running/*.json", "catalogue": "clq.duckdb",
    "backup": "tables/*.parquet", "digest of a backup": "tables/*.digest",
}  # fmt: skip
REBUILD = {"error[damaged-artifact]:", "clq", "cache", "rebuild", "makes", "it", "again"}
DAMAGES = ("first bit", "middle bit", "last bit", "half", "empty")

HOLDS = """
import sys
from pathlib import Path
from clq.engine.leases import lease
with lease(Path(sys.argv[1]), ["0" * 64], "another query"):
    print("held", flush=True)
    sys.stdin.read()
"""
DIES = """
import duckdb, os, sys
con = duckdb.connect(sys.argv[1])
con.execute("SET wal_autocheckpoint = '1TB'")
con.execute("INSERT INTO mine FROM range(3000, 6000)")
os._exit(0)
"""


@pytest.fixture(scope="module")
def forks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ForkServer]:
    with forkserver(tmp_path_factory.mktemp("forks"), "commands_in_forks", below="ui") as server:
        yield server


def clq(forks: ForkServer, *args: str) -> Ended:
    done = forks.run("commands_in_forks:clq", *args)
    assert "Traceback" not in done.err, done.err
    return done


@pytest.fixture(scope="module")
def base(forks: ForkServer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with every kind of file."""
    store = tmp_path_factory.mktemp("damage") / "store"
    assert clq(forks, "-c", FIRST, "--store", str(store)).code == 0
    assert clq(forks, "cache", "pin", "named", "--store", str(store)).code == 0
    return store


@pytest.fixture(scope="module")
def told(forks: ForkServer, base: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the longer script prints where nothing is damaged: the shorter one's answers come first."""
    return answers(asked(forks, shutil.copytree(base, tmp_path_factory.mktemp("sound") / "store"), MORE))


def asked(forks: ForkServer, store: Path, script: str = SECOND) -> Ended:
    return clq(forks, "-c", script, "--format", "json", "--store", str(store))


def answers(done: Ended) -> str:
    assert done.code == 0, done.err
    # How many images share a forward moves the last digits.
    results = [json.loads(line, parse_float=lambda f: round(float(f), 3)) for line in done.out.splitlines()]
    return "\n".join(json.dumps(result["rows"]) for result in results)


def shorter(told: str) -> str:
    return told.rpartition("\n")[0]


def damage(path: Path, how: str) -> None:
    held = bytearray(path.read_bytes())
    if how in {"half", "empty"}:
        held = held[: len(held) // 2] if how == "half" else held[:0]
    elif held:
        held[{"first bit": 0, "middle bit": len(held) // 2, "last bit": -1}[how]] ^= 4
    path.write_bytes(held)


def damaged(store: Path, kind: str, how: str) -> None:
    found = [p for p in sorted(store.rglob("*")) if fnmatch(p.relative_to(store).as_posix(), KINDS[kind])]
    assert found, "the store has no such file"
    for path in found:
        damage(path, how)


CASES = [(kind, how) for kind in KINDS for how in (DAMAGES if kind == "catalogue" else ("middle bit", "half"))]


@pytest.mark.parametrize(("kind", "how"), CASES, ids=lambda v: v.replace(" ", "-"))
def test_damage_is_made_good_or_told(
    forks: ForkServer, base: Path, told: str, tmp_path: Path, kind: str, how: str
) -> None:
    store = shutil.copytree(base, tmp_path / "store")
    other = None
    if kind == "lease":
        other = subprocess.Popen(
            [sys.executable, "-c", HOLDS, str(store)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert other.stdout is not None and other.stdout.readline() == "held\n"
    try:
        damaged(store, kind, how)
        script = MORE if kind in NEED_MORE else SECOND
        done = asked(forks, store, script)
        if done.code:
            assert kind == "catalogue", done.err
            assert {*done.err.split()} >= REBUILD, done.err
            assert clq(forks, "cache", "rebuild", "--store", str(store)).code == 0
            done = asked(forks, store, script)
        assert answers(done) == (told if kind in NEED_MORE else shorter(told))
    finally:
        if other is not None:
            other.communicate()


@pytest.mark.parametrize("how", ["middle bit", "last bit", "half"])
def test_a_damaged_log_of_a_writer_that_died(
    forks: ForkServer, base: Path, told: str, tmp_path: Path, how: str
) -> None:
    """The rows in it are there, or not, as DuckDB has it; nothing else changes, and the log is never thrown away."""
    store = shutil.copytree(base, tmp_path / "store")
    subprocess.run([sys.executable, "-c", DIES, str(store / "clq.duckdb")], check=True)
    log = store / "clq.duckdb.wal"
    damage(log, how)
    told = shorter(told)
    held, with_log = log.read_bytes(), told.replace('"n": 3000, "s": 4498500', '"n": 6000, "s": 17997000')
    assert with_log != told
    done = asked(forks, store)
    if done.code:
        assert {*done.err.split()} >= REBUILD, done.err
        assert clq(forks, "cache", "rebuild", "--store", str(store)).code == 0
        assert [p.read_bytes() for p in store.glob("clq.duckdb.old-*.wal")] == [held]
        done = asked(forks, store)
    assert answers(done) in {told, with_log}


@pytest.mark.parametrize("how", ["middle bit", "half"])
def test_looking_after_a_damaged_store(forks: ForkServer, base: Path, tmp_path: Path, how: str) -> None:
    """No command of `clq cache` breaks on it, or takes what is sound."""
    store = shutil.copytree(base, tmp_path / "store")
    for path in store.rglob("*"):
        if path.is_file() and path.stat().st_size:
            damage(path, how)
    for command in (["ls"], ["du"], ["verify"], ["gc", "--budget", "0"], ["pin", "named"], ["unpin", "named"]):
        done = clq(forks, "cache", *command, "--store", str(store))
        assert done.code in {0, 1}, done.err
        assert not done.code or "clq help" in done.err or "set aside" in done.err, done.err
    done = clq(forks, "cache", "rebuild", "--store", str(store))
    assert done.code == 1 and "set aside" in done.err, done.err
