"""What is made here on its way to a remote, in threads, beside the work that makes it.

A shard may go as soon as it is whole; an artifact goes shards first, then artifact.json, then where its rows are found.
The first trouble ends it: what did not go is found again by who looks what is lacking.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path

from ..lang.diagnostic import Diagnostic
from .files import digest_of, is_damage, unreadable, unsealed
from .remote import Remote

AT_ONCE = 2  # artifacts on their way at the same time; each has several shards on the way


def place_of(key: str) -> str:
    """The folder of an artifact, below a store and below a remote."""
    return f"objects/{key[:2]}/{key}"


class Uploads:
    """`mark` is told of each artifact that is whole at the remote; `meet` is called before anything is put there.

    `rotten` names objects at the remote that are not what they should be: they are put there anew. `trouble` is what
    ended it.
    """

    def __init__(self, root: Path, remote: Remote, mark: Callable[[str], None], meet: Callable[[], None]) -> None:
        self.root, self.remote = root, remote
        self.rotten: set[str] = set()
        self.trouble: Diagnostic | None = None
        self._mark, self._meet = mark, meet
        self._pool: ThreadPoolExecutor | None = None
        self._going: dict[tuple[str, str], Future[None]] = {}
        self._stopped = False

    def later(self, key: str, shard: str = "") -> None:
        """Put an artifact there, or one shard of it, as long as all goes well."""
        if self.trouble is not None or (key, shard) in self._going:
            return
        if self._pool is None:
            self._stopped = False
            self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="clq upload")
        # Tasks begin in their order: those that are waited for have begun.
        shards = [] if shard else [f for (k, _), f in self._going.items() if k == key]
        self._going[key, shard] = self._pool.submit(self._go, key, shard, shards)

    def drain(self) -> None:
        """Wait for all that is on its way."""
        while self._going:
            done, _ = wait(self._going.values(), timeout=0.5)  # short, so that Ctrl-C is heard
            self._going = {what: f for what, f in self._going.items() if f not in done}
            for future in done:
                future.result()  # a mistake of ours must not stay in its thread

    def stop(self) -> None:
        """What is not on its way yet stays here: no shard more, or the process would end only after the last one."""
        self._stopped = True
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
        self._pool, self._going = None, {}

    def _go(self, key: str, shard: str, before: list[Future[None]]) -> None:
        wait(before)
        if self.trouble is not None or self._stopped:
            return
        try:
            self._meet()
            if shard:
                self._put_files(key, [shard], {})
            else:
                self._put_artifact(key)
        except Diagnostic as problem:
            self.trouble = self.trouble or problem

    def _put_artifact(self, key: str) -> None:
        place = place_of(key)
        data = _content(self.root / place / "artifact.json")
        try:
            names = list(unsealed(data or b"")["files"])
        except ValueError:
            names = None
        if data is None or names is None:  # cleared up or damaged meanwhile: there is nothing to share
            return
        there = self.remote.sizes(place)
        if not self._put_files(key, names, there):
            return
        manifest = f"{place}/artifact.json"
        if manifest in self.rotten or not self._is_whole_there(manifest, there):
            self.remote.put(manifest, data)
        for path in self.root.glob(f"rows/*/{key}-*.safetensors"):
            found = _content(path)
            if found is not None:
                self.remote.put(path.relative_to(self.root).as_posix(), found)
        self.rotten.difference_update([manifest, *(f"{place}/{name}" for name in names)])
        self._mark(key)

    def _put_files(self, key: str, names: list[str], there: dict[str, int]) -> bool:
        """Whether all are there now. One of the same name and size that nobody found damaged is left as it is."""

        def put(name: str) -> bool:
            if self._stopped or self.trouble is not None:
                return False
            path = self.root / place_of(key) / name
            remote = f"{place_of(key)}/{name}"
            if name in there and remote not in self.rotten and there[name] == _size(path):
                return True
            data = _content(path)
            if data is None or digest_of(data) != path.stem.rpartition("-")[2]:
                return False
            self.remote.put(remote, data)
            return True

        return all(self.remote.each(put, names))

    def _is_whole_there(self, manifest: str, there: dict[str, int]) -> bool:
        """Whether another machine has put it there before: then its word stands."""
        if "artifact.json" not in there:
            return False
        try:
            files = unsealed(self.remote.get(manifest) or b"")["files"]
            return all(there.get(name) == int(facts["bytes"]) for name, facts in files.items())
        except (ValueError, KeyError, TypeError, AttributeError):
            return False


def _content(path: Path) -> bytes | None:
    """What is in a file; None if it is gone or damaged. Raises Diagnostic if it may not be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        if is_damage(error):
            return None
        raise unreadable(path, error) from error


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None
