"""What backends with workers in other processes share: what is sent to a worker, what it does with it, and its answer.

The plan is sent to a process once, the first time that one does not know it; after that, only tasks are.
"""

from __future__ import annotations

import contextlib
import os
import platform
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..footprint import peak
from ..inputs import Reading
from ..interrupt import watch
from ..leases import lease
from ..log import Log
from ..places import shared_store
from ..plan import Plan, Step
from ..resources import Resources
from ..schedule import Task
from ..store import Store
from ..telling import Telling
from ..trace import Trace
from ..worker import Outcome, Worker


@dataclass(frozen=True)
class Job:
    """A run as a worker elsewhere must know it. `stop` is a file: as soon as it exists, workers stop.

    `traced` is the time at which the trace began, in seconds since 1970; None if there is none. `run` is what the log
    calls the run, `heard` the level of records from which on somebody hears of them.
    """

    name: str
    steps: tuple[Step, ...]
    store: Path
    url: str | None  # of a shared store, whose folder on this machine `store` is
    folder: Path
    settings: dict[str, Any]
    traced: float | None
    run: str
    heard: int

    @property
    def stop(self) -> Path:
        return self.store / "running" / f"{self.name}.stop"


def job_of(plan: Plan, reading: Reading) -> Job:
    """The run of a plan."""
    resources, trace, log = reading.resources, reading.resources.telling.trace, reading.resources.telling.log
    if trace is not None:
        trace.name_process("clq")
    return Job(
        uuid.uuid4().hex, plan.steps, reading.store.root.resolve(), reading.store.url, Path.cwd(), resources.settings(),
        None if trace is None else trace.epoch, log.run, log.heard,
    )  # fmt: skip


@contextmanager
def stopping(job: Job) -> Iterator[None]:
    """If what is within fails or is interrupted, the workers of the job are told to stop."""
    try:
        yield
    except BaseException:
        with contextlib.suppress(OSError):
            job.stop.parent.mkdir(exist_ok=True)
            job.stop.touch()
        raise


@dataclass(frozen=True)
class Unknown:
    """The answer of a process that has not seen the job yet."""


@dataclass(frozen=True)
class Stopped:
    """The answer of a process that was told to stop."""


_known: dict[str, tuple[Job, Worker]] = {}  # at most one: a process works for one run at a time


def perform(name: str, job: Job | None, task: Task, wait: bool) -> Outcome | Unknown | Stopped:
    """Runs in a worker's process: do one task of the job of this name. What fails is raised."""
    if job is not None and name not in _known:
        _known.clear()
        os.chdir(job.folder)  # relative paths mean what they mean to the user
        store = Store(job.store) if job.url is None else shared_store(job.store, job.url, worker=True)
        resources = _resources(job)
        store.telling = resources.telling
        _known[name] = job, Worker(job.steps, Reading(store, resources))
    if name not in _known:
        return Unknown()
    job, worker = _known[name]
    # The run's own lease is of another process; this one holds what the task finds in earlier artifacts.
    with watch(job.stop), lease(job.store, (), f"a worker of {name[:8]}"):
        try:
            outcome = worker.do(task, wait, lambda images: None)
        except KeyboardInterrupt:
            return Stopped()
    return _with_counts(outcome, worker.reading.resources)


def _with_counts(outcome: Outcome, resources: Resources) -> Outcome:
    """The outcome with what was counted since the last one."""
    outcome.counts, resources.counts = resources.counts, Counter()
    outcome.events, outcome.records = resources.telling.gathered()
    outcome.batch, outcome.peak = resources.batch, peak()
    return outcome


def _resources(job: Job) -> Resources:
    resources = Resources(**job.settings)
    telling = resources.telling = Telling(log=Log(kept=[], least=job.heard, run=job.run))
    if job.traced is not None:
        # Clocks of processes have different zeros on different machines: all count from when the trace began.
        telling.trace = Trace(Path(os.devnull), time.perf_counter() - (time.time() - job.traced))
        telling.trace.name_process(f"clq worker on {platform.node()}")
    return resources
