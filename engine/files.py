"""Files that are whole or not there, and what is said when one cannot be written or read."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import time
from collections.abc import Callable, Mapping
from io import BufferedRandom, BufferedReader
from pathlib import Path
from typing import Any

from ..lang.diagnostic import Diagnostic

# Where a kill, a full disk or lost permission finds the store in another state. Tests stop a run at each.
POINTS = (
    "file begun", "file written", "file synced", "file placed",
    "lease locked", "lease placed", "damage set aside", "artifact dropped", "artifact removed",
    "catalogue copied", "catalogue changed", "catalogue backed up", "catalogue synced", "log put aside",
    "catalogue placed", "backup placed", "catalogue settled",
)  # fmt: skip

at_point: Callable[[str, Path], None] | None = None  # set by tests


def reached(point: str, path: Path) -> None:
    """A named place in the writing of `path`."""
    if at_point is not None:
        at_point(point, path)


def unwritable(path: Path, error: OSError, exit_code: int = 1) -> Diagnostic:
    """The diagnostic for an error of the file system below the store; exit code 2 before anything has run."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return disk_full(path)
    return Diagnostic(
        "store-unwritable", f"the store {path} cannot be written: {error.strerror or error}",
        hint="give a folder you may write with --store DIR or $CLQ_STORE", exit_code=exit_code,
    )  # fmt: skip


def unreadable(path: Path, error: OSError) -> Diagnostic:
    """For what is there and may not be read, or not now: it must not be taken for damaged."""
    return Diagnostic(
        "store-unreadable", f"{path} cannot be read: {error.strerror or error}",
        hint="mend its permissions, or name another store with --store DIR or $CLQ_STORE", exit_code=1,
    )  # fmt: skip


def disk_full(path: Path | str) -> Diagnostic:
    return Diagnostic(
        "disk-full", f"no space left under {path}", hint="free some space, or use --store on another disk; "
        "what was finished is kept and the same command goes on from there", exit_code=1,
    )  # fmt: skip


def is_damage(error: OSError) -> bool:
    """Whether an error in reading says that the content is lost, and not that it may not be read now."""
    return error.errno in {errno.EIO, errno.ENOENT, errno.ENOTDIR, errno.EISDIR, getattr(errno, "EUCLEAN", None)}


def write_aside(path: Path, data: bytes) -> None:
    """Put `data` at `path` so that a reader sees the old content or the new, even after a crash."""

    def write(file: BufferedRandom) -> str:
        file.write(data)
        return path.name

    place_written(path.parent, path.name, write)


def place_written(folder: Path, stem: str, write: Callable[[BufferedRandom], str]) -> Path:
    """As `write_aside`, for what is written piece by piece: `write` says in the end what the file is to be called."""
    path = folder / stem
    aside = folder / f".{stem}.{os.getpid()}.{time.monotonic_ns()}"
    try:
        with open(aside, "w+b") as file:
            reached("file begun", path)
            path = folder / write(file)
            file.flush()
            reached("file written", path)
            os.fsync(file.fileno())
        reached("file synced", path)
        os.replace(aside, path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            aside.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise unwritable(folder, error) from error
        raise
    reached("file placed", path)
    return path


def sync(path: Path) -> None:
    """What a file or folder holds is on the disk afterwards."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def link(there: Path, here: Path) -> None:
    """Give a whole file a second name; a copy where the file system knows no links."""
    try:
        os.link(there, here)
    except FileExistsError:
        return
    except OSError:
        write_aside(here, there.read_bytes())


def digest_of(data: bytes | memoryview) -> str:
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def digest_of_file(file: BufferedReader | BufferedRandom) -> str:
    """As `digest_of`, from the beginning of an open file; memory for a piece of it only."""
    file.seek(0)
    return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def sealed(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Facts as a reader of JSON will find them, with their digest."""
    plain: dict[str, Any] = json.loads(json.dumps(facts))
    return {**plain, "digest": _seal(plain)}


def unsealed(data: bytes) -> dict[str, Any]:
    """The facts that `sealed` has made. Raises ValueError if they are not what was written."""
    found = json.loads(data)
    if not isinstance(found, dict) or found.get("digest") != _seal(found):
        raise ValueError("the content is not what was written")
    return found


def _seal(facts: Mapping[str, Any]) -> str:
    """The digest of facts, over everything but the digest itself."""
    rest = {k: v for k, v in facts.items() if k != "digest"}
    return digest_of(json.dumps(rest, sort_keys=True, ensure_ascii=False).encode())
