"""Leave out every step whose artifact the store has, and everything that only such steps need."""

from __future__ import annotations

from ..operator import Operator, Source
from ..plan import Compute, Pass, Plan, Round, Step
from ..store import Store


def cut_cached(plan: Plan, store: Store) -> Plan:
    """Walk from the roots; stop at what is stored. Stored artifacts are verified here, so a damaged one is made
    again."""
    cached: set[str] = set()
    needed: set[str] = set()
    todo: list[Operator] = list(plan.roots)
    while todo:
        level, todo = todo, []
        store.expect(o.key for o in level if not isinstance(o, Source) and o.key not in needed)
        for operator in level:
            if operator.key in needed or operator.key in cached or isinstance(operator, Source):
                continue
            if store.find(operator) is not None:
                cached.add(operator.key)
                continue
            needed.add(operator.key)
            todo.extend(operator.inputs)
    steps: list[Step] = []
    for step in plan.steps:
        if isinstance(step, Compute):
            if step.operator.key in needed:
                steps.append(step)
            continue
        passes = tuple(
            Pass(kept) for p in step.passes if (kept := tuple(s for s in p.scans if s.key in needed))
        )  # fmt: skip
        if passes:
            steps.append(Round(step.dataset, passes))
    return plan.having(steps, frozenset(cached))
