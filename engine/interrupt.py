"""Ctrl-C that is not lost: what is raised inside an import or callback may be swallowed there, so a run also asks
between batches whether it was told to stop; workers in other processes are told by a file. And a second Ctrl-C that
does not wait for the first."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_asked = False
_watched = threading.local()


def ask() -> None:
    """Called by whoever catches the signal, before it raises."""
    global _asked
    _asked = True


@contextmanager
def watch(path: Path) -> Iterator[None]:
    """Within, in this thread, a stop is also asked for by a file that comes into being."""
    _watched.path = path
    try:
        yield
    finally:
        _watched.path = None


def stop_if_asked() -> None:
    """Raises KeyboardInterrupt if somebody has asked for a stop: once, but for a file, which stays."""
    global _asked
    path: Path | None = getattr(_watched, "path", None)
    if _asked or (path is not None and path.exists()):
        _asked = False
        raise KeyboardInterrupt


TWICE = 0.2  # seconds within which two signals are one: programs that run others may send it on as well


def end_at_the_second(said: bytes, code: int = 130) -> None:
    """From now on a second SIGINT ends the process at once, with these words on stderr.

    Python's own handlers wait until a forward or a query in DuckDB returns; the system writes to this pipe at once.
    Files that are being written stay aside, where nobody takes them for whole.
    """
    read, write = os.pipe()
    os.set_blocking(write, False)
    signal.set_wakeup_fd(write, warn_on_full_buffer=False)
    os.register_at_fork(after_in_child=wait_for_the_first)  # a child's signals are not this process's

    def watch() -> None:
        first: float | None = None
        while True:
            if signal.SIGINT not in os.read(read, 64):
                continue
            now = time.monotonic()
            if first is not None and now - first > TWICE:
                os.write(2, said)
                os._exit(code)
            first = first or now

    threading.Thread(target=watch, daemon=True, name="second Ctrl-C").start()


def wait_for_the_first() -> None:
    """Undo `end_at_the_second`: whoever asks for the next statement outlives any number of them."""
    signal.set_wakeup_fd(-1)
