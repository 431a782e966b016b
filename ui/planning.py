"""From a checked query to operators: one job for each model, layer, method and judge, planned by the method itself."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass

from ..engine.fingerprint import Fingerprints
from ..engine.operator import Operator, digest
from ..lang.checked import CheckedQuery, UnitTarget
from ..lang.declare import Bound, Default, Selected
from ..lang.diagnostic import Diagnostic
from ..stdlib.catalog import methods, one_of
from ..stdlib.datasets.readable import left_out, told
from ..stdlib.job import Job, Planned
from ..stdlib.things import Dataset, Judge, Model, Texts, Thing


@dataclass(frozen=True)
class PlannedQuery:
    """The operators behind one query. `key` names the work; `tail` is what SQL does to the answer's rows."""

    verb: str
    answers: tuple[Operator, ...]
    evidence: tuple[Operator, ...]
    defaults: tuple[Default, ...]
    notes: tuple[str, ...]
    lenient: bool = False  # unreadable images are left out

    @property
    def key(self) -> str:
        return digest([a.key for a in self.answers])

    @property
    def roots(self) -> tuple[Operator, ...]:
        return self.answers + self.evidence


def dataset_of(parts: tuple[Selected, ...]) -> Dataset | None:
    """The images of an ON clause as one data set."""
    found = one_of(parts) if parts else None
    return found if isinstance(found, Dataset) else None


def texts_of(parts: tuple[Selected, ...]) -> Texts | None:
    """The words or captions of a clause as one list."""
    found = one_of(parts) if parts else None
    return found if isinstance(found, Texts) else None


def plan_query(query: CheckedQuery, known: Fingerprints) -> PlannedQuery:
    """Plan every job of a query. Raises Diagnostic for what the method or a fingerprint finds missing."""
    table = methods()
    planned: list[Planned] = []
    judges: tuple[object, ...] = query.judges or (None,)
    targets: tuple[UnitTarget | None, ...] = query.units or (None,)
    for target, bound, judge in itertools.product(targets, query.methods, judges):
        job = _job(query, target, bound, judge, known, several_judges=len(judges) > 1)
        planned.append(_located(lambda job=job: table[job.method].plan(job), query))  # type: ignore[misc]
    answers = tuple(p.answer for p in planned)
    notes = [note.message for note in query.notes]
    if known.lenient:
        notes += [told(dataset) for dataset in left_out(answers)]
    return PlannedQuery(
        query.verb,
        answers,
        tuple(p.evidence for p in planned if p.evidence is not None),
        query.defaults,
        tuple(notes),
        known.lenient,
    )


def _located(work: Callable[[], Planned], query: CheckedQuery) -> Planned:
    try:
        return work()
    except Diagnostic as problem:
        problem.span = problem.span or query.span
        raise (query.origin.mark(problem) if query.origin is not None else problem) from problem.__cause__


def _job(
    query: CheckedQuery,
    target: UnitTarget | None,
    bound: Bound,
    judge: object,
    known: Fingerprints,
    several_judges: bool,
) -> Job:
    changed = bound.changed()
    if several_judges and isinstance(judge, Judge):
        changed["judge"] = judge.name
    model = target.model if target is not None else None
    contrast = query.contrast
    source = _whole(query.source)
    return Job(
        verb=query.verb,
        known=known,
        values=bound.values,
        args=json.dumps(changed),
        method=bound.declaration.name,
        model=model if isinstance(model, Model) else None,
        layer=target.layer if target is not None else "",
        units=target.units if target is not None else None,
        images=dataset_of(query.images),
        words=texts_of(query.words),
        captions=texts_of(query.captions),
        judge=judge if isinstance(judge, Judge) else None,
        contrast=contrast.kind if contrast is not None else None,
        contrast_images=dataset_of(contrast.images) if contrast is not None else None,
        source=source,
    )


def _whole(source: Selected | None) -> Thing | None:
    if source is None:
        return None
    if isinstance(source.thing, Dataset):
        return dataset_of((source,))
    return texts_of((source,)) if isinstance(source.thing, Texts) else None
