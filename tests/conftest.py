"""What all tests share: one quiet thread, one width of tables, no store outside a test's folder, `--accept`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["COLUMNS"] = "110"  # of what is printed where no terminal is: pytest-xdist says 80 to its workers

REPOSITORY = Path(__file__).parents[1]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--accept", action="store_true", help="rewrite golden files with what was found")


@pytest.fixture
def accept(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--accept"))


@pytest.fixture(autouse=True)
def no_stray_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that names no store leaves none behind."""
    monkeypatch.setenv("CLQ_STORE", str(tmp_path / "default-store"))


@pytest.fixture(scope="session")
def shared_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One store for the shipped queries and the examples of the docs: what one has computed, the others need not."""
    return tmp_path_factory.mktemp("shared") / "store"
