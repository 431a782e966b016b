"""Give scans of one model over one data set a common forward: five layers cost one pass, stopped at the deepest."""

from __future__ import annotations

from ..plan import Compute, Pass, Plan, Round, Step, in_order, levels
from ..store import Store


def fuse_captures(plan: Plan, store: Store) -> Plan:
    """Merge passes with the same pass key, data set and level into the earliest of their rounds."""
    depth = levels(plan)
    groups: dict[tuple[str, str, int], list[Pass]] = {}
    for round_ in plan.rounds:
        for p in round_.passes:
            groups.setdefault((p.scans[0].pass_key, round_.dataset.key, depth[p.scans[0].key]), []).append(p)
    placed: set[tuple[str, str, int]] = set()
    steps: list[Step] = []
    for step in plan.steps:
        if isinstance(step, Compute):
            steps.append(step)
            continue
        passes = []
        for p in step.passes:
            group = (p.scans[0].pass_key, step.dataset.key, depth[p.scans[0].key])
            if group not in placed:
                placed.add(group)
                passes.append(Pass(tuple(s for q in groups[group] for s in q.scans)))
        if passes:
            steps.append(Round(step.dataset, tuple(passes)))
    return plan.having(in_order(steps, plan))
