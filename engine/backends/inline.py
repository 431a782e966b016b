"""The backend `inline`: one worker, which is this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ..inputs import Reading
from ..plan import Plan
from ..schedule import Event, Failed, Joined, Task
from ..worker import Worker, event_of
from . import Backend

HERE = "here"


class Inline:
    """A task is done when the next event is asked for."""

    def __init__(self, worker: Worker, tell: Callable[[Task, int], None]) -> None:
        self._worker, self._tell = worker, tell
        self._given: tuple[Task, bool] | None = None
        self._joined = False

    def give(self, worker: str, task: Task, wait: bool) -> None:
        self._given = task, wait

    def next(self) -> Event:
        if not self._joined:
            self._joined = True
            return Joined(HERE)
        assert self._given is not None, "there is a task for the only worker as long as the run goes on"
        (task, wait), self._given = self._given, None
        try:
            return event_of(HERE, task, self._worker.do(task, wait, lambda images: self._tell(task, images)))
        except Exception as error:
            return Failed(HERE, task, error)


@contextmanager
def inline(plan: Plan, reading: Reading, tell: Callable[[Task, int], None]) -> Iterator[Backend]:
    yield Inline(Worker(plan.steps, reading), tell)
