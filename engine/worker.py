"""A worker: it does tasks of one plan, one after another, and keeps the models that it has opened."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from .claims import claimed, name_of
from .inputs import Reading
from .measure import Measure
from .operator import Global, Rowwise
from .plan import Round, Step, round_number
from .reuse import computed_rows
from .schedule import Busy, Done, Event, Found, Task
from .shards import Made, RoundWork


@dataclass
class Outcome:
    """What came of a task: a shard, or what a global operator took; neither if another process is at it (busy).

    The rest is what a worker in another process has counted, traced and logged meanwhile, its batch size, and the most
    bytes of memory that it has held.
    """

    made: Made | Measure | None
    found: bool = False
    counts: Counter[str] = field(default_factory=Counter)
    events: list[dict[str, Any]] = field(default_factory=list)
    records: list[dict[str, Any]] = field(default_factory=list)
    batch: int | None = None
    peak: int = 0


class Worker:
    """Does tasks of a plan's steps."""

    def __init__(self, steps: Sequence[Step], reading: Reading) -> None:
        self.steps, self.reading = steps, reading
        self._round: tuple[int, RoundWork] | None = None  # the last one: tasks come mostly round by round

    def do(self, task: Task, wait: bool, tell: Callable[[int], None]) -> Outcome:
        """Do a task, unless another process has or does it. Raises Diagnostic for what the user can mend."""
        step = self.steps[task.step]
        if isinstance(step, Round):
            made = self._opened(task.step, step).make(task.shard, wait, tell)
            return Outcome(made, made is not None and made.found)
        outcome = self._compute(step.operator, wait)
        if isinstance(outcome.made, Measure):
            self.reading.resources.telling.operator_done(step.operator, outcome.made, outcome.found)
        return outcome

    def _opened(self, number: int, step: Round) -> RoundWork:
        if self._round is None or self._round[0] != number:
            self._round = None  # what the last one holds goes first
            self._round = number, RoundWork(step, self.reading, round_number(self.steps, number))
        return self._round[1]

    def _compute(self, operator: Global, wait: bool) -> Outcome:
        store, resources = self.reading.store, self.reading.resources
        with claimed(store.root, [name_of(operator)], wait) as mine:
            if not mine:
                return Outcome(None)
            held = store.find(operator)
            if held is not None:
                return Outcome(Measure(0.0, held.rows, held.bytes), found=True)
            began = time.perf_counter()
            with resources.telling.span(operator.label(), "operator", key=operator.key):
                if isinstance(operator, Rowwise):
                    result = computed_rows(operator, self.reading, store, resources)
                else:
                    result = operator.compute(self.reading, resources)
                held = store.put(operator, result, time.perf_counter() - began)
        read = (a for i in operator.inputs if (a := store.find(i)) is not None)
        resources.telling.operator_called(operator, read, result, held.rows, resources.device)
        return Outcome(Measure(time.perf_counter() - began, held.rows, held.bytes))


def event_of(worker: str, task: Task, outcome: Outcome) -> Event:
    """What the scheduler is told of an outcome."""
    if outcome.made is None:
        return Busy(worker, task, outcome)
    return Found(worker, task, outcome) if outcome.found else Done(worker, task, outcome)
