"""Files that are whole or not there, and what is said when one cannot be written."""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from pathlib import Path

from ..lang.diagnostic import Diagnostic


def unwritable(path: Path, error: OSError, exit_code: int = 1) -> Diagnostic:
    """The diagnostic for an error of the file system below the store; exit code 2 before anything has run."""
    import errno

    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return disk_full(path)
    return Diagnostic(
        "store-unwritable", f"the store {path} cannot be written: {error.strerror or error}",
        hint="give a folder you may write with --store DIR or $CLQ_STORE", exit_code=exit_code,
    )  # fmt: skip


def disk_full(path: Path | str) -> Diagnostic:
    return Diagnostic(
        "disk-full", f"no space left under {path}", hint="free some space, or use --store on another disk; "
        "what was finished is kept and the same command goes on from there", exit_code=1,
    )  # fmt: skip


def write_aside(path: Path, data: bytes) -> None:
    """Put `data` at `path` so that a reader sees the old content or the new, even after a crash."""
    aside = path.with_name(f".{path.name}.{os.getpid()}.{time.monotonic_ns()}")
    try:
        with open(aside, "wb") as f:
            f.write(data)
            f.flush()
            os.fsync(f.fileno())
        os.replace(aside, path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            aside.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise unwritable(path.parent, error) from error
        raise


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
