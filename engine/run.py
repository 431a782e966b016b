"""Carrying out a plan: what the schedule decides is done by the workers of a backend, and their answers are counted."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence

from ..lang.diagnostic import Diagnostic
from .backends import Backend, started
from .claims import clear
from .inputs import Reading
from .interrupt import stop_if_asked
from .measure import Measure, Rates, global_rate
from .operator import Operator
from .plan import Plan, Round, naive, outputs, round_number
from .resources import Resources
from .rounds import OpenRound, Shown
from .rules import RULES, Rule
from .schedule import Done, Event, Fail, Finish, Finished, Give, Joined, Lost, Open, Opened, Task, begin, react
from .shards import Made
from .store import Store
from .worker import Outcome


def optimize(roots: Iterable[Operator], store: Store, rules: Sequence[Rule] = RULES) -> Plan:
    """The plan for `roots` after all rules."""
    plan = naive(roots)
    for rule in rules:
        plan = rule(plan, store)
        store.telling.rule_applied(rule.__name__, plan)
    store.telling.plan_made(plan)
    return plan


def run(plan: Plan, store: Store, resources: Resources) -> dict[str, Measure]:
    """Carry out every step; afterwards the store has the artifact of each root. What each node took, by its key.

    A run that was killed is taken up after the last whole shard. Raises Diagnostic for what the user can mend.
    """
    if not plan.steps:
        return {}
    store.check_writable()
    going = _Run(plan, Reading(store, resources))
    try:
        with started(plan, going.reading, going.shown.tell) as backend:
            going.carry_out(backend)
    finally:
        going.shown.end()
    going.rates.save()
    return going.measures


class _Run:
    """One run as it goes on: the rounds that are open, and what was measured so far."""

    def __init__(self, plan: Plan, reading: Reading) -> None:
        self.plan, self.reading, self.resources = plan, reading, reading.resources
        self.telling = self.resources.telling
        self.rounds: dict[int, OpenRound] = {}
        self.measures: dict[str, Measure] = {}
        self.rates = Rates.load(reading.store.root)
        self.shown = Shown(self.resources)

    def carry_out(self, backend: Backend) -> None:
        state = begin(needs_of(self.plan), frozenset(n for n, s in enumerate(self.plan.steps) if isinstance(s, Round)))
        told: deque[Event] = deque()
        dead = 0
        while not state.over:
            stop_if_asked()
            event = told.popleft() if told else backend.next()
            if isinstance(event, Done):  # or Found
                self._note(event.task, event.made)
            elif isinstance(event, Joined):
                self.telling.worker_joined(event.worker)
            elif isinstance(event, Lost):
                self.telling.worker_died(event.worker)
                dead += 1
            state, actions = react(state, event)
            for action in actions:
                match action:
                    case Open(step):
                        told.append(Opened(step, self._open(step)))
                    case Give(worker, task, wait):
                        backend.give(worker, task, wait)
                    case Finish(step):
                        self._finish(step)
                        told.append(Finished(step))
                    case Fail(task, error):
                        raise error or _given_up(self.plan, task)
        if dead:
            clear(self.reading.store.root)

    def _open(self, step: int) -> tuple[int, ...]:
        """Which shards of a round are to be made."""
        round_ = self.plan.steps[step]
        assert isinstance(round_, Round)
        self.resources.counts["rounds"] += 1
        found = self.rounds[step] = OpenRound(round_, self.reading)
        names = ", ".join(dict.fromkeys(share.label for share in found.shares))
        title = f"round {round_number(self.plan.steps, step)}/{len(self.plan.rounds)} {round_.dataset.name}: {names}"
        self.shown.open(step, title, found.total)
        todo = tuple(found.todo())
        self.telling.round_opened(round_number(self.plan.steps, step), round_, found.total, found.shards, len(todo))
        self.shown.advance(step, found.total - sum(found.needed(found.shard(n)) for n in todo))
        return todo

    def _note(self, task: Task, outcome: Outcome) -> None:
        """What a worker has done, and counted meanwhile."""
        resources, made = self.resources, outcome.made
        resources.counts.update(outcome.counts)
        if outcome.batch is not None:
            resources.batch = min(resources.batch, outcome.batch)
        resources.peak = max(resources.peak, outcome.peak)
        self.telling.pass_on(outcome.events, outcome.records)
        if isinstance(made, Made):
            found = self.rounds[task.step]
            found.add(task.shard, made)
            for scan in found.round.scans:
                if not made.found and scan.key in made.files:
                    self.reading.store.share_shard(scan, made.files[scan.key][0])
            self.shown.complete(task, found.needed(found.shard(task.shard)))
        elif isinstance(made, Measure):
            (operator,) = outputs(self.plan.steps[task.step])
            if not outcome.found:
                name, rows = global_rate(operator, resources.device), max(made.rows, 1)
                self.rates.learn(name, made.seconds, rows)
                self.rates.learn(f"rows of {name}", float(rows), 1)
            self.measures[operator.key] = made
            self.telling.step_done(operator.label(), {operator.key: made})

    def _finish(self, step: int) -> None:
        found = self.rounds.pop(step)
        measures = found.finish(self.rates)
        self.shown.close(step)
        self.measures.update(measures)
        number = round_number(self.plan.steps, step)
        self.telling.round_finished(number, found.round, found.began, measures, found.decoded)


def needs_of(plan: Plan) -> list[frozenset[int]]:
    """For each step the steps that make its inputs; what the store has is there from the beginning."""
    made = {o.key: number for number, step in enumerate(plan.steps) for o in outputs(step)}
    return [
        frozenset(made[i.key] for o in outputs(step) for i in o.inputs if i.key in made)
        for step in plan.steps
    ]  # fmt: skip


def _given_up(plan: Plan, task: Task) -> Diagnostic:
    step = plan.steps[task.step]
    what = f"images of {step.dataset.name}" if isinstance(step, Round) else step.operator.label()
    return Diagnostic(
        "no-workers", f"three workers have died over {what}", exit_code=1,
        hint="memory may have run out: use fewer workers or a smaller batch; what was finished is kept",
    )  # fmt: skip
