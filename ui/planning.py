"""From a checked query to operators: one job for each model, layer, method and judge, planned by the method itself."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

from ..engine.fingerprint import Fingerprints
from ..engine.operator import Operator, digest
from ..engine.store import Store
from ..lang.ast import Span
from ..lang.checked import CheckedQuery, GroupTarget, OtherTarget, UnitTarget
from ..lang.declare import Bound, Default, MethodDeclaration, Selected
from ..lang.diagnostic import Diagnostic
from ..ops.judged import without_rows
from ..stdlib.catalog import methods, one_of
from ..stdlib.datasets.readable import left_out, told
from ..stdlib.job import Asked, Job, Judged, TargetKind
from ..stdlib.things import Dataset, Judge, Model, Texts, Thing

Made = TypeVar("Made")


@dataclass(frozen=True)
class PlannedQuery:
    """The operators behind one query. `key` names the work; `tail` is what SQL does to the answer's rows."""

    verb: str
    answers: tuple[Operator, ...]
    evidence: tuple[Operator, ...]
    defaults: tuple[Default, ...]
    notes: tuple[str, ...]
    lenient: bool = False  # unreadable images are left out
    planned: bool = True  # else nothing is known but the verb
    jobs: tuple[Job, ...] = ()  # one for each answer

    @property
    def has_evidence(self) -> bool:
        """Whether images stand behind the answer, or may: EXPLAIN and TRANSFER keep them."""
        return bool(self.evidence) if self.planned else self.verb in {"EXPLAIN", "TRANSFER"}

    @property
    def key(self) -> str:
        return digest([a.key for a in self.answers])

    @property
    def roots(self) -> tuple[Operator, ...]:
        return self.answers + self.evidence

    def roots_now(self, store: Store) -> tuple[Operator, ...]:
        """What can be computed: of a metric whose rows are not there yet, all that does not hang on them."""
        found: list[Operator] = []
        for root in self.roots:
            now = without_rows(root)
            found += (root,) if now != (root,) and store.find(root) is not None else now
        return tuple(found)


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
    judges: tuple[object, ...] = query.judges or (None,)
    asked, origins, several = _asked(query), tuple[Asked, ...](), len(judges) > 1
    if query.to:
        origins, asked = tuple(asked), [_space(place) for place in query.to]
    jobs = [
        _located(partial(_job, query, target, bound, judge, known, several, origins), query)
        for target, bound, judge in itertools.product(asked, query.methods, judges)
    ]
    return _planned(query, jobs, known)


def plan_evaluation(query: CheckedQuery, judged: Sequence[Judged], known: Fingerprints) -> PlannedQuery:
    """Plan every metric for every job of the answer that it measures; images and judge are those of the answer where
    the query names no others. Raises Diagnostic as `plan_query`."""
    judges: tuple[object, ...] = query.judges or (None,)
    jobs, defaults = [], list(query.defaults)
    for one, bound, judge in itertools.product(judged, query.methods, judges):
        asked = Asked(one.kind, one.model, one.layer)
        job = _located(partial(_job, query, asked, bound, judge, known, several_judges=len(judges) > 1), query)
        own, needs = json.loads(job.args), _needs(bound)
        for slot, given, brought in (("dataset", job.images, one.images), ("judge", job.judge, one.judge)):
            if given is None and brought is not None and {"dataset": "images"}.get(slot, slot) in needs:
                defaults.append(Default(slot, brought.name, "that of the answer"))
        args = json.dumps({**json.loads(one.args), **({job.method: own} if own else {})})
        jobs.append(
            replace(job, args=args, images=job.images or one.images, judge=job.judge or one.judge, measured=one)
        )  # fmt: skip
    planned = _planned(query, jobs, known)
    return replace(planned, defaults=tuple(dict.fromkeys(defaults)))


def _needs(bound: Bound) -> frozenset[str]:
    return bound.declaration.needs if isinstance(bound.declaration, MethodDeclaration) else frozenset()


def _planned(query: CheckedQuery, jobs: Sequence[Job], known: Fingerprints) -> PlannedQuery:
    table = methods()
    planned = [_located(partial(table[job.method].plan, job), query) for job in jobs]
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
        jobs=tuple(jobs),
    )


def _space(place: UnitTarget) -> Asked:
    return Asked("unit", _model(place.model), place.layer, place.units)


def _model(thing: object) -> Model | None:
    return thing if isinstance(thing, Model) else None


def _asked(query: CheckedQuery) -> list[Asked]:
    """The jobs of a query's targets, in their order: one for units of a layer, for all groups that are written of it,
    for each layer whose groups are to be found, for the failures of a model, for its classes, for texts."""
    found: dict[tuple[object, ...], Asked] = {}
    for target in query.targets:
        if isinstance(target, UnitTarget):
            found[len(found),] = _space(target)
        elif isinstance(target, GroupTarget):
            key = ("group", target.model.name, target.layer)
            before = found[key].groups if key in found else ()
            found[key] = Asked("group", _model(target.model), target.layer, None, (*before, target.units))
        elif target.kind in {"class", "classes", "text"}:
            kind: TargetKind = "text" if target.kind == "text" else "class"
            whose = (target.kind, "" if target.model is None else target.model.name)
            values = (*(found[whose].values if whose in found else ()), *target.values)
            found[whose] = Asked(kind, _model(target.model), values=values)
        elif target.kind in {"groups", "failures", "failure"}:
            places = [p for p in query.layers if target.model is not None and p.model.name == target.model.name]
            where = [(place.layer, place.units) for place in places] or [("", None)]
            for layer, units in where:
                if target.kind == "failure":
                    key = ("failure", "" if target.model is None else target.model.name, layer)
                    texts = (*(found[key].slices if key in found else ()), *map(str, target.values))
                    found[key] = Asked("failure", _model(target.model), layer, units, (), texts)
                else:
                    sought: TargetKind = "groups" if target.kind == "groups" else "failures"
                    found[len(found),] = Asked(sought, _model(target.model), layer, units)
    return list(found.values()) or [Asked()]


def _located(work: Callable[[], Made], query: CheckedQuery) -> Made:
    try:
        return work()
    except Diagnostic as problem:
        problem.span = problem.span or query.span
        raise (query.origin.mark(problem) if query.origin is not None else problem) from problem.__cause__


def _job(
    query: CheckedQuery,
    target: Asked,
    bound: Bound,
    judge: object,
    known: Fingerprints,
    several_judges: bool,
    origins: tuple[Asked, ...] = (),
) -> Job:
    changed = bound.changed()
    if several_judges and isinstance(judge, Judge):
        changed["judge"] = judge.name
    contrast = query.contrast
    slots = {
        "images": (query.images, dataset_of), "words": (query.words, texts_of), "captions": (query.captions, texts_of),
        "contrast_images": (contrast.images if contrast is not None else (), dataset_of),
        "source": ((query.source,) if query.source is not None else (), _whole),
    }  # fmt: skip
    filled, places = {}, dict(query.places)
    for slot, (parts, made) in slots.items():
        filled[slot] = _filled(parts, made, places)
    return Job(
        verb=query.verb,
        known=known,
        values=bound.values,
        args=json.dumps(changed),
        method=bound.declaration.name,
        model=target.model,
        layer=target.layer,
        units=target.units,
        kind=target.kind,
        groups=target.groups,
        slices=target.slices,
        classes=tuple(v for t in query.for_ if isinstance(t, OtherTarget) and t.kind == "class" for v in t.values),
        judge=judge if isinstance(judge, Judge) else None,
        contrast=contrast.kind if contrast is not None else None,
        places=places,
        spans=bound.spans,
        origins=origins,
        meanings=query.meanings,
        **filled,
    )


def _filled(
    parts: tuple[Selected, ...], made: Callable[[tuple[Selected, ...]], Thing | None], places: dict[str, Span]
) -> Any:
    """The parts of a clause as one thing, of which `places` then knows where it stands."""
    if not parts:
        return None
    place = parts[0].span.to(parts[-1].span)
    try:
        thing = made(parts)
    except Diagnostic as problem:
        problem.span = problem.span or place
        raise
    if thing is not None:
        places.setdefault(thing.name, place)
    return thing


def _whole(parts: tuple[Selected, ...]) -> Thing | None:
    return dataset_of(parts) if isinstance(parts[0].thing, Dataset) else texts_of(parts)
