"""The toys can be imported by name, here and in the processes that tests start."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from clq.engine.resources import Resources
from clq.engine.store import Store

if TYPE_CHECKING:
    from forkserver import ForkServer

HERE = Path(__file__).parent
for folder in (HERE.parent, HERE):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def resources() -> Resources:
    """Small batches and shards, so that a few images make several of each."""
    return Resources(batch=3, workers=1, shard=6)


def environment(**more: str) -> dict[str, str]:
    path = os.pathsep.join([str(HERE), *filter(None, [os.environ.get("PYTHONPATH")])])
    return {**os.environ, "PYTHONPATH": path, **more}


@pytest.fixture(scope="module")
def forks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ForkServer]:
    from forkserver import forkserver

    with forkserver(tmp_path_factory.mktemp("forks"), "crashes", below="engine") as server:
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
def crash_store(base: Path, place: Path) -> Path:
    from crashes import copied

    return copied(base, place / "store")


@pytest.fixture
def start() -> Callable[..., subprocess.Popen[str]]:
    """Start Python code in another process, with clq and the toys at hand."""

    def begin(code: str, *args: str, **env: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", code, *args], env=environment(**env), text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    return begin
