"""Claims: while a worker does a piece of work, no other one does the same, in whatever process it is.

    STORE/claims/<key>-<first>-<stop>.lock    held (`flock`) as long as the work goes on; of an operator without shards
                                              <key>.lock

A claim ends with its process, however that ends. It only saves work: should two have done the same, they have written
the same. So where the file system knows no locks, all claims are granted.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TextIO

from .files import unwritable
from .interrupt import stop_if_asked
from .operator import Operator

PAUSE = 0.05  # seconds between two looks at a claim that another process has
_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP}


def name_of(operator: Operator, images: range | None = None) -> str:
    """The claim on an operator, or on what a scan makes of some images."""
    return operator.key if images is None else f"{operator.key}-{images.start:08d}-{images.stop:08d}"


@contextmanager
def claimed(root: Path, names: Iterable[str], wait: bool = False) -> Iterator[bool]:
    """Within, all of these are claimed; False, and nothing is, if another worker has one of them.

    With `wait` it is always True, sooner or later. Claims are taken in one order, so two who wait cannot wait for each
    other.
    """
    with ExitStack() as held:
        for name in sorted(names):
            path = root / "claims" / f"{name}.lock"
            file = _locked(path)
            while file is None and wait:
                stop_if_asked()
                time.sleep(PAUSE)
                file = _locked(path)
            if file is None:
                held.close()
                yield False
                return
            held.callback(_release, path, file)
        yield True


def _locked(path: Path) -> TextIO | None:
    """The file at `path`, locked; None if somebody has it."""
    try:
        path.parent.mkdir(exist_ok=True)
        while True:
            file = open(path, "a", encoding="utf-8")  # noqa: SIM115 - it stays open as long as the work goes on
            if not _lock(file):
                file.close()
                return None
            if _is_at(path, file):
                return file
            file.close()  # whoever had it has taken the file away meanwhile
    except OSError as error:
        raise unwritable(path.parent, error) from error


def _lock(file: TextIO) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
    return True


def _is_at(path: Path, file: TextIO) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _release(path: Path, file: TextIO) -> None:
    """The file goes first: whoever opened it before finds that it is no longer at its place."""
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)
    file.close()


def clear(root: Path) -> int:
    """Remove the files that dead processes have left; how many there were."""
    removed = 0
    for path in (root / "claims").glob("*.lock"):
        with claimed(root, [path.stem]) as free:
            removed += free
    return removed
