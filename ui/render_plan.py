"""PLAN: what would run, what is shared, what is there already, which defaults were taken; as a tree and as rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ..engine.operator import Operator, Scan, Source
from ..engine.plan import Plan, Round, outputs
from ..engine.store import Store
from .planning import PlannedQuery

if TYPE_CHECKING:
    import pyarrow as pa


def plan_text(plan: Plan, store: Store, queries: Sequence[PlannedQuery]) -> str:
    """The plan as a person reads it."""
    return "\n".join(_lines(plan, store, queries))


def _lines(plan: Plan, store: Store, queries: Sequence[PlannedQuery]) -> Iterator[str]:
    numbers = _numbers(plan)
    readers: dict[str, int] = {}
    for operator in plan.order:
        for given in operator.inputs:
            readers[given.key] = readers.get(given.key, 0) + 1
    if not plan.steps:
        yield "Everything is in the store: no image is read, no model is loaded."
    round_number = 0
    for step in plan.steps:
        if isinstance(step, Round):
            round_number += 1
            which = "selected images" if _selects(step) else "every image"
            yield f"round {round_number}: {which} of {step.dataset.name} decoded once"
            for p in step.passes:
                shared = f", one forward for {len(p.scans)} captures" if len(p.scans) > 1 else ""
                yield f"  ├─ {p.label}{shared}"
                for scan in p.scans:
                    yield f"  │    p{numbers[scan.key]} := {scan.label()}{_used(scan, readers)}"
        else:
            yield _node(step.operator, numbers, readers)
    if plan.cached:
        yield "in the store already:"
        for operator in plan.order:
            if operator.key in plan.cached:
                yield f"  p{numbers[operator.key]} := {operator.label()}"
    sources = [o for o in plan.order if isinstance(o, Source)]
    yield "sources: " + ", ".join(s.label() for s in sources)
    seen = dict.fromkeys(d for q in queries for d in q.defaults)
    for default in seen:
        yield f"default {default.slot}: {default.value} ({default.why})"
    for note in dict.fromkeys(n for q in queries for n in q.notes):
        yield f"note: {note}"


def _numbers(plan: Plan) -> dict[str, int]:
    """Key -> number of each operator in the order in which the text names them, sources last."""
    done = [o for step in plan.steps for o in outputs(step)]
    rest = [o for o in plan.order if not isinstance(o, Source)]
    return {key: i for i, key in enumerate(dict.fromkeys(o.key for o in [*done, *rest, *plan.order]), 1)}


def _selects(step: Round) -> bool:
    return all(type(s).selected is not Scan.selected for s in step.scans)


def _node(operator: Operator, numbers: dict[str, int], readers: dict[str, int]) -> str:
    given = ", ".join(f"p{numbers[i.key]}" for i in operator.inputs if not isinstance(i, Source))
    return (
        f"p{numbers[operator.key]} := {operator.label()}{f' from {given}' if given else ''}{_used(operator, readers)}"
    )


def _used(operator: Operator, readers: dict[str, int]) -> str:
    return f" (used {readers[operator.key]} times)" if readers.get(operator.key, 0) > 1 else ""


def plan_rows(plan: Plan, store: Store) -> pa.Table:
    """The plan in the columns of PLAN's answer; what is not known before a run is NULL."""
    import pyarrow as pa

    numbers = _numbers(plan)
    operators = sorted(plan.order, key=lambda o: numbers[o.key])
    rows = []
    made = {o.key for s in plan.steps for o in outputs(s)}
    for operator in operators:
        held = store.find(operator) if operator.key in plan.cached else None
        rows.append(
            {
                "node": numbers[operator.key],
                "operator": operator.label(),
                "inputs": [numbers[i.key] for i in operator.inputs],
                "cached": held is not None,
                "rows": held.rows if held else None,
                "bytes": held.bytes if held else None,
                "seconds": float(held.manifest["seconds"]) if held else None,
                "passes": (1 if isinstance(operator, Scan) else 0) if operator.key in made else 0,
            }
        )
    schema = pa.schema(
        [
            ("node", pa.int32()), ("operator", pa.string()), ("inputs", pa.list_(pa.int32())), ("cached", pa.bool_()),
            ("rows", pa.int64()), ("bytes", pa.int64()), ("seconds", pa.float64()), ("passes", pa.int32()),
        ]
    )  # fmt: skip
    return pa.Table.from_pylist(rows, schema=schema)
