"""Backends: where the tasks of a plan are done. Each takes tasks and gives events; none decides anything.

They import the engine's worker and what schedules it; joblib and dask are imported only where they are chosen.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol

from ..inputs import Reading
from ..plan import Plan
from ..resources import Spread
from ..schedule import Event, Task


class Backend(Protocol):
    """Workers for one run. `next` waits until something has happened; the first events tell who is there."""

    def give(self, worker: str, task: Task, wait: bool) -> None: ...
    def next(self) -> Event: ...


def started(
    plan: Plan, reading: Reading, tell: Callable[[Task, int], None]
) -> AbstractContextManager[Backend]:
    """The backend that the resources name, with workers for this plan; they are stopped when the context ends.

    `tell` hears of images as they are done, from a worker that shares this process. Raises Diagnostic 'no-workers'.
    """
    spread: Spread = reading.resources.spread
    if spread.backend == "processes":
        from .processes import processes

        return processes(plan, reading, spread)
    if spread.backend != "inline":
        from .dask import cluster

        return cluster(plan, reading, spread)
    from .inline import inline

    return inline(plan, reading, tell)
