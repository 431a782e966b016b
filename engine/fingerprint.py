"""Fingerprints of files: the sha256 of the content, remembered by path, size, mtime and inode so that it is read
once."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from .files import sealed, unsealed, write_aside
from .operator import digest

# A file changed again within the clock's tick keeps its mtime; so a young file is read each time (git does the same).
SETTLED = 2_000_000_000  # nanoseconds
MANY = 200  # files: below, starting threads costs more than it saves


class Fingerprints:
    """Digests of files. `save` writes what is new beside the store, so that the next process need not read the
    files."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._known: dict[str, list[int | str]] = {}
        self._unread: dict[str, str] = {}  # found in this run; a permission may be given before the next
        self._changed = False
        self._folders: dict[str, str] = {}
        self.lenient = False  # files that cannot be read have a digest of their own
        self.precision = "float32"  # in which models and judges compute; another is part of their digests
        if path is not None:
            self._known = _remembered(path)

    def file(self, path: Path) -> str:
        """sha256 of a file's content. Raises OSError if it cannot be read, unless unreadable ones are left out."""
        try:
            return self._recalled(path) or self._read(path)
        except OSError as error:
            if not self.lenient:
                raise
            identity = digest(["unreadable", str(path)])
            self._unread[identity] = error.strerror or str(error)
            return identity

    def unreadable(self, identity: str) -> str | None:
        """Why the image with this identity cannot be read, as far as that was found out; else None."""
        return self._unread.get(identity) or self.remembered(f"unreadable {identity}")

    def note_unreadable(self, identity: str, error: Exception) -> None:
        """What has this content cannot be read: never, unless it was the system that refused."""
        if isinstance(error, OSError) and error.errno is not None:
            self._unread[identity] = error.strerror or str(error)
        else:
            self.remember(f"unreadable {identity}", str(error))

    def _name(self, path: Path) -> str:
        """What a file is remembered by. Folders are resolved, each once: there are many more files."""
        folder = os.path.dirname(path)
        if folder not in self._folders:
            self._folders[folder] = os.path.realpath(folder)
        return os.path.join(self._folders[folder], os.path.basename(path))

    def _recalled(self, path: Path) -> str | None:
        """The digest of a file that has not changed since it was read; None if that is not known."""
        known, stat = self._known.get(self._name(path)), os.stat(path)
        return str(known[3]) if known is not None and known[:3] == _mark(stat) else None

    def _read(self, path: Path) -> str:
        stat = os.stat(path)
        with open(path, "rb") as f:
            found = hashlib.file_digest(f, "sha256").hexdigest()
        if stat.st_mtime_ns < time.time_ns() - SETTLED:
            self._known[self._name(path)] = [*_mark(stat), found]
            self._changed = True
        return found

    def files(self, paths: list[tuple[str, Path]]) -> str:
        """One fingerprint of several files and the names they go by; many are read in threads."""
        found: dict[Path, str] = {}
        for _, path in paths:
            with contextlib.suppress(OSError):  # told below
                known = self._recalled(path)
                if known is not None:
                    found[path] = known
        lacking = [path for _, path in paths if path not in found]
        if len(lacking) < MANY:
            read: Iterable[str] = map(self.file, lacking)
        else:
            from joblib import Parallel, delayed

            read = Parallel(n_jobs=-1, prefer="threads")(delayed(self.file)(path) for path in lacking)
        found.update(zip(lacking, read, strict=True))
        return digest([[name, found[path]] for name, path in paths])

    def remembered(self, name: str) -> str | None:
        """A fact that somebody asked to remember (where a download lies), or None."""
        found = self._known.get(f"fact:{name}")
        return None if found is None else str(found[0])

    def remember(self, name: str, fact: str) -> None:
        self._known[f"fact:{name}"] = [fact]
        self._changed = True

    def save(self) -> None:
        if self._changed and self._path is not None:
            self._known = {**_remembered(self._path), **self._known}  # another process may have saved meanwhile
            write_aside(self._path, json.dumps(sealed({"known": self._known})).encode())
            self._changed = False


def _mark(stat: os.stat_result) -> list[int | str]:
    """What changes when a file does."""
    return [stat.st_size, stat.st_mtime_ns, stat.st_ino]


def _remembered(path: Path) -> dict[str, list[int | str]]:
    """What a file has; nothing if it is torn or foreign: digests are only remembered, never the truth."""
    with contextlib.suppress(OSError, ValueError, KeyError):
        known: Any = unsealed(path.read_bytes())["known"]
        return known if isinstance(known, dict) else {}
    return {}
