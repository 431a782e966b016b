"""How much memory a process holds, and keeping it below what SET memory says.

A limit is of the whole process: Python, torch and models are counted, and cannot be made smaller. What is left is
shared out: a quarter for the arrays that an operator holds at once, a quarter for decoded images, a quarter for DuckDB;
the last one is for what no one can tell beforehand, such as what a forward holds: when a batch has gone beyond the
limit, later ones are smaller.
"""

from __future__ import annotations

import sys
from pathlib import Path

STATUS = Path("/proc/self/status")
LEAST = 16 << 20  # bytes below which a share is not made: there would be nothing left to work with
UNLIMITED = 512 << 20  # bytes of arrays at once where nothing is said


def held() -> int:
    """Bytes of memory that this process holds now (its resident set)."""
    import psutil

    return int(psutil.Process().memory_info().rss)


def peak() -> int:
    """The most bytes that this process has held since it began."""
    if STATUS.exists():  # what getrusage says in Linux includes the process that has started this one
        told = next(line for line in STATUS.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(told.split()[1]) * 1024
    import resource

    found = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return found if sys.platform == "darwin" else found * 1024


def share(limit: int | None) -> int:
    """Bytes for one of the shares of what is left below a limit."""
    return UNLIMITED if limit is None else max(LEAST, (limit - held()) // 4)


def images_that_fit(limit: int | None, largest: int, most: int) -> int:
    """How many decoded images may wait, of at most `most`, if the largest so far has so many bytes; 1 before any."""
    if limit is None:
        return most
    return 1 if not largest else max(1, min(most, share(limit) // largest))
