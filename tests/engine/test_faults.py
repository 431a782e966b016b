"""A run that is killed at any point goes on: same tables, and never more than the shard in hand is read again."""

from __future__ import annotations

import ast
import random
import time
from pathlib import Path

import pytest
from crashes import CROPS, IMAGES, POINTS, SHARD, copied, finished
from forkserver import ForkServer
from toys import lines

from clq.engine import files

REPOSITORY = Path(__file__).parents[2]


def test_an_undisturbed_run(forks: ForkServer, crash_store: Path, place: Path) -> None:
    finished(forks, crash_store, place / "log")
    assert len(lines(place / "log")) == IMAGES + CROPS


@pytest.mark.parametrize(("point", "name", "pattern"), POINTS, ids=lambda v: v.replace(" ", "-"))
def test_a_run_that_is_killed_at_a_named_point_goes_on(
    forks: ForkServer, crash_store: Path, place: Path, point: str, name: str, pattern: str
) -> None:
    log = place / "log"
    killed = forks.run("crashes:session", str(crash_store), str(log), point, pattern, "kill")
    assert killed.code == -9, f"this point was not reached\n{killed.err}{killed.out}"
    finished(forks, crash_store, log)
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
