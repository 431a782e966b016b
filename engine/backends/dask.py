"""The backend `dask`: workers of a dask cluster, of this machine or at the address of its scheduler.

All of them must reach the store and the images under the same paths, and have clq.
"""

from __future__ import annotations

import atexit
import contextlib
import logging
import time
from collections.abc import Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from typing import Any

from ...lang.diagnostic import Diagnostic
from ..inputs import Reading
from ..plan import Plan
from ..resources import Spread, cores
from ..schedule import Event, Failed, Joined, Lost, Task
from ..worker import event_of
from . import Backend
from .processes import GRACE, shielded, threads
from .remote import Job, Stopped, Unknown, job_of, perform, stopping

LOOK = 0.5  # seconds between two looks at who is there
FETCHED = 2.0  # seconds for an answer before it is looked whether its worker is still there
PATIENCE = 60.0  # seconds without any worker before a run is given up


class Cluster:
    """A worker is a process of the cluster, by its address; it has one task at a time."""

    def __init__(self, client: Any, job: Job) -> None:
        self._client, self._job = client, job
        self._told: SimpleQueue[tuple[str, Task, bool, Any]] = SimpleQueue()
        self._ready: list[Event] = []
        self._workers: set[str] = set()
        self.given: dict[str, Any] = {}  # the future that each worker is busy with
        self._looked = 0.0
        self._alone = time.monotonic()

    def give(self, worker: str, task: Task, wait: bool) -> None:
        self._submit(worker, task, wait, None)

    def _submit(self, worker: str, task: Task, wait: bool, job: Job | None) -> None:
        future = self._client.submit(
            perform, self._job.name, job, task, wait, workers=[worker], allow_other_workers=False, pure=False
        )
        self.given[worker] = future
        future.add_done_callback(lambda done: self._told.put((worker, task, wait, done)))

    def next(self) -> Event:
        while not self._ready:
            self._look()
            with contextlib.suppress(Empty):
                self._hear(*self._told.get(timeout=LOOK))
        return self._ready.pop(0)

    def _hear(self, worker: str, task: Task, wait: bool, future: Any) -> None:
        """What came of a task, unless its worker is known to be gone."""
        if worker not in self.given or self.given[worker] is not future:
            return
        del self.given[worker]
        if future.status == "finished":
            made = self._fetched(worker, future)
            if made is None:
                self.given[worker] = future
                self._lose(worker)
            elif isinstance(made, Stopped):
                raise KeyboardInterrupt
            elif isinstance(made, Unknown):
                self._submit(worker, task, wait, self._job)
            else:
                self._ready.append(event_of(worker, task, made))
        elif future.status == "error" and not _is_loss(error := future.exception()):
            self._ready.append(Failed(worker, task, error))
        else:
            self._lose(worker)

    def _fetched(self, worker: str, future: Any) -> Any:
        """What a task gave. It lies in the memory of its worker: None if that is gone, for nobody makes it again."""
        while True:
            try:
                return future.result(timeout=FETCHED)
            except CancelledError:
                return None
            except TimeoutError:
                if worker not in self._client.nthreads():
                    return None

    def _lose(self, worker: str) -> None:
        self._workers.discard(worker)
        future = self.given.pop(worker, None)
        if future is not None:
            future.cancel()
        self._ready.append(Lost(worker))

    def _look(self) -> None:
        """Who has come and who has gone since the last look."""
        if time.monotonic() - self._looked < LOOK:
            return
        try:
            there = set(self._client.nthreads())
        except (OSError, RuntimeError, ValueError) as error:
            raise _unreachable(f"the scheduler of dask is gone: {error}") from error
        self._looked = time.monotonic()
        for worker in sorted(self._workers - there):
            self._lose(worker)
        for worker in sorted(there - self._workers):
            self._workers.add(worker)
            self._ready.append(Joined(worker))
        if there:
            self._alone = self._looked
        elif self._looked - self._alone > PATIENCE:
            raise _unreachable(f"no worker of dask has come for {PATIENCE:.0f} seconds")


def _is_loss(error: BaseException) -> bool:
    from distributed.scheduler import KilledWorker

    return isinstance(error, KilledWorker)


def _unreachable(message: str) -> Diagnostic:
    return Diagnostic(
        "no-workers", message, exit_code=1,
        hint="what was finished is kept; the same command goes on from there, with any backend",
    )  # fmt: skip


@contextmanager
def cluster(plan: Plan, reading: Reading, spread: Spread) -> Iterator[Backend]:
    """The workers of a cluster. One of this machine outlives the run, for the next."""
    job, own = job_of(plan, reading), spread.backend == "dask"
    if reading.store.url is not None and not own:
        raise Diagnostic(
            "no-workers", f"workers at {spread.backend} do not reach {reading.store.root}, the cache of this machine",
            hint="name a folder that all of them reach with --store, or SET backend = 'dask' or 'processes'",
        )  # fmt: skip
    client = _own(spread.workers or cores()) if own else _at(spread.backend)
    backend = Cluster(client, job)
    try:
        with stopping(job):
            yield backend
    except BaseException:
        until = time.monotonic() + GRACE
        while any(not f.done() for f in backend.given.values()) and time.monotonic() < until:
            time.sleep(0.02)
        if own and not all(f.done() for f in backend.given.values()):
            _close()
        raise
    finally:
        job.stop.unlink(missing_ok=True)
        if not own:
            client.close()


_kept: dict[int, tuple[Any, Any]] = {}  # at most one cluster of this machine: its number of workers, itself, its client


def _own(workers: int) -> Any:
    """The client of a cluster on this machine with so many workers."""
    distributed = _distributed()
    if workers not in _kept or _kept[workers][1].status != "running":
        _close()
        import dask

        # dask makes the allocator give memory back at once, after every tensor: twice the time, on a CPU.
        environment = {**threads(workers), "MALLOC_TRIM_THRESHOLD_": None}
        with shielded(), dask.config.set({"distributed.nanny.pre-spawn-environ": environment}):
            cluster = distributed.LocalCluster(
                n_workers=workers, threads_per_worker=1, processes=True, host="127.0.0.1", dashboard_address=":0",
                scheduler_kwargs={"dashboard": False}, silence_logs=logging.CRITICAL, memory_limit=0,
                env={"DASK_LOGGING__DISTRIBUTED": "critical"},
            )  # fmt: skip
            _kept[workers] = cluster, distributed.Client(cluster, set_as_default=False)
        atexit.register(_close)
    return _kept[workers][1]


def _close() -> None:
    for cluster, client in _kept.values():
        client.close()
        cluster.close()
    _kept.clear()


def _at(address: str) -> Any:
    """The client of the scheduler at an address."""
    distributed = _distributed()
    try:
        return distributed.Client(address, set_as_default=False)
    except (OSError, ValueError) as error:
        raise Diagnostic(
            "no-workers", f"there is no scheduler of dask at {address}: {error}", hint="start one with "
            "'dask scheduler' and its workers with 'dask worker ADDRESS', or SET backend = 'processes'",
        ) from error  # fmt: skip


def _distributed() -> Any:
    try:
        import distributed
    except ImportError as error:
        raise Diagnostic(
            "no-workers", "dask is not installed", hint="pip install 'clq[dask]', or SET backend = 'processes'"
        ) from error
    # It tells of every worker that comes and goes, where it is itself that lets them.
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    return distributed
