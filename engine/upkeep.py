"""Keeping a store: what is in it, whether it is sound, and what can go when it grows too large."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .files import write_aside
from .leases import running
from .store import Store


@dataclass(frozen=True)
class Item:
    """One artifact: what made it, its size, when it was made and last used (seconds since 1970), who pins it."""

    key: str
    operator: str
    label: str
    rows: int
    bytes: int
    seconds: float
    made: float
    used: float
    pins: tuple[str, ...] = ()

    @property
    def pinned(self) -> bool:
        return bool(self.pins)


def items(store: Store) -> list[Item]:
    """Every whole artifact, the least recently used first."""
    pins = pinned(store)
    out = []
    for path in store.root.glob("objects/*/*/artifact.json"):
        with contextlib.suppress(OSError, ValueError, KeyError):
            found = json.loads(path.read_bytes())
            size = sum(int(f["bytes"]) for f in found["files"].values())
            key = path.parent.name
            out.append(
                Item(key, found["op"], found["label"], int(found["rows"]), size, float(found["seconds"]),
                     float(found["made"]), path.stat().st_mtime, tuple(pins.get(key, ())))
            )  # fmt: skip
    return sorted(out, key=lambda i: (i.used, i.key))


def verify(store: Store) -> list[str]:
    """Read every artifact whole; the keys of those that are damaged, which are set aside to be made again."""
    damaged = []
    for item in items(store):
        if Store(store.root).held(item.key) is None:
            damaged.append(item.key)
    return damaged


@dataclass(frozen=True)
class Swept:
    """What a clean-up took away, and what it had to leave."""

    removed: tuple[Item, ...]
    leftovers: int
    bytes: int
    kept: int


def sweep(store: Store, budget: int | None, pretend: bool = False) -> Swept:
    """Remove what nobody needs: files of killed runs, then the least recently used artifacts until `budget` bytes hold.

    Never removed: what a running plan of any process needs, and what is pinned. With `pretend` nothing is removed.
    """
    busy = {key for plan in running(store.root) for key in plan.keys}
    left = list(_leftovers(store, busy))
    freed = sum(size for _, size in left)
    every = items(store)
    total = sum(i.bytes for i in every)
    removed = []
    for item in every:
        if budget is None or total <= budget:
            break
        if item.pinned or item.key in busy:
            continue
        removed.append(item)
        total -= item.bytes
    if not pretend:
        for path, _ in left:
            path.unlink(missing_ok=True)
        for item in removed:
            _remove(store.folder(item.key))
    return Swept(tuple(removed), len(left), freed + sum(i.bytes for i in removed), total)


def _leftovers(store: Store, busy: set[str]) -> Iterator[tuple[Path, int]]:
    """Files that no artifact names: of killed runs that nobody took up for a day, and damaged ones."""
    now = _now(store)
    for folder in store.root.glob("objects/*/*"):
        if folder.name in busy:
            continue
        named: set[str] = set()
        manifest = folder / "artifact.json"
        with contextlib.suppress(OSError, ValueError, KeyError):
            named = {"artifact.json", *json.loads(manifest.read_bytes())["files"]}
        for path in folder.iterdir():
            stat = path.stat()
            if path.name not in named and now - stat.st_mtime > 86_400:
                yield path, stat.st_size


def _now(store: Store) -> float:
    """The time of the store's own file system, whose clock may not be this machine's."""
    probe = store.root / f".now-{os.getpid()}"
    probe.touch()
    try:
        return probe.stat().st_mtime
    finally:
        probe.unlink(missing_ok=True)


def _remove(folder: Path) -> None:
    """The manifest first: an artifact that is half gone is one that does not exist."""
    with contextlib.suppress(FileNotFoundError):
        (folder / "artifact.json").unlink()
    shutil.rmtree(folder, ignore_errors=True)


# ------------------------------------------------------------------ pins


def pinned(store: Store) -> dict[str, list[str]]:
    """Key -> the names of the tables that pin it."""
    out: dict[str, list[str]] = {}
    for name, keys in _pins(store).items():
        for key in keys:
            out.setdefault(key, []).append(name)
    return out


def pin(store: Store, name: str, keys: Iterable[str]) -> None:
    """Keep the artifacts behind a table, however long they are not used."""
    write_aside(store.root / "pins.json", json.dumps({**_pins(store), name: sorted(set(keys))}).encode())


def unpin(store: Store, name: str) -> bool:
    """Whether the table was pinned; now it is not."""
    pins = _pins(store)
    found = pins.pop(name, None) is not None
    if found:
        write_aside(store.root / "pins.json", json.dumps(pins).encode())
    return found


def _pins(store: Store) -> dict[str, list[str]]:
    try:
        found: Any = json.loads((store.root / "pins.json").read_bytes())
        return {str(k): [str(x) for x in v] for k, v in found.items()}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}
