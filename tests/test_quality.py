"""The whole package under ruff and mypy --strict, one verdict for each folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
FOLDERS = ("lang", "engine", "ops", "stdlib", "ui", "src")


def said_by(*command: str, **env: str) -> str:
    """What a tool found; nothing if it is content."""
    done = subprocess.run(
        [sys.executable, "-m", *command], capture_output=True, text=True, cwd=REPOSITORY, env={**os.environ, **env}
    )  # fmt: skip
    assert done.returncode in {0, 1}, done.stdout + done.stderr
    return done.stdout if done.returncode else ""


@pytest.mark.parametrize("folder", [f for f in (*FOLDERS, "tests", "bench", "docs") if (REPOSITORY / f).exists()])
def test_ruff_has_nothing_to_say_about(folder: str) -> None:
    found = said_by("ruff", "check", "--output-format", "concise", "--no-cache", folder)
    assert not found, found


@pytest.fixture(scope="module")
def typing_errors() -> list[str]:
    """mypy sees the folders as the package clq through links; its cache is kept, so only the first time is slow."""
    cache = REPOSITORY / ".mypy_cache"
    package = cache / "package" / "clq"
    package.mkdir(parents=True, exist_ok=True)
    wanted = {f: REPOSITORY / f for f in FOLDERS if f != "src"}
    wanted |= {p.name: p for p in (REPOSITORY / "src" / "clq").iterdir() if p.name != "__pycache__"}
    for link in package.iterdir():
        if link.name not in wanted:
            link.unlink()
    for name, target in wanted.items():
        if not (package / name).exists():
            (package / name).unlink(missing_ok=True)
            (package / name).symlink_to(target)
    out = said_by(
        "mypy", "--config-file", "pyproject.toml", "--cache-dir", str(cache), "--no-pretty", "--no-error-summary",
        "-p", "clq", MYPYPATH=str(package.parent),
    )  # fmt: skip
    prefix = f"{package.relative_to(REPOSITORY)}/"
    return [line.removeprefix(str(package) + "/").removeprefix(prefix) for line in out.splitlines() if line.strip()]


@pytest.mark.parametrize("folder", FOLDERS)
def test_types_are_sound_in(folder: str, typing_errors: list[str]) -> None:
    own = [e for e in typing_errors if place_of(e) == folder]
    assert own == [], "\n".join(own)


def place_of(error: str) -> str:
    first = error.split("/", 1)[0]
    return first if first in FOLDERS else "src"
