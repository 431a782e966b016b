"""Who is using the store right now: a file for each running plan, locked until its process ends, however it ends.

    STORE/running/<process>-<number>.json    the keys a plan needs; locked as long as it runs
    STORE/running/clearing                   locked by who clears up, shared by who begins a plan

A file comes to its name locked and whole, so that nobody takes it for one that a dead process left.
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
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from .files import reached, sealed, unsealed

_NUMBERS = itertools.count()


@dataclass(frozen=True)
class Running:
    """One plan that some process is carrying out. `keys` is None where they cannot be read: it may need anything."""

    process: int
    began: float
    what: str
    keys: frozenset[str] | None


@dataclass
class Lease:
    """What a running plan of this process keeps from being cleared up."""

    root: Path
    what: str
    keys: set[str] = field(default_factory=set)
    _files: list[tuple[Path, TextIO]] = field(default_factory=list)

    def add(self, keys: Iterable[str]) -> None:
        """Keep these as well. Whoever then finds an artifact of these keys has it until the lease ends."""
        new = set(keys) - self.keys
        self.keys |= new
        made = _written(self.root, self.what, new) if new else None
        if made is not None:
            self._files.append(made)

    def end(self) -> None:
        for path, file in self._files:
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
            file.close()
        self._files.clear()


_held: list[Lease] = []


@contextmanager
def lease(root: Path, keys: Iterable[str], what: str) -> Iterator[None]:
    """Within, the artifacts of these keys are in use: no clean-up of any process takes them away."""
    held = Lease(root, what)
    _held.append(held)
    try:
        held.add(keys)
        yield
    finally:
        _held.remove(held)
        held.end()


def needs(root: Path, key: str) -> None:
    """The plan that runs in this process needs one artifact more than was known at first."""
    for held in reversed(_held):
        if held.root == root:
            held.add([key])
            return


def _written(root: Path, what: str, keys: Iterable[str]) -> tuple[Path, TextIO] | None:
    """The locked file; None in a store that may only be read, where nobody can clear up either."""
    path = root / "running" / f"{os.getpid()}-{next(_NUMBERS)}.json"
    aside = path.with_name(f".{path.name}.new")
    facts: dict[str, Any] = {"process": os.getpid(), "began": time.time(), "what": what, "keys": sorted(keys)}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _clearing(root, fcntl.LOCK_SH):
            file = open(aside, "w+", encoding="utf-8")  # noqa: SIM115 - it stays open as long as the plan runs
            fcntl.flock(file, fcntl.LOCK_EX)
            reached("lease locked", path)
            json.dump(sealed(facts), file)
            file.flush()
            os.replace(aside, path)
            reached("lease placed", path)
    except OSError:
        with contextlib.suppress(OSError):
            aside.unlink(missing_ok=True)
        return None
    return path, file


@contextmanager
def clearing(root: Path) -> Iterator[None]:
    """Within, no plan begins: what `running` does not name is needed by nobody. Raises OSError."""
    (root / "running").mkdir(parents=True, exist_ok=True)
    with _clearing(root, fcntl.LOCK_EX):
        yield


@contextmanager
def _clearing(root: Path, kind: int) -> Iterator[None]:
    with open(root / "running" / "clearing", "a", encoding="utf-8") as file:
        fcntl.flock(file, kind)
        yield


def running(root: Path) -> list[Running]:
    """The plans that are being carried out; files that dead processes left are removed."""
    out = []
    for path in sorted((root / "running").glob("*.json")):
        with contextlib.suppress(FileNotFoundError):
            found = _read(path)
            if found is not None:
                out.append(found)
    return out


def _read(path: Path) -> Running | None:
    try:
        file = open(path, encoding="utf-8")  # noqa: SIM115 - closed below
    except PermissionError:  # another user's: locked or not cannot be told
        return Running(_process(path), path.stat().st_mtime, "unknown, of another user", None)
    with file:
        if _is_free(file):
            with contextlib.suppress(PermissionError):
                path.unlink(missing_ok=True)
            return None
        try:
            found = unsealed(file.read().encode())
            return Running(found["process"], found["began"], found["what"], frozenset(found["keys"]))
        except (ValueError, KeyError, TypeError):  # damaged
            return Running(_process(path), path.stat().st_mtime, "unknown, its file is damaged", None)


def _process(path: Path) -> int:
    number = path.name.partition("-")[0]
    return int(number) if number.isdigit() else 0


def _is_free(file: Any) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return False
    fcntl.flock(file, fcntl.LOCK_UN)
    return True
