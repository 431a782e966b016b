"""Gather all passes over one data set that can run at the same time into one round: each image is decoded once for
all."""

from __future__ import annotations

from ..plan import Compute, Pass, Plan, Round, Step, in_order, levels
from ..store import Store


def share_scans(plan: Plan, store: Store) -> Plan:
    """Merge rounds of the same data set and level; the subject and the judge then read from one decode."""
    depth = levels(plan)
    rounds: dict[tuple[str, int], list[Pass]] = {}
    steps: list[Step] = []
    for step in plan.steps:
        if isinstance(step, Compute):
            steps.append(step)
            continue
        for p in step.passes:
            rounds.setdefault((step.dataset.key, max(depth[s.key] for s in p.scans)), []).append(p)
    datasets = {r.dataset.key: r.dataset for r in plan.rounds}
    steps += [Round(datasets[key], tuple(passes)) for (key, _), passes in rounds.items()]
    return plan.having(in_order(steps, plan))
