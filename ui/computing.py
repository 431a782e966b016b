"""Computing what planned queries ask for: one plan for all of them, made again where images turn out unreadable."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..engine.fingerprint import Fingerprints
from ..engine.leases import lease
from ..engine.plan import Plan, graph_of, ordered
from ..engine.resources import Resources
from ..engine.run import optimize, run
from ..engine.store import Store
from ..engine.unread import Unreadable
from ..lang.checked import CheckedQuery
from ..lang.diagnostic import Diagnostic
from .answering import Ready

if TYPE_CHECKING:
    from ..engine.measure import Measure


def placed(problem: Diagnostic, queries: Sequence[CheckedQuery]) -> Diagnostic:
    """A mistake found while running, at what it is about in the first query that wrote it."""
    if problem.span is not None:
        return problem
    found = [(q, q.places[name]) for name in problem.about for q in queries if name in q.places]
    whole = [(q, q.span) for q in queries] if len(queries) == 1 and problem.about else []
    for query, span in (found or whole)[:1]:
        problem.span = span
        return query.origin.mark(problem) if query.origin is not None else problem
    return problem


class Computing:
    """Optimises and runs the plans of one session; `remarks` are for the user."""

    def __init__(self, store: Store, resources: Resources, known: Fingerprints, remarks: list[str]) -> None:
        self.store, self.resources, self.known, self.remarks = store, resources, known, remarks
        self.made = False  # something that was not in the store

    def optimized(self, queries: Sequence[Ready]) -> Plan:
        return optimize([root for q in queries for root in q.planned.roots], self.store)

    @contextmanager
    def computed(
        self, queries: Sequence[Ready], what: str, ask: Callable[[Plan], None] | None = None
    ) -> Iterator[tuple[Plan, dict[str, Measure]]]:
        """The artifacts of all queries are in the store, and stay there until this ends; `what` is for who looks on.

        `ask` is told of the plan first and may raise to stop it. Where unreadable images are left out, the queries are
        planned anew without them when a round has found some: the plan is the last one, the measures are of all that
        was done.
        """
        self.resources.lenient = bool(queries) and all(q.planned.lenient for q in queries)
        measures: dict[str, Measure] = {}
        while True:
            roots = [root for q in queries for root in q.planned.roots]
            # Before the plan is made: what it finds in the store must still be there when it is carried out.
            with lease(self.store.root, [o.key for o in ordered(graph_of(roots))], what):
                plan = optimize([root for q in queries for root in q.planned.roots_now(self.store)], self.store)
                if self.store.damaged:
                    count = len(self.store.damaged)
                    self.remarks.append(f"{count} damaged artifacts were set aside and are made again")
                    self.store.damaged.clear()
                if ask is not None and plan.steps:
                    ask(plan)
                    ask = None
                self.made |= bool(plan.steps)
                try:
                    measures.update(run(plan, self.store, self.resources))
                except Diagnostic as problem:
                    raise placed(problem, [q.query for q in queries]) from problem.__cause__
                except Unreadable as found:
                    self._leave_out(found, queries)
                    continue
                if self.resources.counts.pop("halved", 0):
                    self.remarks.append(f"memory was short: batches were cut to {self.resources.batch} images")
                yield plan, measures
                return

    def _leave_out(self, found: Unreadable, queries: Sequence[Ready]) -> None:
        """Remember the unreadable images and plan again."""
        assert found.dataset.identities is not None
        identities = found.dataset.identities()
        for index, error in found.reasons.items():
            self.known.note_unreadable(identities[index], error)
        lenient, self.known.lenient = self.known.lenient, True
        try:
            for query in queries:
                query.plan_anew()
        finally:
            self.known.lenient = lenient
