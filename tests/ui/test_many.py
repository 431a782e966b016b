"""Several processes on one store at once, and other programs that hold its database."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
from forkserver import ForkServer, forkserver

CLIENT = """
import duckdb, sys
con = duckdb.connect(sys.argv[1], read_only=sys.argv[2] == "reads")
print(con.execute("SELECT count(*) FROM duckdb_tables()").fetchall(), flush=True)
sys.stdin.read()
"""
QUERY = (
    "EXPLAIN {} OF labnet ON lab.probe[0:{}] USING clip_dissect(top_k=5, top=1, floor=null) WITH ['boat', 'car'] "
    "INTO {}"
)
PARTS = {
    "a": QUERY.format("layer1", 80, "a"), "b": QUERY.format("layer2", 80, "b"), "c": QUERY.format("layer1", 120, "c"),
    "d": QUERY.format("layer3", 40, "d"),
}  # fmt: skip
# Eight scripts, each of which shares work with others, and some a table.
SCRIPTS = ["ab", "bc", "cd", "da", "abcd", "a", "dcba", "bd"]


@pytest.fixture(scope="module")
def forks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ForkServer]:
    with forkserver(tmp_path_factory.mktemp("forks"), "commands_in_forks", below="ui") as server:
        yield server


def clq(forks: ForkServer, *args: str) -> Any:
    done = forks.run("commands_in_forks:clq", *args)
    assert done.code == 0, done.err
    return json.loads(done.out.replace("}\n{", "},{")) if done.out.startswith("[") else done.out


def tables(forks: ForkServer, store: Path) -> list[list[dict[str, Any]]]:
    return [
        clq(forks, "sql", f"FROM {name} ORDER BY unit", "--format", "json", "--store", str(store)) for name in PARTS
    ]


def test_eight_processes_with_overlapping_scripts_finish_and_agree(forks: ForkServer, tmp_path: Path) -> None:
    alone, store = tmp_path / "alone", tmp_path / "store"
    clq(forks, "-c", ";".join(PARTS.values()), "--store", str(alone))
    texts = [";".join(PARTS[name] for name in script) for script in SCRIPTS]
    started = [forks.start("commands_in_forks:clq", "-c", text, "--store", str(store)) for text in texts]
    for process in started:
        done = forks.wait(process)
        assert done.code == 0 and "Traceback" not in done.err, done.err
    found = tables(forks, store)
    assert all(found)
    for one, other in zip(found, tables(forks, alone), strict=True):
        assert [(r["unit"], r["concept"]) for r in one] == [(r["unit"], r["concept"]) for r in other]
        assert [r["score"] for r in one] == pytest.approx([r["score"] for r in other], abs=1e-4)
    assert "artifacts are sound" in clq(forks, "cache", "verify", "--store", str(store))
    assert not any(store.glob("clq.duckdb.new-*")) and not any(store.glob("tables/.*"))
    assert not any(store.glob("running/*.json"))


@pytest.mark.parametrize("holds", ["reads", "writes"])
def test_another_program_holds_the_database(forks: ForkServer, tmp_path: Path, holds: str) -> None:
    """An idle reader disturbs nobody; beside a writer the answer is computed, and where it belongs is told."""
    store = tmp_path / "store"
    clq(forks, "-c", PARTS["a"], "--store", str(store))
    other = subprocess.Popen(
        [sys.executable, "-c", CLIENT, str(store / "clq.duckdb"), holds],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert other.stdout is not None and other.stdout.readline().startswith("[(")
        done = forks.run("commands_in_forks:clq", "-c", PARTS["d"], "--store", str(store))
    finally:
        other.communicate()
    if holds == "reads":
        assert done.code == 0, done.err
    else:
        assert done.code == 1 and "error[store-busy]" in done.err and "close it there" in done.err, done.err
        clq(forks, "-c", PARTS["d"], "--store", str(store))
    assert clq(forks, "sql", "SELECT count(*) AS n FROM d", "--format", "json", "--store", str(store))[0]["n"] > 0
