"""The toys can be imported by name, here and in the processes that tests start."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from clq.engine.resources import Resources
from clq.engine.store import Store

HERE = Path(__file__).parent
if str(HERE) not in sys.path:
    sys.path.insert(0, str(HERE))


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


@pytest.fixture
def start() -> Callable[..., subprocess.Popen[str]]:
    """Start Python code in another process, with clq and the toys at hand."""

    def begin(code: str, *args: str, **env: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", code, *args], env=environment(**env), text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    return begin
