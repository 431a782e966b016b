"""Targets -> units of layers of models: globs expanded, layers and units compared with what the model has."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NoReturn

from . import ast
from .ast import Span
from .bind import parameter_value
from .declare import Catalog, ModelThing, Thing, UnitTarget
from .diagnostic import Diagnostic, did_you_mean, listing
from .literals import encode_string
from .resolve import SPOKEN, items, resolve_whole, wrong_kind
from .verbs import VERBS

KINDS = {
    "place": "units of a layer", "class": "CLASS", "classes": "CLASSES", "synset": "SYNSET", "text": "TEXT",
    "groups": "GROUPS", "failures": "FAILURES", "model": "MODEL", "subquery": "a subquery",
}  # fmt: skip
_READABLE = 24


def unit_targets(query: ast.Query, models: Sequence[Thing], catalog: Catalog) -> tuple[UnitTarget, ...]:
    """Every target of the query in every model, without repetition, in the order written."""
    found: list[UnitTarget] = []
    for target in query.targets:
        if target.place is not None:
            found += _place(target.place, models, query, catalog)
        elif target.subquery is not None:
            found += _rows(target.subquery, catalog)
    unique: dict[tuple[object, ...], UnitTarget] = {}
    for t in found:
        key = (t.model.name, t.layer, None if t.units is None else tuple(str(u) for u in t.units))
        unique.setdefault(key, t)
    return tuple(unique.values())


def is_answer(place: ast.Place, models: Sequence[Thing], catalog: Catalog) -> bool:
    """Whether a place names the targets in an answer and not a layer; a layer of a model in question comes first."""
    name = _text(place.name, catalog)
    if any(name in (layers_of(m) or {}) for m in models):
        return False
    thing = catalog.find(name)
    return thing is not None and thing.kind == "answer"


def layers_of(model: Thing) -> Mapping[str, int | None] | None:
    return model.layers() if isinstance(model, ModelThing) else None


def _text(name: ast.Name | ast.Parameter, catalog: Catalog) -> str:
    if isinstance(name, ast.Name):
        return name.text
    value = parameter_value(name, catalog)
    if not isinstance(value, str):
        raise Diagnostic("wrong-kind", f"${name.name} is {value}; a layer has a name", name.span)
    return value


def _place(place: ast.Place, models: Sequence[Thing], query: ast.Query, catalog: Catalog) -> Iterator[UnitTarget]:
    if is_answer(place, models, catalog):
        if place.selection is not None:
            message = "Selecting from an answer does not exist in this version: write (SELECT target FROM … WHERE …)"
            raise Diagnostic("not-here", message, place.selection.span)
        name = _text(place.name, catalog)
        written = (
            '"' + name.replace('"', '""') + '"' if isinstance(place.name, ast.Name) and place.name.quoted else name
        )
        sql = ast.Sql(place.span, f"SELECT target FROM {written}")
        yield from _rows(ast.Subquery(place.span, sql), catalog)
        return
    for model in models:
        for layer, count in _layers(place, model, query, catalog):
            yield UnitTarget(model, layer, _units(place, layer, model, count, catalog), place.span)


def _layers(place: ast.Place, model: Thing, query: ast.Query, catalog: Catalog) -> Sequence[tuple[str, int | None]]:
    name, known = _text(place.name, catalog), layers_of(model)
    glob = "*" in name and not (isinstance(place.name, ast.Name) and place.name.quoted)
    if known is None:
        if glob:
            message = f"The layers of {model.name} are known only when it runs: write their names instead of {name}"
            raise Diagnostic("unknown-layer", message, place.name.span)
        return [(name, None)]
    if glob:
        # As in a file's path, a star stops at a dot.
        pattern = re.compile(r"[^.]*".join(re.escape(part) for part in re.split(r"\*+", name)))
        found = [(layer, count) for layer, count in known.items() if pattern.fullmatch(layer)]
        if found:
            return found
    elif name in known:
        return [(name, known[name])]
    unknown_layer(name, place.name.span, model, known, query, catalog)


def unknown_layer(
    name: str, span: Span, model: Thing, known: Mapping[str, object], query: ast.Query, catalog: Catalog
) -> NoReturn:
    thing = catalog.find(name)
    if thing is not None and thing.kind != "answer":
        spoken = SPOKEN[thing.kind]
        takes = f"{query.verb} takes a target, as in {VERBS[query.verb].example}"
        raise Diagnostic("wrong-kind", f"{name} is {spoken.one}; {spoken.belong}. {takes}", span)
    there = f"Its layers: {listing(ranges(_outer(known)))} (SHOW LAYERS OF {model.name})"
    if "*" in name:
        message = f"No layer of {model.name} matches {name}. {there}"
    else:
        message = f"{model.name} has no layer {name}.{did_you_mean(name, known)} {there}"
    raise Diagnostic("unknown-layer", message, span)


def _outer(names: Iterable[str]) -> list[str]:
    """Of many layers the outer ones: as deep as leaves few enough to read."""
    every = list(names)
    for depth in range(max((n.count(".") for n in every), default=0), 0, -1):
        if len(every) <= _READABLE:
            break
        shallower = [n for n in every if n.count(".") < depth]
        every = shallower if len(shallower) > 1 else every
    return every


def ranges(names: Iterable[str]) -> list[str]:
    """Names that count on from one to the next, three or more, shortened to 'layer1 … layer4'."""
    out: list[str] = []
    run: list[str] = []
    for name in [*names, ""]:
        if run and _counts_on(run[-1], name):
            run.append(name)
            continue
        out += [f"{run[0]} … {run[-1]}"] if len(run) > 2 else run
        run = [name]
    return out


def _counts_on(one: str, two: str) -> bool:
    stem = one.rstrip("0123456789")
    return stem != one and one[len(stem) :].isdigit() and two == f"{stem}{int(one[len(stem) :]) + 1}"


def _units(
    place: ast.Place, layer: str, model: Thing, count: int | None, catalog: Catalog
) -> tuple[int | slice, ...] | None:
    """The selected units, numbers from the end made numbers from the start where the count is known."""
    if place.selection is None:
        return None
    chosen = items(place.selection, "unit", catalog)
    if chosen is None:
        return ()
    written = place.selection.items if len(place.selection.items) == len(chosen) else ()
    out: list[int | slice] = []
    for i, unit in enumerate(chosen):
        span = written[i].span if written else place.selection.span
        if isinstance(unit, str):
            message = f"Units of a layer are numbers: {layer}[0:64]"
            raise Diagnostic("unknown-unit", message, span)
        if count is None:
            out.append(unit)
        elif isinstance(unit, slice):
            if not range(*unit.indices(count)):
                raise Diagnostic("unknown-unit", f"{_has(layer, model, count)}; this slice takes none", span)
            out.append(unit)
        elif not -count <= unit < count:
            raise Diagnostic("unknown-unit", _has(layer, model, count), span)
        else:
            out.append(unit % count)
    return tuple(out)


def _has(layer: str, model: Thing, count: int) -> str:
    return f"{layer} of {model.name} has {count} units, 0 to {count - 1}"


def _rows(subquery: ast.Subquery, catalog: Catalog) -> Iterator[UnitTarget]:
    """Targets as the column `target` writes them, such as layer4[17] OF labnet."""
    from .parse import parse

    texts = catalog.select(subquery, "target")
    if texts is None:
        return
    if not texts:
        raise Diagnostic("empty-data", "No targets are left here: the query gave no rows", subquery.span)
    units: dict[tuple[str, str], list[int | slice] | None] = {}
    models: dict[str, Thing] = {}
    for text in dict.fromkeys(str(t) for t in texts if t is not None):
        try:
            query = parse(f"EXPLAIN {text}").statements[0]
            if not isinstance(query, ast.Query):
                raise Diagnostic("wrong-kind", "this is SQL", subquery.span)
            if query.targets[0].kind != "place" or not query.of:
                kind = KINDS[query.targets[0].kind]
                message = f"This version takes units of layers; {encode_string(text)} is of the kind {kind}"
                raise Diagnostic("not-here", message, subquery.span)
            named = [resolve_whole(m, "model", catalog) for m in query.of]
            found = unit_targets(query, named, catalog)
        except Diagnostic as problem:
            if problem.code == "not-here":
                raise
            message = f"{encode_string(text)} is no target: {problem.message}"
            raise Diagnostic(problem.code, message, subquery.span) from None
        for target in found:
            key = (target.model.name, target.layer)
            models[target.model.name] = target.model
            have = units.setdefault(key, [])
            if target.units is None or have is None:
                units[key] = None
            else:
                have += target.units
    for (model, layer), chosen in units.items():
        yield UnitTarget(models[model], layer, None if chosen is None else tuple(chosen), subquery.span)


def refuse_things(places: Sequence[ast.Target | ast.Place], keyword: str, catalog: Catalog, example: str) -> None:
    """After FOR and IN: a name that is a model, data set or other thing belongs to another clause."""
    for node in places:
        place = node.place if isinstance(node, ast.Target) else node
        if place is None or not isinstance(place.name, ast.Name):
            continue
        thing = catalog.find(place.name.text)
        if thing is None or thing.kind == "answer":
            continue
        spoken = SPOKEN.get(thing.kind)
        if spoken is None:
            wrong_kind(thing.kind, place.name.text, None, place.span, keyword)
        rest = example.format(name=place.name.text, of=spoken.keyword)
        message = f"{place.name.text} is {spoken.one}; {spoken.belong}{rest}"
        raise Diagnostic("wrong-kind", message, place.span)
