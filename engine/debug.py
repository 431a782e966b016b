"""CLQ_DEBUG, a ladder on standard error: 1 the plan with keys, 2 time and bytes of each step, 3 each rule's plans,
4 each operator's inputs and outputs."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from .artifact import Artifact, Result
from .operator import Operator, Source
from .plan import Compute, Plan

if TYPE_CHECKING:
    from .measure import Measure


def level() -> int:
    """The value of $CLQ_DEBUG, 0 if it is not set or no number."""
    text = os.environ.get("CLQ_DEBUG", "")
    return int(text) if text.isdigit() else 0


def say(text: str) -> None:
    print(text, file=sys.stderr)


def show_plan(title: str, plan: Plan) -> None:
    """The steps of a plan, each with the beginning of its key, and what the store has."""
    say(f"-- {title}")
    for line in _lines(plan):
        say(line)


def _lines(plan: Plan) -> Iterator[str]:
    for step in plan.steps:
        if isinstance(step, Compute):
            yield f"   compute {_named(step.operator)}"
            continue
        yield f"   round over {step.dataset.name} {step.dataset.key[:8]}"
        for p in step.passes:
            yield f"     {p.label}"
            yield from (f"       {_named(s)}" for s in p.scans)
    for operator in plan.order:
        if operator.key in plan.cached:
            yield f"   stored  {_named(operator)}"


def _named(operator: Operator) -> str:
    inputs = ", ".join(i.key[:8] for i in operator.inputs)
    return f"{operator.key[:8]} {type(operator).__name__} v{operator.version}: {operator.label()} <- [{inputs}]"


def show_step(what: str, seconds: float, measures: dict[str, Measure]) -> None:
    total = sum(m.bytes for m in measures.values())
    say(f"-- {what}: {seconds:.3f} s, {total:,} bytes in {len(measures)} artifacts")


def show_call(operator: Operator, read: list[Artifact], result: Result, rows: int, device: str) -> None:
    """The shapes that an operator read and gave."""
    given = [f"{a.key[:8]} {a.rows} rows" for a in read] + [i.label() for i in operator.inputs if isinstance(i, Source)]
    say(f"-- {type(operator).__name__} on {device}: {', '.join(given)} -> {', '.join(_shapes(result, rows))}")


def _shapes(result: Result, rows: int) -> Iterator[str]:
    if result.table is not None:
        yield f"table {rows} x {len(result.table.schema)}"
    for name, array in (result.arrays or {}).items():
        yield f"{name} {_shape(array)}"


def _shape(array: Any) -> str:
    return f"{array.dtype}{list(array.shape)}"
