"""Fingerprints of files: the sha256 of the content, remembered by path, size, mtime and inode so that it is read
once."""

from __future__ import annotations

import contextlib
import hashlib
import json
import time
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
        self.lenient = False  # files that cannot be read have a digest of their own
        if path is not None:
            self._known = _remembered(path)

    def file(self, path: Path) -> str:
        """sha256 of a file's content. Raises OSError if it cannot be read, unless unreadable ones are left out."""
        try:
            return self._file(path.resolve())
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

    def _file(self, path: Path) -> str:
        stat = path.stat()
        mark: list[int | str] = [stat.st_size, stat.st_mtime_ns, stat.st_ino]
        known = self._known.get(str(path))
        if known is not None and known[:3] == mark:
            return str(known[3])
        with open(path, "rb") as f:
            found = hashlib.file_digest(f, "sha256").hexdigest()
        if stat.st_mtime_ns < time.time_ns() - SETTLED:
            self._known[str(path)] = [*mark, found]
            self._changed = True
        return found

    def files(self, paths: list[tuple[str, Path]]) -> str:
        """One fingerprint of several files and the names they go by; many are read in threads."""
        if len(paths) < MANY:
            return digest([[name, self.file(path)] for name, path in paths])
        from joblib import Parallel, delayed

        found = Parallel(n_jobs=-1, prefer="threads")(delayed(self.file)(path) for _, path in paths)
        return digest([[name, one] for (name, _), one in zip(paths, found, strict=True)])

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


def _remembered(path: Path) -> dict[str, list[int | str]]:
    """What a file has; nothing if it is torn or foreign: digests are only remembered, never the truth."""
    with contextlib.suppress(OSError, ValueError, KeyError):
        known: Any = unsealed(path.read_bytes())["known"]
        return known if isinstance(known, dict) else {}
    return {}
