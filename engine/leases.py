"""Who is using the store right now: a file for each running plan, locked until its process ends, however it ends.

    STORE/running/<process>-<number>.json    the keys a plan needs; locked as long as it runs
"""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import json
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

_NUMBERS = itertools.count()


@dataclass(frozen=True)
class Running:
    """One plan that some process is carrying out."""

    process: int
    began: float
    what: str
    keys: frozenset[str]


@contextmanager
def lease(root: Path, keys: Iterable[str], what: str) -> Iterator[None]:
    """Within, the artifacts of these keys are in use: no clean-up of any process takes them away."""
    path = root / "running" / f"{os.getpid()}-{next(_NUMBERS)}.json"
    facts: dict[str, Any] = {"process": os.getpid(), "began": time.time(), "what": what, "keys": sorted(keys)}
    file = _written(path, facts)
    try:
        yield
    finally:
        if file is not None:
            path.unlink(missing_ok=True)
            file.close()


def _written(path: Path, facts: dict[str, Any]) -> TextIO | None:
    """The locked file; None in a store that may only be read, where nobody can clear up either."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = open(path, "w+", encoding="utf-8")  # noqa: SIM115 - it stays open as long as the plan runs
        fcntl.flock(file, fcntl.LOCK_EX)
        json.dump(facts, file)
        file.flush()
    except OSError:
        return None
    return file


def running(root: Path) -> list[Running]:
    """The plans that are being carried out; files that dead processes left are removed."""
    out = []
    for path in sorted((root / "running").glob("*.json")):
        with contextlib.suppress(FileNotFoundError), open(path, "r+", encoding="utf-8") as file:
            if _is_free(file):
                path.unlink(missing_ok=True)
                continue
            with contextlib.suppress(ValueError, KeyError, TypeError):  # its owner is writing it at this moment
                found = json.load(file)
                out.append(Running(found["process"], found["began"], found["what"], frozenset(found["keys"])))
    return out


def _is_free(file: Any) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    fcntl.flock(file, fcntl.LOCK_UN)
    return True
