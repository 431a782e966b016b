"""One query against a catalogue: every name a thing, every slot filled, every default recorded, all mistakes found."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NoReturn, TypeVar

from . import ast
from .ast import Span
from .bind import bind_each, filled, parameter_value
from .checked import (
    CheckedContrast,
    CheckedQuery,
    CheckedSql,
    CheckedTarget,
    GroupTarget,
    MeaningKey,
    Origin,
    OtherTarget,
    Table,
    Tail,
    UnitTarget,
)
from .declare import Bound, Catalog, Default, Kind, MethodDeclaration, Selected, Slot, Thing, part_of
from .diagnostic import FOLLOWS, Diagnostic, as_one, did_you_mean
from .methods import declared, fit_answer, fit_found, fit_judges, fit_targets, refuse_unread
from .resolve import SPOKEN, parts, resolve_whole
from .settings import set_defaults
from .tail import check_columns, limit_note, rank_note, tail_of
from .targets import KINDS, checked_places, checked_targets, is_answer, meanings_of, refuse_things
from .verbs import CLAUSES, VERBS

Made = TypeVar("Made")
Other = TypeVar("Other")

_SLOT_CLAUSE: dict[Slot, str] = {
    "model": "OF", "dataset": "ON", "vocabulary": "WITH", "captions": "CAPTIONED BY", "judge": "JUDGED BY",
    "method": "USING",
}  # fmt: skip
_ASKS: dict[Slot, str] = {
    "model": "Of which model?", "dataset": "On which images?", "vocabulary": "With which words?",
    "captions": "Which captions?", "judge": "Which judge?", "method": "By which method?",
}  # fmt: skip


@dataclass
class QueryChecker:
    """Looks at one query; what cannot be known because of an earlier mistake is left out and not told again."""

    query: ast.Query
    catalog: Catalog
    origin: Origin | None
    sql: Callable[[ast.Sql], CheckedSql]
    problems: list[Diagnostic] = field(default_factory=list)
    defaults: list[Default] = field(default_factory=list)
    model: Thing | None = None
    judge: Thing | None = None
    filling: bool = True
    known: bool = True
    places: dict[str, Span] = field(default_factory=dict)
    for_fits: bool = True
    in_fits: bool = True

    def checked(self) -> CheckedQuery:
        """The checked query. Raises Diagnostic with every mistake in it."""
        q, attempt = self.query, self._attempt
        attempt(self._verb_exists, None)
        attempt(self._clauses_fit, None)
        self._right_places()
        methods = attempt(self._methods, None)
        attempt(lambda: fit_targets(q, methods or (), self.catalog), None)
        models = attempt(self._models, None)
        targets = None
        if models is not None:
            targets = attempt(lambda: checked_targets(q.targets, models or (), q, self.catalog), None)
            attempt(lambda: fit_found(q, targets or (), methods or (), self.catalog), None)
        if models == ():
            models = tuple({t.model.name: t.model for t in targets or () if t.model is not None}.values())
        # After a mistake above nobody can say which default would have been taken.
        self.known = not self._brought(targets)
        self.filling = self.known and None not in (models, methods, targets)
        to = attempt(self._to, ()) if q.to is not None else ()
        self.model = models[0] if models else to[0].model if to else None
        needs = {need for m in methods or () for need in _needs(m)}
        if methods and any(isinstance(t, OtherTarget) and t.kind == "text" for t in targets or ()):
            needs.add("judge")  # who reads the text
        own = q.verb == "EVALUATE"  # an answer brings its judge with it
        judges = attempt(lambda: self._judges("judge" in needs and not own, methods or ()), None)
        self.judge = judges[0] if judges else None
        source = attempt(self._source, None) if q.source is not None else None
        attempt(lambda: fit_answer(source, methods or ()), None)
        wanted = "images" in needs and q.source is None
        images = attempt(lambda: self._parts(q.on, "dataset", wanted, models or ()), ())
        words = attempt(lambda: self._parts(q.with_, "vocabulary", "words" in needs, models or ()), ())
        self.filling = self.filling and judges is not None  # the judge says which captions go with it
        captions = attempt(lambda: self._parts(q.captioned, "captions", "captions" in needs, ()), ())
        places, done = q.in_ if models and self.in_fits else (), q.for_ if self.for_fits else ()
        layers = attempt(lambda: checked_places(places, models or (), q, self.catalog), ())
        done_for = attempt(lambda: checked_targets(done, models or (), q, self.catalog), ())
        meanings: dict[MeaningKey, str] = {}
        if q.verb == "TRANSFER" and targets:
            meanings = attempt(lambda: meanings_of(q.targets, models or (), self.catalog), {})
        contrast = attempt(self._contrast, None)
        changes = attempt(self._changes, ())
        attempt(lambda: check_columns(q, images), None)
        tail = attempt(lambda: tail_of(q, self.catalog, self.sql), EMPTY_TAIL)
        found = as_one(self.problems)
        if found is not None:
            raise found
        self.defaults += set_defaults(q, methods or (), self.catalog)
        units = tuple(t for t in targets or () if isinstance(t, UnitTarget))
        notes = (limit_note(q, tail.limit, units), rank_note(q, methods or (), self.catalog))
        return CheckedQuery(
            verb=q.verb, span=q.span, targets=targets or (), source=source, models=models or (), layers=layers,
            images=images, for_=done_for, to=to, methods=methods or (), contrast=contrast, words=words,
            captions=captions, judges=judges or (), changes=changes, defaults=tuple(self.defaults),
            tails=() if tail == EMPTY_TAIL else (tail,), into=q.into.name if q.into else None,
            into_is_file=q.into.is_file if q.into else False, into_span=q.into.span if q.into else None,
            notes=tuple(n for n in notes if n), origin=self.origin, known=self.known,
            places=self._places((*(targets or ()), *layers, *to), methods or ()), meanings=meanings,
        )  # fmt: skip

    def _places(self, targets: Sequence[CheckedTarget], methods: Sequence[Bound]) -> dict[str, Span]:
        """Where things, layers and things among the arguments of methods were written, by their names."""
        found = dict(self.places)
        for target in targets:
            if isinstance(target, UnitTarget | GroupTarget):
                found.setdefault(target.layer, target.span)
        for method in methods:
            for name, value in method.values.items():
                if name in method.spans and isinstance(value, (Thing, Selected)):
                    found.setdefault(value.name, method.spans[name])
        return found

    def _placed(self, part: Selected) -> Selected:
        for name in (part.name, part_of(part.name, part.items)):
            self.places.setdefault(name, part.span)
        return part

    def _attempt(self, work: Callable[[], Made], otherwise: Other) -> Made | Other:
        """What `work` gives; its mistake is kept for the end."""
        try:
            return work()
        except Diagnostic as problem:
            self.problems += problem.every()
            return otherwise

    # ------------------------------------------------------------------ the verb and its clauses

    def _verb_exists(self) -> None:
        verb = VERBS[self.query.verb]
        if verb.methods and not self.catalog.methods(self.query.verb):
            verbs = sorted({verb for m in self.catalog.methods() for verb in m.verbs})
            message = f"No method of {self.query.verb} exists in this version; verbs with methods: {', '.join(verbs)}"
            raise Diagnostic("not-here", message, self.query.verb_span)

    def _clauses_fit(self) -> None:
        verb = VERBS[self.query.verb]
        for keyword, span in self.query.clause_spans.items():
            if keyword in CLAUSES and keyword not in verb.clauses:
                reads = ", ".join(c for c in CLAUSES if c in verb.clauses)
                word = Span(span.start, span.start + len(keyword.split()[0]))
                rest = f". It reads {reads}" if reads else "; it has no clauses but WHERE, ORDER BY, LIMIT and INTO"
                self.problems.append(Diagnostic("unexpected", f"{verb.name} reads no {keyword}{rest}", word))

    def _right_places(self) -> None:
        q = self.query
        takes = ". FOR takes what it is done for, such as CLASS 'boat'"
        self.for_fits = self._attempt(lambda: refuse_things(q.for_, "FOR", self.catalog, takes), False)
        head = "DETECT OUTLIERS" if q.verb == "DETECT" else "DISCOVER CONCEPTS" if q.verb == "DISCOVER" else None
        example = f": {head} {{of}} {{name}}" if head else ". IN takes a layer, such as layer4"
        self.in_fits = self._attempt(lambda: refuse_things(q.in_, "IN", self.catalog, example), False)
        if q.verb == "DISCOVER" and not q.in_:
            model = CLAUSES["OF"].example if not q.of else self._written(q.of[0].span)
            message = f"In which layer? DISCOVER CONCEPTS IN layer4 OF {model}"
            self.problems.append(Diagnostic("missing-clause", message, q.verb_span))
        if q.verb == "TRANSFER" and q.to is None:
            message = "To which layer of which model? TRANSFER labels TO layer4 OF labself"
            self.problems.append(Diagnostic("missing-clause", message, q.verb_span))
        if q.verb == "TRACE" and not q.in_:
            message = "In which earlier layers? TRACE layer4[3] IN layer1, layer2 OF labnet"
            self.problems.append(Diagnostic("missing-clause", message, q.verb_span))
        kinds = {t.kind for t in q.targets}
        if "groups" in kinds and not q.in_:
            model = CLAUSES["OF"].example if not q.of else self._written(q.of[0].span)
            message = f"In which layer? {q.verb} GROUPS IN layer4 OF {model}"
            place = next(t.span for t in q.targets if t.kind == "groups")
            self.problems.append(Diagnostic("missing-clause", message, place))
        if q.in_ and self.in_fits and kinds and kinds <= {"place", "group", "subquery"} and q.verb not in {"TRACE"}:
            message = "IN says where GROUPS are looked for. A layer is named directly: EXPLAIN layer4[0:64]"
            self.problems.append(Diagnostic("unexpected", message, q.clause_spans["IN"]))
        if q.for_ and self.for_fits and q.verb == "EXPLAIN" and "failures" not in kinds:
            message = "FOR goes with EXPLAIN FAILURES; units are explained whatever they are for"
            self.problems.append(Diagnostic("unexpected", message, q.clause_spans["FOR"]))

    def _written(self, span: Span) -> str:
        """A short example in place of text that the checker does not have."""
        names = self.query.of
        first = names[0] if names else None
        if isinstance(first, ast.Place) and isinstance(first.name, ast.Name) and first.span == span:
            return first.name.text
        return "labnet"

    # ------------------------------------------------------------------ methods

    def _methods(self) -> tuple[Bound, ...] | None:
        """The methods with their arguments; None where the verb has none, which has been told."""
        q, known = self.query, {m.name: m for m in self.catalog.methods(self.query.verb)}
        if not known:
            return None if VERBS[q.verb].methods else ()
        if not q.using:
            name = self._method_that_fits(known)
            bounds = list(bind_each(ast.Name(q.verb_span, name), known[name], self.catalog))
        else:
            bounds, before = [], len(self.problems)
            for written in q.using:
                bounds += self._attempt(lambda call=written: self._bound(call), ())  # type: ignore[misc]
            if len(self.problems) > before:
                return None
        self._attempt(lambda: refuse_unread(q, bounds, self.catalog), None)
        return tuple(bounds)

    def _method_that_fits(self, known: Mapping[str, MethodDeclaration]) -> str:
        """The verb's method; where it does not take what is asked about and another does, that one."""
        found = self.catalog.default("method", self.query.verb, self.model, self.judge)
        name, why = found if found is not None else (None, "")
        if not isinstance(name, str) or name not in known:
            self._ask("method", f"USING {next(iter(known))}")
        kinds = {"place" if target.kind == "subquery" else target.kind for target in self.query.targets}
        fits = [m.name for m in known.values() if kinds <= set(m.targets)]
        if kinds and name not in fits and fits:
            asked = ", ".join(KINDS[kind] for kind in sorted(kinds - set(known[name].targets)))
            name, why = fits[0], f"the method of {self.query.verb} that takes {asked}"
        self.defaults.append(Default("method", name, why))
        return name

    def _bound(self, written: ast.Method) -> tuple[Bound, ...]:
        call = filled(written) if isinstance(written, ast.Parameter) else written
        if isinstance(call, ast.Place):
            call = call.name
        if not isinstance(call, (ast.Call, ast.Name, ast.Parameter)):
            call = written
        return bind_each(call, declared(call, self.query.verb, self.catalog), self.catalog)

    # ------------------------------------------------------------------ slots

    def _models(self) -> tuple[Thing, ...]:
        q = self.query
        if q.of:
            return self._wholes(q.of, "model", False)
        if q.source is not None:
            return ()
        if q.targets and all(self._brings_model(t) for t in q.targets):
            return ()
        for target in q.targets:
            self._refuse_thing(target)
        found = self._fill("model", "model")
        if found is None and not (q.targets or (q.in_ and self.in_fits)):
            return ()
        if found is None:
            if not self.in_fits or (q.to is not None and "TO" not in VERBS[q.verb].clauses):
                raise Diagnostic(FOLLOWS, "the model stands in a clause that has been told of", q.verb_span)
            first = next((t for t in q.targets if t.place is not None), None)
            written = first.place.name if first and first.place else None
            layer, model = written.text if isinstance(written, ast.Name) else "layer4", "labnet"
            before, dot, after = layer.partition(".")
            owner = self.catalog.find(before) if dot else None
            if owner is not None and owner.kind == "model":
                layer, model = after, before
            example = f"{q.verb} {layer} OF {model}" if first else "OF labnet"
            self._ask("model", example, first.span if first else None)
        return (found.thing if isinstance(found, Selected) else found,)  # type: ignore[return-value]

    def _brought(self, targets: Sequence[CheckedTarget] | None) -> bool:
        """Whether the targets are rows that nobody has yet, so that it is not known whose they are."""
        return targets == () and any(self._brings_model(t) for t in self.query.targets)

    def _brings_model(self, target: ast.Target) -> bool:
        """Whether the model comes with the target: rows of an answer, a synset or text, a model itself."""
        if target.place is not None and target.kind == "place":
            given = filled(target.place)
            return not isinstance(given, ast.Place) or is_answer(given, (), self.catalog)
        return target.kind in {"synset", "text", "model"} or target.kind == "subquery"

    def _refuse_thing(self, target: ast.Target) -> None:
        """EXPLAIN labnet: without a model to have layers, a name of a thing is the mistake."""
        if target.place is None or not isinstance(target.place.name, ast.Name):
            return
        name = target.place.name.text
        thing = self.catalog.find(name)
        if thing is not None and thing.kind in SPOKEN and thing.kind != "answer":
            spoken = SPOKEN[thing.kind]
            takes = f"{self.query.verb} takes a target, as in {VERBS[self.query.verb].example}"
            raise Diagnostic("wrong-kind", f"{name} is {spoken.one}; {spoken.belong}. {takes}", target.place.span)

    def _wholes(self, values: Sequence[ast.Value], kind: Kind, needed: bool) -> tuple[Thing, ...]:
        found = self._each(values, lambda v: (self._whole(v, kind),))
        if values or not needed or not self.filling:
            return found
        filled = self._filled(kind, kind)  # type: ignore[arg-type]
        return (filled.thing,)

    def _judges(self, needed: bool, methods: Sequence[Bound]) -> tuple[Thing, ...]:
        found = self._wholes(self.query.judged, "judge", needed)
        fit_judges(self.query, found, methods, self.places)
        return found

    def _whole(self, value: ast.Value, kind: Kind) -> Thing:
        return self._placed(Selected(resolve_whole(value, kind, self.catalog), value.span)).thing

    def _parts(
        self, values: Sequence[ast.Source], kind: Kind, needed: bool, models: Sequence[Thing]
    ) -> tuple[Selected, ...]:
        found = self._each(values, lambda v: map(self._placed, parts(v, kind, self.catalog)))
        if values or not needed or not self.filling:
            return found
        self._same_defaults(kind, models)
        return (self._filled(kind, kind),)  # type: ignore[arg-type]

    def _each(self, values: Sequence[ast.Value], made: Callable[[ast.Value], Iterable[Made]]) -> tuple[Made, ...]:
        """What each value stands for. Raises Diagnostic with the mistakes of all."""
        found: list[Made] = []
        problems: list[Diagnostic] = []
        for value in values:
            try:
                found += made(value)
            except Diagnostic as problem:
                problems += problem.every()
        mistake = as_one(problems)
        if mistake is not None:
            raise mistake
        return tuple(found)

    def _same_defaults(self, slot: Kind, models: Sequence[Thing]) -> None:
        """Models that bring different images or words cannot share a default."""
        brought = {}
        for model in models:
            found = self.catalog.default(slot, self.query.verb, model, self.judge)  # type: ignore[arg-type]
            brought[model.name] = _name(found[0]) if found else None
        if len(set(brought.values())) > 1:
            what = ", ".join(f"{m}: {n or 'none'}" for m, n in brought.items())
            clause = CLAUSES[_SLOT_CLAUSE[slot]]  # type: ignore[index]
            self._ask(slot, f"{clause.keyword} {clause.example} (the models' own differ: {what})")  # type: ignore[arg-type]

    def _fill(self, slot: Slot, name: str) -> Thing | Selected | str | None:
        """What nobody wrote, as the catalogue fills it; noted for PLAN."""
        found = self.catalog.default(slot, self.query.verb, self.model, self.judge)
        if found is None:
            return None
        value, why = found
        self.defaults.append(Default(name, _name(value), why))
        return value

    def _filled(self, slot: Slot, name: str) -> Selected:
        found = self._fill(slot, name)
        if found is None or isinstance(found, str):
            clause = CLAUSES[_SLOT_CLAUSE[slot]]
            self._ask(slot, f"{clause.keyword} {clause.example}")
        return found if isinstance(found, Selected) else Selected(found, self.query.span)

    def _ask(self, slot: Slot, example: str, span: Span | None = None) -> NoReturn:
        hint = (
            f"or SET {slot} = … once for all"
            if slot in {"model", "dataset", "judge", "captions", "vocabulary"}
            else None
        )
        place = span or self.query.verb_span
        raise Diagnostic("missing-clause", f"{_ASKS[slot]} {example}", place, hint=hint)

    def _source(self) -> Selected | None:
        """EMBED takes words too; EVALUATE and EVIDENCE answers; TRAIN a model; the rest images. None: not known yet."""
        source, verb = self.query.source, self.query.verb
        assert source is not None
        kind: Kind = "dataset"
        if verb in {"EVALUATE", "EVIDENCE"}:
            kind = "answer"
        elif verb == "TRAIN":
            kind = "model"
        elif verb == "EMBED":
            kind = _embedded_kind(source, self.catalog)
        found = parts(source, kind, self.catalog, VERBS[verb].name if kind == "answer" else None)
        if len(found) > 1:
            names = ", ".join(p.name for p in found)
            message = f"{verb} takes one source; these are of {names}: give them a name with LET, or ask for each"
            raise Diagnostic("wrong-kind", message, source.span)
        if found and isinstance(found[0].thing, Table) and kind == "answer":
            message = f"{found[0].name} is rows of SQL; {verb} takes what a clq query gave"
            raise Diagnostic("wrong-kind", message, source.span)
        return self._placed(found[0]) if found else None

    def _to(self) -> tuple[UnitTarget, ...]:
        to = self.query.to
        assert to is not None
        models = self._each(to.models, lambda m: (self._whole(m, "model"),))
        for place in to.places:
            if is_answer(place, models, self.catalog):
                name = place.name.text if isinstance(place.name, ast.Name) else f"${place.name.name}"
                message = f"{name} is an answer, and TO takes a layer: TO layer4 OF labself"
                raise Diagnostic("wrong-kind", message, place.span)
        return checked_places(to.places, models, self.query, self.catalog)

    def _changes(self) -> tuple[tuple[str, float], ...]:
        out = []
        for change in self.query.changing:
            concept = change.concept
            name = parameter_value(concept, self.catalog) if isinstance(concept, ast.Parameter) else concept
            if not isinstance(name, str):
                raise Diagnostic("wrong-kind", "CHANGING sets concepts to numbers: CHANGING water = 0", change.span)
            out.append((name, change.value))
        return tuple(out)

    def _contrast(self) -> CheckedContrast | None:
        contrast = self.query.contrast
        if contrast is None:
            return None
        if contrast.images is None:
            return CheckedContrast(contrast.kind)
        self._refuse_word(contrast.images)
        images = parts(contrast.images, "dataset", self.catalog, "CONTRAST")
        return CheckedContrast(contrast.kind, tuple(map(self._placed, images)))

    def _refuse_word(self, images: ast.Source) -> None:
        """CONTRAST 'low', CONTRAST lowest: low and random are words, not names."""
        text = images.value if isinstance(images, ast.Constant) else None
        name = images.name if isinstance(images, ast.Place) else None
        if isinstance(text, str) and text.lower() in {"low", "random"}:
            message = f"{text} stands without quotes: CONTRAST {text}"
            raise Diagnostic("unexpected", message, images.span)
        if isinstance(name, ast.Name) and not name.quoted and self.catalog.find(name.text) is None:
            near = did_you_mean(name.text, ["low", "random", *self.catalog.names("dataset")])
            if near or not self.catalog.lies_here(name.text, "dataset"):
                message = f"CONTRAST takes low, random or images, not {name.text}.{near}"
                raise Diagnostic("unknown-name", message, images.span)


EMPTY_TAIL = Tail(None, None, None, "")


def _needs(method: Bound) -> frozenset[str]:
    return method.declaration.needs if isinstance(method.declaration, MethodDeclaration) else frozenset()


def _name(value: Thing | Selected | str) -> str:
    return value if isinstance(value, str) else value.thing.name if isinstance(value, Selected) else value.name


def _embedded_kind(source: ast.Source, catalog: Catalog) -> Kind:
    """Words and captions are embedded as well as images."""
    kind: Kind | None = None
    match source:
        case ast.ListValue():
            return "vocabulary"
        case ast.Place(name=ast.Name() as name):
            thing = catalog.find(name.text)
            kind = thing.kind if thing is not None else None
        case ast.Call():
            kind = next((c.kind for c in catalog.constructors() if c.name == source.name.text), None)
        case ast.Constant(value=str() as path) if path.endswith((".txt", ".txt.gz", ".npz")):
            return "vocabulary"
    return kind if kind in {"vocabulary", "captions"} else "dataset"
