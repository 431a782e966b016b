"""A store that several machines share: a folder here, and behind it a remote that has what others have computed.

    URL/layout.json                       its form, and its name
    URL/objects/…, URL/rows/…             as in a store, put there shard by shard, artifact.json last
    URL/tables/<catalogue>/…              the tables of each machine (engine.shared_tables)

    STORE/remote.json                     the URL, the name that was found there, what this folder is called there
    STORE/uploaded-<name>                 the keys of artifacts that are whole there, a line each
    STORE/uploaded-<name>.tables.json     the tables that are there, and their digests

What is looked for and not here is fetched, checked, and from then on like anything else here. What is made here is put
there by threads while the work goes on (engine.uploads); what could not be is put there after the next run.
"""

from __future__ import annotations

import json
import os
import platform
import re
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from ..lang.diagnostic import Diagnostic
from ..lang.sizes import spoken_size
from .artifact import Artifact
from .claims import claimed
from .files import digest_of, sealed, unsealed, unwritable, write_aside
from .operator import Operator
from .remote import UNREACHABLE, Remote
from .shared_tables import put_tables
from .store import FORMAT, Store, is_whole, span_of
from .uploads import Uploads, place_of

T = TypeVar("T")

NEWEST = 16  # lists of rows that are fetched: no more than engine.reuse looks into
_MOVED = {"got": "fetched", "put": "uploaded"}
_FILE = re.compile(r"[A-Za-z0-9][\w.-]*\.(safetensors|parquet)")


class SharedStore(Store):
    """The folder `root` with the remote behind it. With `worker` nothing is put there: who schedules does that."""

    def __init__(self, root: Path, remote: Remote, *, worker: bool = False) -> None:
        super().__init__(root)
        self.remote, self.url = remote, remote.url
        remote.began = worker
        self._sends = not worker and not remote.read_only
        self._absent: set[str] = set()
        self._told: dict[str, dict[str, Any]] = {}  # manifests of what is only there
        self._glancing = False
        self._met = False
        self._meeting = threading.Lock()
        self._known = self._read_known()
        self._uploads = Uploads(root, remote, self._sent, self._meet)
        self._unsettled: Diagnostic | None = None

    @property
    def place(self) -> str:
        return self.remote.shown

    # ------------------------------------------------------------ who is there

    def _read_known(self) -> dict[str, str]:
        """The remote's name when it was met last, what this folder is called there, and which artifacts are there."""
        path = self.root / "remote.json"
        facts = _facts(path)
        if "catalogue" not in facts:
            with claimed(self.root, ["remote"], wait=True):
                facts = _facts(path)
                if "catalogue" not in facts:
                    machine = re.sub(r"[^A-Za-z0-9]+", "-", platform.node())[:40].strip("-") or "machine"
                    facts = {"url": self.remote.shown, "catalogue": f"{machine}-{uuid.uuid4().hex[:6]}", "name": ""}
                    write_aside(path, json.dumps(sealed(facts)).encode())
        self._uploaded = _lines(self.root / f"uploaded-{facts['name']}")
        return {key: str(facts[key]) for key in ("url", "catalogue", "name")}

    @property
    def catalogue(self) -> str:
        """What the tables of this folder are kept under at the remote."""
        return self._known["catalogue"]

    def _meet(self) -> None:
        """At the first request: one that was emptied has another name, and has nothing of what went there before."""
        with self._meeting:
            if self._met:
                return
            name = self.remote.name
            if name != self._known["name"]:
                self._known["name"] = name
                write_aside(self.root / "remote.json", json.dumps(sealed(self._known)).encode())
                self._uploaded = _lines(self._marks)
            self._met = True

    @property
    def _marks(self) -> Path:
        return self.root / f"uploaded-{self._known['name']}"

    def _mark(self, key: str) -> None:
        """An artifact is whole at the remote."""
        if key not in self._uploaded:
            self._uploaded.add(key)
            try:
                with open(self._marks, "a", encoding="ascii") as file:
                    file.write(f"{key}\n")
            except OSError as error:
                raise unwritable(self.root, error) from error

    def _sent(self, key: str) -> None:
        self._mark(key)
        self.telling.artifact_uploaded(key)

    # ------------------------------------------------------------ reading

    def held(self, key: str, *, use: bool = True) -> Artifact | None:
        found = super().held(key, use=use)
        if found is not None:
            return found
        if self._glancing:
            told = self._manifest(key)
            return None if told is None else Artifact(key, self.folder(key), told)
        return super().held(key, use=use) if self._fetch(key) else None

    def described(self, operator: Operator) -> Artifact | None:
        with self.glance():
            return self.held(operator.key, use=False)

    @contextmanager
    def glance(self) -> Iterator[None]:
        before, self._glancing = self._glancing, True
        try:
            yield
        finally:
            self._glancing = before

    def expect(self, keys: Iterable[str]) -> None:
        """Ask for several at once, rather than for one after another."""
        lacking = [k for k in dict.fromkeys(keys) if k not in self._open and k not in self._absent]
        lacking = [k for k in lacking if not (self.folder(k) / "artifact.json").exists()]
        if len(lacking) > 1:
            self.remote.each(self._manifest if self._glancing else self._fetch, lacking)

    def _read(self, request: Callable[[], T], otherwise: T) -> T:
        """Before anything is computed, trouble ends the run. Afterwards what cannot be read is computed: the trouble is
        told at the end."""
        if self._uploads.trouble is not None:
            return otherwise
        try:
            self._meet()
            return request()
        except Diagnostic as problem:
            if problem.code != UNREACHABLE or not self.remote.began:
                raise self._with_way_on(problem) from problem.__cause__
            self._uploads.trouble = problem
            return otherwise

    def _manifest(self, key: str) -> dict[str, Any] | None:
        """What the remote says of an artifact; asked once in a run, also where there is none."""
        if key in self._absent or key in self._told:
            return self._told.get(key)
        name = f"{place_of(key)}/artifact.json"
        data = self._read(lambda: self.remote.get(name), None)
        if data is None:
            self._absent.add(key)
            return None
        try:
            found = unsealed(data)
            sound = found["format"] == FORMAT and all(_FILE.fullmatch(name) for name in found["files"])
        except (ValueError, KeyError, TypeError):
            sound = False
        if not sound:
            self._spoilt(key, [name])
            return None
        self._told[key] = found
        return found

    def _spoilt(self, key: str, names: Iterable[str]) -> None:
        """The artifact there is of no use; what is made instead takes its place."""
        self.damaged.append(key)
        self.telling.artifact_damaged(key)
        self._absent.add(key)
        self._told.pop(key, None)
        self._uploads.rotten.update(names)

    def _fetch(self, key: str) -> bool:
        """Bring an artifact here: whether it is here now. Shards that are sound are kept, even if others are not."""
        manifest = self._manifest(key)
        if manifest is None:
            return False
        names = list(manifest["files"])
        got = self._read(lambda: self.remote.each(lambda name: self._fetch_file(key, name), names), None)
        if got is None:
            return False
        place = place_of(key)
        bad = [f"{place}/{name}" for name, there in zip(names, got, strict=True) if not there]
        if bad:
            self._spoilt(key, [f"{place}/artifact.json", *bad])
            return False
        write_aside(self.folder(key) / "artifact.json", json.dumps(manifest, ensure_ascii=False).encode())
        self._told.pop(key, None)
        self._mark(key)
        self.telling.artifact_fetched(key)
        return True

    def _fetch_file(self, key: str, name: str) -> bool:
        """Whether a file is here, brought if it was not. One that is not what its name says counts as none."""
        path = self.made_folder(key) / name
        if path.exists() and is_whole(path):
            return True
        data = self.remote.get(f"{place_of(key)}/{name}")
        if data is None or digest_of(data) != path.stem.rpartition("-")[2]:
            return False
        write_aside(path, data)
        return True

    def shards(self, operator: Operator) -> dict[range, Path]:
        """As in any store, with those that a machine has put there whose run is not finished."""
        key, here = operator.key, super().shards(operator)
        there = self._read(lambda: self.remote.sizes(place_of(key)), dict[str, int]())
        lacking = [n for n in there if (images := span_of(n)) is not None and images not in here]
        if not lacking:
            return here
        got = self._read(lambda: self.remote.each(lambda name: self._fetch_file(key, name), lacking), list[bool]())
        bad = [name for name, there in zip(lacking, got, strict=False) if not there]
        self._uploads.rotten.update(f"{place_of(key)}/{name}" for name in bad)
        return super().shards(operator)

    def row_files(self, work: str) -> list[Path]:
        """As in any store, with the newest of those that are only there: these are brought here."""
        folder = f"rows/{work}"
        if folder not in self._absent:
            self._absent.add(folder)
            here = {p.name for p in super().row_files(work)}
            there = self._read(lambda: self.remote.newest(folder), list[str]())[:NEWEST]
            lacking = [n for n in there if n not in here and _FILE.fullmatch(n)]
            self._read(lambda: self.remote.each(lambda name: self._fetch_rows(folder, name), lacking), None)
        return super().row_files(work)

    def _fetch_rows(self, folder: str, name: str) -> None:
        data = self.remote.get(f"{folder}/{name}")
        if data is None or digest_of(data) != name.partition(".")[0].rpartition("-")[2]:
            self._uploads.rotten.add(f"{folder}/{name}")
            return
        path = self.root / folder / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise unwritable(path.parent, error) from error
        write_aside(path, data)

    # ------------------------------------------------------------ a run from begin to end

    def begin(self) -> None:
        self._absent.clear()
        self._told.clear()
        self.remote.began, self._uploads.trouble = False, None

    def check_writable(self) -> None:
        super().check_writable()
        if self._sends:
            try:
                self._meet()
                self.remote.check_writable()
            except Diagnostic as problem:
                raise self._with_way_on(problem) from problem.__cause__
        self.remote.began = True

    def _with_way_on(self, problem: Diagnostic) -> Diagnostic:
        if problem.code == UNREACHABLE:
            problem.hint = f"{problem.hint}; or go on without it: --store {self.root}"
        return problem

    def finish(
        self, operator: Operator, files: list[Path], rows: int, seconds: float, facts: Mapping[str, Any]
    ) -> Artifact:
        made = super().finish(operator, files, rows, seconds, facts)
        if self._sends:
            self._uploads.later(operator.key)
        return made

    def share_shard(self, operator: Operator, name: str) -> None:
        if self._sends and span_of(name) is not None:
            self._uploads.later(operator.key, name)

    def owed(self) -> set[str]:
        if not self._sends:
            return set()
        keys = (f.name for folder in os.scandir(self.root / "objects") if folder.is_dir() for f in os.scandir(folder))
        lacking = [key for key in keys if key not in self._uploaded]
        return {key for key in lacking if (self.folder(key) / "artifact.json").exists()}

    def settle(self) -> Iterator[str]:
        if self._sends:
            self._uploads.drain()
            for key in sorted(self.owed()):  # what earlier runs could not, and what was copied into the folder
                self._uploads.later(key)
            self._uploads.drain()
            if self._uploads.trouble is None:
                self._settle_tables()
        self._unsettled, self._uploads.trouble = self._uploads.trouble, None
        if self._unsettled is not None:
            yield f"{self._unsettled.message}; what is not there yet stays in {self.root}"
        moved, self.remote.moved = self.remote.moved, Counter()
        self.telling.settled(self.remote.shown, moved, self._unsettled)
        told = [_told(word, moved[f"{what} files"], moved[f"{what} bytes"]) for what, word in _MOVED.items()]
        if any(told):
            yield f"{self.remote.shown}: {', '.join(filter(None, told))}"

    def _settle_tables(self) -> None:
        before: dict[str, str] = _facts(self._tables).get("tables", {})
        try:
            now = put_tables(self.root, self.remote, self.catalogue, before, self._meet)
        except Diagnostic as problem:
            self._uploads.trouble = problem
            return
        if now != before:
            write_aside(self._tables, json.dumps(sealed({"tables": now})).encode())

    @property
    def _tables(self) -> Path:
        return self._marks.with_name(f"{self._marks.name}.tables.json")

    def push(self) -> Iterator[str]:
        """Compare with what is there, object by object, and put there what is not; what there is to say about it."""
        self.begin()
        self._meet()
        self._uploaded.clear()
        for path in (self._marks, self._tables):
            path.unlink(missing_ok=True)
        yield from self.settle()

    def close(self) -> None:
        unsettled, self._unsettled = self._unsettled, None
        self.abandon()
        if unsettled is not None:
            raise Diagnostic(
                unsettled.code, f"{self.remote.shown} has not all that was made", exit_code=1,
                hint=f"it is kept in {self.root}; the next run on this store uploads it, or clq cache push",
            ) from unsettled  # fmt: skip

    def abandon(self) -> None:
        self._unsettled = None
        self._uploads.stop()


def _told(word: str, files: int, size: int) -> str:
    return f"{files} {'file' if files == 1 else 'files'} {word} ({spoken_size(size)})" if files else ""


def _facts(path: Path) -> dict[str, Any]:
    """The facts in a file; none if it is not there or damaged: they only save work."""
    try:
        return unsealed(path.read_bytes())
    except (OSError, ValueError):
        return {}


def _lines(path: Path) -> set[str]:
    try:
        return set(path.read_text(encoding="ascii", errors="replace").split())
    except OSError:
        return set()
