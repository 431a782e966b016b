"""The backend `processes`: workers on this machine, kept by joblib's loky."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from queue import SimpleQueue
from typing import Any

from ..inputs import Reading
from ..interrupt import ask
from ..plan import Plan
from ..resources import Spread, cores
from ..schedule import Event, Failed, Joined, Lost, Task
from ..worker import event_of
from . import Backend
from .remote import Job, Stopped, Unknown, job_of, perform, stopping

IDLE = 300  # seconds after which a process without work ends
GRACE = 5.0  # seconds that workers have to stop at the end of a batch
# What torch and numpy take their number of threads from.
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


class Processes:
    """A pool of processes. Which of them takes a task is the pool's choice: a worker is a place in it."""

    def __init__(self, job: Job, workers: int) -> None:
        self._job, self._workers = job, workers
        self._told: SimpleQueue[tuple[str, Task, bool, Future[Any]]] = SimpleQueue()
        self._ready: list[Event] = [Joined(f"process {n + 1}") for n in range(workers)]
        self.pending: set[Future[Any]] = set()

    def give(self, worker: str, task: Task, wait: bool) -> None:
        self._submit(worker, task, wait, None)

    def _submit(self, worker: str, task: Task, wait: bool, job: Job | None) -> None:
        with shielded():
            future = pool(self._workers).submit(perform, self._job.name, job, task, wait)
        self.pending.add(future)
        future.add_done_callback(lambda done: self._told.put((worker, task, wait, done)))

    def next(self) -> Event:
        while not self._ready:
            worker, task, wait, future = self._told.get()
            self.pending.discard(future)
            error = future.exception()
            if isinstance(error, BrokenProcessPool):
                # A process that dies takes the pool with it; the next task is given to a new one.
                self._ready += [Lost(worker), Joined(worker)]
            elif error is not None:
                return Failed(worker, task, error)
            elif isinstance(made := future.result(), Unknown):
                self._submit(worker, task, wait, self._job)
            elif isinstance(made, Stopped):
                raise KeyboardInterrupt
            else:
                return event_of(worker, task, made)
        return self._ready.pop(0)


@contextmanager
def processes(plan: Plan, reading: Reading, spread: Spread) -> Iterator[Backend]:
    """As many workers as asked for. They outlive the run, for the next one."""
    job, workers = job_of(plan, reading), spread.workers or cores()
    backend = Processes(job, workers)
    try:
        with stopping(job):
            yield backend
    except BaseException:
        _end(backend, workers)
        raise
    finally:
        job.stop.unlink(missing_ok=True)


def _end(backend: Processes, workers: int) -> None:
    """Wait a little for workers to stop by themselves, so that nothing half-written is left; then end who has not."""
    until = time.monotonic() + GRACE
    for future in backend.pending:
        future.cancel()
    while any(not f.done() for f in backend.pending) and time.monotonic() < until:
        time.sleep(0.02)
    if not all(f.done() for f in backend.pending):
        with shielded():
            pool(workers).shutdown(wait=True, kill_workers=True)


def pool(workers: int) -> Any:
    """The processes of this one, the same for every run; new ones if they are gone."""
    from joblib.externals.loky import get_reusable_executor

    return get_reusable_executor(
        max_workers=workers, timeout=IDLE, env=threads(workers), initializer=_begin, initargs=(os.getpid(),)
    )


def threads(workers: int) -> dict[str, str]:
    """The environment that gives each of so many workers its share of the cores, unless the user's says how many."""
    return {name: os.environ.get(name, str(max(1, cores() // workers))) for name in _THREADS}


@contextmanager
def shielded() -> Iterator[None]:
    """Processes that start within do not hear Ctrl-C until they can: a terminal sends it to all of a command's."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin(parent: int) -> None:
    """At the start of a worker's process: Ctrl-C is asked about between batches, and no parent means no work."""
    from joblib.externals.loky import process_executor

    # loky takes 300 MB more than after the first task for a leak and starts a new process: those are the models.
    process_executor._USE_PSUTIL = False
    signal.signal(signal.SIGINT, lambda number, frame: ask())
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    threading.Thread(target=_leave_with, args=(parent,), daemon=True).start()


def _leave_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)
