"""A run that is killed at any point goes on: same tables, and never more than the shard in hand is read again."""

from __future__ import annotations

import ast
import os
import random
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from crashes import IMAGES, SHARD, copied
from forkserver import ForkServer, forkserver
from toys import lines

from clq.engine import files

REPOSITORY = Path(__file__).parents[2]
FILES = {
    "shard": "objects/*.safetensors", "table": "objects/*.parquet", "manifest": "objects/*/artifact.json",
    "identities": "rows/*", "rates": "rates.json", "fingerprints": "fingerprints.json", "pins": "pins.json",
}  # fmt: skip
WRITES = ("file begun", "file written", "file synced", "file placed")
POINTS = [(point, name, pattern) for name, pattern in FILES.items() for point in WRITES]
POINTS += [(point, "", "*") for point in files.POINTS if point not in WRITES]
CROPS = 4


@pytest.fixture(scope="module")
def forks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ForkServer]:
    with forkserver(tmp_path_factory.mktemp("forks"), "crashes") as server:
        yield server


@pytest.fixture(scope="module")
def memory() -> Iterator[Path]:
    """A folder in memory where there is one: a kill loses nothing that was written, synced or not."""
    quick = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=quick if os.access(quick, os.W_OK) else None) as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def base(forks: ForkServer, memory: Path) -> Path:
    """A store in which every kind of write will have something to do."""
    folder = memory / "base"
    made = forks.run("crashes:prepare", str(folder))
    assert made.code == 0, made.err
    return folder


@pytest.fixture
def place(memory: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        yield Path(folder)


@pytest.fixture
def store(base: Path, place: Path) -> Path:
    return copied(base, place / "store")


def finished(forks: ForkServer, store: Path, log: Path) -> None:
    """The run is begun again; nothing is missing afterwards."""
    done = forks.run("crashes:finish", str(store), str(log))
    assert done.out == "[]\n", done.err


def test_an_undisturbed_run(forks: ForkServer, store: Path, place: Path) -> None:
    finished(forks, store, place / "log")
    assert len(lines(place / "log")) == IMAGES + CROPS


@pytest.mark.parametrize(("point", "name", "pattern"), POINTS, ids=lambda v: v.replace(" ", "-"))
def test_a_run_that_is_killed_at_a_named_point_goes_on(
    forks: ForkServer, store: Path, place: Path, point: str, name: str, pattern: str
) -> None:
    log = place / "log"
    killed = forks.run("crashes:session", str(store), str(log), point, pattern, "kill")
    assert killed.code == -9, f"this point was not reached\n{killed.err}{killed.out}"
    finished(forks, store, log)
    assert len(lines(log)) <= IMAGES + CROPS + SHARD


def test_a_run_that_is_killed_at_random_moments_goes_on(forks: ForkServer, base: Path, place: Path) -> None:
    chance = random.Random(5)
    began = time.perf_counter()
    finished(forks, copied(base, place / "undisturbed"), place / "undisturbed.log")
    whole = time.perf_counter() - began
    for trial in range(20):
        store, log = copied(base, place / str(trial)), place / f"log{trial}"
        killed = forks.run("crashes:session", str(store), str(log), kill_after=chance.uniform(0, whole))
        assert killed.code in {-9, 0}, killed.err
        finished(forks, store, log)
        assert len(lines(log)) <= IMAGES + CROPS + SHARD, killed.phase


def test_every_point_is_named_once_and_tested() -> None:
    found: list[str] = []
    for path in (REPOSITORY / "engine").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "reached":
                assert isinstance(node.args[0], ast.Constant), f"{path}: a point has a literal name"
                found.append(str(node.args[0].value))
    assert sorted(found) == sorted(files.POINTS)
    assert {point for point, _, _ in POINTS} == set(files.POINTS)
