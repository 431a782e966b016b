"""A parsed query and a catalogue -> a checked query: every name a thing, every slot filled, every default recorded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NoReturn

from . import ast
from .ast import Span
from .bind import bind, bind_each
from .declare import (
    Bound,
    Catalog,
    CheckedContrast,
    CheckedQuery,
    Default,
    Kind,
    MethodDeclaration,
    Selected,
    Slot,
    Thing,
)
from .diagnostic import Diagnostic
from .methods import declared, fit_targets, refuse_unread
from .resolve import SPOKEN, resolve, resolve_whole, selected
from .tail import check_columns, limit_note, limit_of, rank_note
from .targets import is_answer, refuse_things, unit_targets
from .verbs import CLAUSES, VERBS

__all__ = ["bind", "bind_each", "check", "resolve", "selected"]

_SLOT_CLAUSE: dict[Slot, str] = {
    "model": "OF", "dataset": "ON", "vocabulary": "WITH", "captions": "CAPTIONED BY", "judge": "JUDGED BY",
    "method": "USING",
}  # fmt: skip
_ASKS: dict[Slot, str] = {
    "model": "Of which model?", "dataset": "On which images?", "vocabulary": "With which words?",
    "captions": "Which captions?", "judge": "Which judge?", "method": "By which method?",
}  # fmt: skip


def check(query: ast.Query, catalog: Catalog) -> CheckedQuery:
    """Check one query. Raises Diagnostic, with its place, for the first thing that is not as declared."""
    return _Checker(query, catalog).checked()


@dataclass
class _Checker:
    query: ast.Query
    catalog: Catalog
    defaults: list[Default] = field(default_factory=list)
    model: Thing | None = None
    judge: Thing | None = None

    def checked(self) -> CheckedQuery:
        q = self.query
        self._verb_exists()
        self._clauses_fit()
        self._right_places()
        methods = self._methods()
        fit_targets(q, methods, self.catalog)
        models = self._models()
        targets = unit_targets(q, models, self.catalog)
        models = models or tuple({t.model.name: t.model for t in targets}.values())
        self.model = models[0] if models else None
        needs = {need for m in methods if isinstance(m.declaration, MethodDeclaration) for need in m.declaration.needs}
        judges = self._wholes(q.judged, "judge", "judge" in needs)
        self.judge = judges[0] if judges else None
        source = selected(q.source, self._source_kind(q.source), self.catalog) if q.source is not None else None
        images = self._parts(q.on, "dataset", "images" in needs and source is None, models)
        words = self._parts(q.with_, "vocabulary", "words" in needs, models)
        captions = self._parts(q.captioned, "captions", "captions" in needs, ())
        check_columns(q, images)
        limit = limit_of(q, self.catalog)
        notes = (limit_note(q, limit, targets), rank_note(q, methods, self.catalog))
        return CheckedQuery(
            verb=q.verb,
            span=q.span,
            targets=targets,
            source=source,
            models=models,
            images=images,
            methods=methods,
            contrast=self._contrast(),
            words=words,
            captions=captions,
            judges=judges,
            defaults=tuple(self.defaults),
            where=q.where.text if q.where else None,
            order=q.order.text if q.order else None,
            limit=limit,
            into=q.into.name if q.into else None,
            into_is_file=q.into.is_file if q.into else False,
            notes=tuple(n for n in notes if n),
        )

    # ------------------------------------------------------------------ the verb and its clauses

    def _verb_exists(self) -> None:
        if self.query.call is not None:
            name = self.query.call.name.text
            message = f"Defined queries such as {name}(…) cannot be called in this version: write the query out"
            raise Diagnostic("not-here", message, self.query.verb_span)
        if not self.catalog.methods(self.query.verb):
            verbs = sorted({verb for m in self.catalog.methods() for verb in m.verbs})
            message = f"No method of {self.query.verb} exists in this version; verbs with methods: {', '.join(verbs)}"
            raise Diagnostic("not-here", message, self.query.verb_span)

    def _clauses_fit(self) -> None:
        verb = VERBS[self.query.verb]
        for keyword, span in self.query.clause_spans.items():
            if keyword in CLAUSES and keyword not in verb.clauses:
                reads = ", ".join(c for c in CLAUSES if c in verb.clauses)
                word = Span(span.start, span.start + len(keyword.split()[0]))
                raise Diagnostic("unexpected", f"{verb.name} reads no {keyword}. It reads {reads}", word)

    def _right_places(self) -> None:
        q = self.query
        takes = ". FOR takes what it is done for, such as CLASS 'boat'"
        refuse_things(q.for_, "FOR", self.catalog, takes)
        head = "DETECT OUTLIERS" if q.verb == "DETECT" else "DISCOVER CONCEPTS" if q.verb == "DISCOVER" else None
        example = f": {head} {{of}} {{name}}" if head else ". IN takes a layer, such as layer4"
        refuse_things(q.in_, "IN", self.catalog, example)
        if q.verb == "DISCOVER" and not q.in_:
            model = CLAUSES["OF"].example if not q.of else self._written(q.of[0].span)
            message = f"In which layer? DISCOVER CONCEPTS IN layer4 OF {model}"
            raise Diagnostic("missing-clause", message, q.verb_span)
        kinds = {t.kind for t in q.targets}
        if q.in_ and kinds and kinds <= {"place", "subquery"} and q.verb not in {"TRACE"}:
            message = "IN says where GROUPS are looked for. A layer is named directly: EXPLAIN layer4[0:64]"
            raise Diagnostic("unexpected", message, q.clause_spans["IN"])
        if q.for_ and q.verb == "EXPLAIN" and "failures" not in kinds:
            message = "FOR goes with EXPLAIN FAILURES; units are explained whatever they are for"
            raise Diagnostic("unexpected", message, q.clause_spans["FOR"])

    def _written(self, span: Span) -> str:
        """A short example in place of text that the checker does not have."""
        names = self.query.of
        first = names[0] if names else None
        if isinstance(first, ast.Place) and isinstance(first.name, ast.Name) and first.span == span:
            return first.name.text
        return "labnet"

    # ------------------------------------------------------------------ methods

    def _methods(self) -> tuple[Bound, ...]:
        q, known = self.query, {m.name: m for m in self.catalog.methods(self.query.verb)}
        if not q.using:
            name = self._fill("method", "method")
            if not isinstance(name, str) or name not in known:
                self._ask("method", f"USING {next(iter(known))}")
            bounds = list(bind_each(ast.Name(q.verb_span, name), known[name], self.catalog))
        else:
            bounds = [
                b for call in q.using for b in bind_each(call, declared(call, q.verb, self.catalog), self.catalog)
            ]
        refuse_unread(q, bounds, self.catalog)
        return tuple(bounds)

    # ------------------------------------------------------------------ slots

    def _models(self) -> tuple[Thing, ...]:
        q = self.query
        if q.of:
            return self._wholes(q.of, "model", False)
        if all(t.subquery is not None or (t.place and is_answer(t.place, (), self.catalog)) for t in q.targets):
            return ()
        for target in q.targets:
            self._refuse_thing(target)
        found = self._fill("model", "model")
        if found is None:
            first = next((t for t in q.targets if t.place is not None), None)
            written = first.place.name if first and first.place else None
            layer = written.text if isinstance(written, ast.Name) else "layer4"
            self._ask("model", f"{q.verb} {layer} OF labnet", first.span if first else None)
        return (found.thing if isinstance(found, Selected) else found,)  # type: ignore[return-value]

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
        found = tuple(resolve_whole(v, kind, self.catalog) for v in values)
        if found or not needed:
            return found
        filled = self._filled(kind, kind)  # type: ignore[arg-type]
        return (filled.thing,)

    def _parts(
        self, values: Sequence[ast.Source], kind: Kind, needed: bool, models: Sequence[Thing]
    ) -> tuple[Selected, ...]:
        found = tuple(selected(v, kind, self.catalog) for v in values)
        if found or not needed:
            return found
        self._same_defaults(kind, models)
        return (self._filled(kind, kind),)  # type: ignore[arg-type]

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

    def _source_kind(self, source: ast.Source) -> Kind:
        """EMBED takes words too; EVALUATE and EVIDENCE answers; TRAIN a model; the rest images."""
        verb = self.query.verb
        if verb in {"EVALUATE", "EVIDENCE"}:
            return "answer"
        if verb == "TRAIN":
            return "model"
        return _embedded_kind(source, self.catalog) if verb == "EMBED" else "dataset"

    def _contrast(self) -> CheckedContrast | None:
        contrast = self.query.contrast
        if contrast is None:
            return None
        images = selected(contrast.images, "dataset", self.catalog) if contrast.images is not None else None
        return CheckedContrast(contrast.kind, images)


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
