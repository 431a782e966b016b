"""Facts that are true of every plan, whatever rules have made of it. Tests check them after each rule."""

from __future__ import annotations

from collections.abc import Callable

from .operator import Source
from .plan import Plan, Round, outputs


def acyclic(plan: Plan) -> str | None:
    import networkx as nx

    return None if nx.is_directed_acyclic_graph(plan.graph) else "the operators form a cycle"


def inputs_come_first(plan: Plan) -> str | None:
    made = set(plan.cached)
    for step in plan.steps:
        for operator in outputs(step):
            for given in operator.inputs:
                if not isinstance(given, Source) and given.key not in made:
                    return f"{operator.label()} runs before {given.label()}"
        made |= {o.key for o in outputs(step)}
    return None


def nothing_twice(plan: Plan) -> str | None:
    keys = [o.key for s in plan.steps for o in outputs(s)]
    return None if len(keys) == len(set(keys)) else "an operator stands in two steps"


def roots_are_made(plan: Plan) -> str | None:
    made = set(plan.cached) | {o.key for s in plan.steps for o in outputs(s)}
    missing = [r.label() for r in plan.roots if r.key not in made]
    return f"nothing makes {missing[0]}" if missing else None


def rounds_read_one_dataset(plan: Plan) -> str | None:
    for step in plan.steps:
        if isinstance(step, Round) and any(s.dataset.key != step.dataset.key for s in step.scans):
            return "a round holds scans of another data set"
    return None


def passes_share_one_forward(plan: Plan) -> str | None:
    for step in plan.steps:
        if isinstance(step, Round) and any(len({s.pass_key for s in p.scans}) != 1 for p in step.passes):
            return "a pass holds scans that do not share a forward"
    return None


def keys_hold_no_running_conditions(plan: Plan) -> str | None:
    """Batch size, device and workers change no value, so they may not change a key."""
    banned = {"batch", "batch_size", "device", "workers", "progress", "threads"}
    for step in plan.steps:
        for operator in outputs(step):
            if banned & set(operator.arguments):
                return f"{operator.label()} has a running condition among its arguments"
    return None


INVARIANTS: tuple[Callable[[Plan], str | None], ...] = (
    acyclic,
    inputs_come_first,
    nothing_twice,
    roots_are_made,
    rounds_read_one_dataset,
    passes_share_one_forward,
    keys_hold_no_running_conditions,
)


def violations(plan: Plan) -> list[str]:
    """What is wrong with a plan, as sentences; empty if nothing is."""
    return [found for check in INVARIANTS if (found := check(plan)) is not None]


__all__ = ["INVARIANTS", "violations"]
