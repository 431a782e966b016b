"""PLAN: what would run, what is shared, what is there already, how long it takes, which defaults were taken."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..engine.estimate import Estimate, estimate
from ..engine.measure import Measure, Rates
from ..engine.operator import Operator, Scan, Source
from ..engine.plan import Plan, Round, outputs
from ..engine.resources import Resources
from ..engine.reuse import lacking
from ..engine.store import Store
from ..lang.diagnostic import Diagnostic
from ..lang.sizes import spoken_size
from .planning import PlannedQuery

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


@dataclass(frozen=True)
class PlanView:
    """A plan to look at: as text, as rows in the columns of PLAN's answer, as a graph.

    `measures` are what each node took, for PLAN ANALYZE; without them seconds are estimates from earlier runs.
    """

    plan: Plan
    store: Store
    queries: Sequence[PlannedQuery]
    device: str
    estimate: Estimate
    measures: Mapping[str, Measure] | None = None
    memory: str = ""

    @property
    def text(self) -> str:
        """The plan as a person reads it."""
        return "\n".join(_lines(self))

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return self.text

    @property
    def rows(self) -> pa.Table:
        """The plan as a table, one row a node."""
        return plan_rows(self)

    def df(self) -> pd.DataFrame:
        """The rows as a pandas data frame."""
        return self.rows.to_pandas()

    def mermaid(self) -> str:
        """The graph as Mermaid text."""
        from .plan_graph import mermaid

        return mermaid(self)

    def dot(self) -> str:
        """The graph as Graphviz text."""
        from .plan_graph import dot

        return dot(self)

    def svg(self) -> str:
        """The graph as a picture."""
        from .plan_graph import svg

        return svg(self)

    def _repr_html_(self) -> str:
        from html import escape

        return f'<div>{self.svg()}</div><details><summary>as text</summary><pre>{escape(self.text)}</pre></details>'


def view_of(
    plan: Plan, store: Store, queries: Sequence[PlannedQuery], resources: Resources,
    measures: Mapping[str, Measure] | None = None,
) -> PlanView:  # fmt: skip
    """A plan with what earlier runs in this store say of its time."""

    def count(source: Source) -> int | None:
        try:
            return len(resources.open(source))
        except Diagnostic:
            return None  # what is missing is told when it is needed

    def new(round_: Round) -> int | None:
        return lacking(store, round_.dataset, round_.scans) if (store.root / "rows").exists() else None

    known = estimate(plan, Rates.load(store.root), resources.device, count, new)
    memory = "" if measures is None else f"memory: {told_peak(resources)}"
    return PlanView(plan, store, queries, resources.device, known, measures, memory)


def told_peak(resources: Resources) -> str:
    """What the process that has held most has held."""
    most, limit = spoken_size(resources.most_held()), resources.limit
    return f"at most {most} in one process" + ("" if limit is None else f", of {spoken_size(limit)} for all")


def _lines(view: PlanView) -> Iterator[str]:
    plan, measures = view.plan, view.measures
    numbers = numbers_of(plan)
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
            yield f"round {round_number}: {which} of {step.dataset.name} decoded once{_round_time(view, round_number)}"
            for p in step.passes:
                shared = f", one forward for {len(p.scans)} captures" if len(p.scans) > 1 else ""
                yield f"  ├─ {p.label}{shared}"
                for scan in p.scans:
                    yield f"  │    p{numbers[scan.key]} := {scan.label()}{_used(scan, readers)}{_took(scan, measures)}"
        else:
            yield _node(step.operator, numbers, readers) + _took(step.operator, measures)
    if plan.cached:
        yield "in the store already:"
        for operator in plan.order:
            if operator.key in plan.cached:
                yield f"  p{numbers[operator.key]} := {operator.label()}"
    sources = [o for o in plan.order if isinstance(o, Source)]
    yield "sources: " + ", ".join(s.label() for s in sources)
    seen = dict.fromkeys(d for q in view.queries for d in q.defaults)
    for default in seen:
        yield f"default {default.slot}: {default.value} ({default.why})"
    for note in dict.fromkeys(n for q in view.queries for n in q.notes):
        yield f"note: {note}"
    if plan.steps:
        yield _time(view)
        if view.memory:
            yield view.memory


def _time(view: PlanView) -> str:
    if view.measures is not None:
        return f"time: {spoken(sum(m.seconds for m in view.measures.values()))} on {view.device}"
    known = view.estimate
    if not known.seconds:
        return f"time: unknown, nothing like this has run on {view.device} in this store"
    least = "at least " if known.unknown else "about "
    rest = f"; unknown: {', '.join(known.unknown)}" if known.unknown else ""
    return f"time: {least}{spoken(known.total)} on {view.device}, from earlier runs{rest}"


def _round_time(view: PlanView, number: int) -> str:
    if view.measures is not None or number > len(view.estimate.rounds):
        return ""
    seconds, there = view.estimate.rounds[number - 1], view.estimate.there[number - 1]
    known = f", {there:,} of them known from earlier runs" if there else ""
    return known + ("" if seconds is None else f", about {spoken(seconds)}")


def spoken(seconds: float) -> str:
    """'0.4 s', '38 s', '4 min', '3 h 20 min'."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"


def _took(operator: Operator, measures: Mapping[str, Measure] | None) -> str:
    found = measures.get(operator.key) if measures is not None else None
    return "" if found is None else f" [{spoken(found.seconds)}, {found.rows:,} rows, {spoken_size(found.bytes)}]"


def numbers_of(plan: Plan) -> dict[str, int]:
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


def plan_rows(view: PlanView) -> pa.Table:
    """The plan in the columns of PLAN's answer; what is not known before a run is NULL."""
    import pyarrow as pa

    plan, numbers = view.plan, numbers_of(view.plan)
    rows = []
    made = {o.key for s in plan.steps for o in outputs(s)}
    for operator in sorted(plan.order, key=lambda o: numbers[o.key]):
        held = view.store.described(operator) if operator.key not in made and not isinstance(operator, Source) else None
        measure = (view.measures or {}).get(operator.key)
        estimated = view.estimate if view.measures is None else None
        rows.append(
            {
                "node": numbers[operator.key],
                "operator": operator.label(),
                "inputs": [numbers[i.key] for i in operator.inputs],
                "cached": held is not None,
                "rows": measure.rows if measure else held.rows if held
                else estimated.rows.get(operator.key) if estimated else None,
                "bytes": measure.bytes if measure else held.bytes if held else None,
                "seconds": measure.seconds if measure else 0.0 if held
                else estimated.seconds.get(operator.key) if estimated else None,
                "passes": (1 if isinstance(operator, Scan) else 0) if operator.key in made else 0,
            }
        )  # fmt: skip
    schema = pa.schema(
        [
            ("node", pa.int32()), ("operator", pa.string()), ("inputs", pa.list_(pa.int32())), ("cached", pa.bool_()),
            ("rows", pa.int64()), ("bytes", pa.int64()), ("seconds", pa.float64()), ("passes", pa.int32()),
        ]
    )  # fmt: skip
    return pa.Table.from_pylist(rows, schema=schema)
