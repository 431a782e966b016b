"""Keeping a store: what is in it, whether it is sound, and what can go when it grows too large."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..lang.diagnostic import Diagnostic
from .claims import clear
from .files import is_damage, reached, sealed, unreadable, unsealed, unwritable, write_aside
from .leases import clearing, running
from .store import Store


@dataclass(frozen=True)
class Item:
    """One artifact: what made it, its size, when it was made and last used (seconds since 1970), who pins it.

    What a killed run left of one has no operator and no rows. `bytes` are those of its folder and of the lists of its
    rows; a file that several artifacts have (a second name, no copy) counts for the one that was used last.
    """

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

    @property
    def whole(self) -> bool:
        return bool(self.operator)


def items(store: Store) -> list[Item]:
    """Every whole artifact, the least recently used first."""
    return [item for item in _everything(store) if item.whole]


def unfinished(store: Store) -> list[Item]:
    """What killed runs have left of artifacts, and what damage has left, the least recently used first."""
    return [item for item in _everything(store) if not item.whole]


def _everything(store: Store) -> list[Item]:
    pins = pinned(store)
    sizes: dict[str, dict[int, int]] = {}  # by key: the files by inode, so that none counts twice
    found = []
    for folder in store.root.glob("objects/*/*"):
        with contextlib.suppress(OSError):
            stats = [p.stat() for p in folder.iterdir()]
            if stats:
                sizes[folder.name] = {s.st_ino: s.st_size for s in stats}
                last = max(s.st_mtime for s in stats)
                found.append(_item(folder, last, tuple(pins.get(folder.name, ()))))
    for path in store.root.glob("rows/*/*-*"):
        with contextlib.suppress(OSError):
            stat = path.stat()
            sizes.get(path.name.partition("-")[0], {})[stat.st_ino] = stat.st_size
    found.sort(key=lambda i: (i.used, i.key))
    counted: set[int] = set()
    for number in range(len(found) - 1, -1, -1):
        files = sizes[found[number].key]
        found[number] = replace(found[number], bytes=sum(s for inode, s in files.items() if inode not in counted))
        counted |= set(files)
    return found


def _item(folder: Path, last: float, pins: tuple[str, ...]) -> Item:
    """What is in a folder, its size left out; `last` is when a file in it was changed last."""
    path = folder / "artifact.json"
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
        found = unsealed(path.read_bytes())
        return Item(
            folder.name, found["op"], found["label"], int(found["rows"]), 0, float(found["seconds"]),
            float(found["made"]), path.stat().st_mtime, pins,
        )  # fmt: skip
    return Item(folder.name, "", "unfinished", 0, 0, 0.0, last, last, pins)


def verify(store: Store) -> list[str]:
    """Read every artifact whole; the keys of those that are damaged, which are set aside to be made again."""
    fresh = Store(store.root)
    fresh.telling = store.telling
    return [item.key for item in items(store) if fresh.held(item.key, use=False) is None]


@dataclass(frozen=True)
class Swept:
    """What a clean-up took away, and what it had to leave."""

    removed: tuple[Item, ...]
    leftovers: int
    bytes: int
    kept: int


def sweep(store: Store, budget: int | None, pretend: bool = False) -> Swept:
    """Remove what nobody needs: files of killed runs, then the least recently used artifacts until `budget` bytes hold.

    Never removed: what a running plan of any process needs, what is pinned, and what a shared store has nowhere else.
    With `pretend` nothing is removed.
    Raises Diagnostic where it cannot be told what is pinned, or nothing can be removed.
    """
    try:
        with clearing(store.root):
            done = _sweep(store, budget, pretend)
    except OSError as error:
        raise unwritable(store.root, error) from error
    if not pretend:
        store.telling.swept(len(done.removed), done.leftovers, done.bytes, done.kept)
    return done


def _sweep(store: Store, budget: int | None, pretend: bool) -> Swept:
    plans = running(store.root)
    busy = {key for plan in plans for key in plan.keys or ()} | store.owed()
    everything_busy = any(plan.keys is None for plan in plans)
    left = [] if everything_busy else list(_leftovers(store, busy))
    gone = {path for path, _ in left}
    freed = sum(size for _, size in left)
    every = [i for i in _everything(store) if i.whole or not _all_gone(store.folder(i.key), gone)]
    total = sum(i.bytes for i in every)
    removed = []
    for item in every:
        if budget is None or total <= budget or everything_busy:
            break
        if item.pinned or item.key in busy:
            continue
        removed.append(item)
        total -= item.bytes
    if not pretend:
        for path, _ in left:
            path.unlink(missing_ok=True)
        clear(store.root)
        for item in removed:
            _remove(store, item.key)
    return Swept(tuple(removed), len(left), freed + sum(i.bytes for i in removed), total)


def _all_gone(folder: Path, gone: set[Path]) -> bool:
    return gone.issuperset(folder.iterdir())


def _leftovers(store: Store, busy: set[str]) -> Iterator[tuple[Path, int]]:
    """Files that no artifact names: of killed runs that nobody took up for a day, and damaged ones."""
    now = _now(store)

    def old(path: Path, named: Iterable[str] = ()) -> Iterator[tuple[Path, int]]:
        stat = path.stat()
        if path.name not in named and now - stat.st_mtime > 86_400:
            yield path, stat.st_size

    for folder in store.root.glob("objects/*/*"):
        if folder.name in busy:
            continue
        named: set[str] = set()
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            named = {"artifact.json", *unsealed((folder / "artifact.json").read_bytes())["files"]}
        for path in folder.iterdir():
            yield from old(path, named)
    for pattern in (".*.json.*", "running/.*", "rows/*/.*", "spilled/*/*"):
        for path in store.root.glob(pattern):
            yield from old(path)
    for path in store.root.glob("rows/*/[!.]*-*"):
        key = path.name.partition("-")[0]
        if key not in busy and not store.folder(key).exists():
            yield from old(path)


def _now(store: Store) -> float:
    """The time of the store's own file system, whose clock may not be this machine's."""
    probe = store.root / f".now-{os.getpid()}"
    probe.touch()
    try:
        return probe.stat().st_mtime
    finally:
        probe.unlink(missing_ok=True)


def _remove(store: Store, key: str) -> None:
    """The manifest first: an artifact that is half gone is one that does not exist."""
    folder = store.folder(key)
    with contextlib.suppress(FileNotFoundError):
        (folder / "artifact.json").unlink()
    reached("artifact dropped", folder)
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(folder)
    for identities in store.root.glob(f"rows/*/{key}-*"):
        identities.unlink(missing_ok=True)
    reached("artifact removed", folder)


# ------------------------------------------------------------------ pins


def pinned(store: Store) -> dict[str, list[str]]:
    """Key -> the names of the tables that pin it. Raises Diagnostic if that is not known any more."""
    out: dict[str, list[str]] = {}
    for name, keys in _pins(store).items():
        for key in keys:
            out.setdefault(key, []).append(name)
    return out


def pin(store: Store, name: str, keys: Iterable[str]) -> None:
    """Keep the artifacts behind a table, however long they are not used."""
    _write_pins(store, {**_pins(store), name: sorted(set(keys))})


def unpin(store: Store, name: str) -> bool:
    """Whether the table was pinned; now it is not."""
    pins = _pins(store)
    found = pins.pop(name, None) is not None
    if found:
        _write_pins(store, pins)
    return found


def _write_pins(store: Store, pins: dict[str, list[str]]) -> None:
    write_aside(store.root / "pins.json", json.dumps(sealed({"pins": pins})).encode())


def _pins(store: Store) -> dict[str, list[str]]:
    path = store.root / "pins.json"
    try:
        found: Any = unsealed(path.read_bytes())["pins"]
        return {str(k): [str(x) for x in v] for k, v in found.items()}
    except FileNotFoundError:
        return {}
    except OSError as error:
        if not is_damage(error):
            raise unreadable(path, error) from error
        raise _lost_pins(path) from error
    except (ValueError, AttributeError, TypeError, KeyError) as error:
        raise _lost_pins(path) from error


def _lost_pins(path: Path) -> Diagnostic:
    return Diagnostic(
        "damaged-artifact", f"{path}, which says what tables pin, is damaged: nothing is cleared up until it is mended",
        hint="remove the file and give clq cache pin TABLE again for each table", exit_code=1,
    )  # fmt: skip
