"""Targets -> units of layers of models: globs expanded, layers and units compared with what the model has."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NoReturn

from . import ast
from .ast import Span
from .bind import filled, parameter_value, plain_value
from .checked import CheckedSql, CheckedTarget, GroupTarget, MeaningKey, OtherTarget, UnitTarget, meaning_keys
from .declare import Catalog, ClassifierThing, ModelThing, SynsetCatalog, Thing
from .diagnostic import FOLLOWS, Diagnostic, as_one, did_you_mean, listing
from .literals import encode_name, encode_string
from .resolve import SPOKEN, check_body, items, resolve_whole, wrong_kind
from .rows import chosen, column_of
from .slices import ANY, read_slice, sides_of
from .verbs import VERBS

KINDS = {
    "place": "units of a layer", "class": "CLASS", "classes": "CLASSES", "synset": "SYNSET", "text": "TEXT",
    "failure": "FAILURE", "group": "GROUP", "groups": "GROUPS", "failures": "FAILURES", "model": "MODEL",
    "subquery": "a subquery",
}  # fmt: skip
_READABLE, _TELLING = 12, 3  # names in a message: more are hard to read, fewer tell nothing


def checked_targets(
    targets: Sequence[ast.Target], models: Sequence[Thing], query: ast.Query, catalog: Catalog
) -> tuple[CheckedTarget, ...]:
    """Every target in every model, without repetition, in the order written. Raises Diagnostic with all mistakes."""
    found: list[CheckedTarget] = []
    problems: list[Diagnostic] = []
    for target in targets:
        try:
            found += _checked(target, models, query, catalog)
        except Diagnostic as problem:
            problems += problem.every()
    mistake = as_one(problems)
    if mistake is not None:
        raise mistake
    unique: dict[tuple[object, ...], CheckedTarget] = {}
    for t in found:
        model = t.model.name if t.model is not None else None
        if isinstance(t, UnitTarget):
            key: tuple[object, ...] = (model, t.layer, None if t.units is None else tuple(str(u) for u in t.units))
        elif isinstance(t, GroupTarget):
            key = (model, "group", t.layer, *t.units)
        else:
            key = (model, t.kind, *t.values)
        unique.setdefault(key, t)
    return tuple(unique.values())


def _checked(
    target: ast.Target, models: Sequence[Thing], query: ast.Query, catalog: Catalog
) -> Iterable[CheckedTarget]:
    if target.kind == "place" and target.place is not None:
        return list(_place(target.place, models, query, catalog))
    if target.kind == "group" and target.place is not None:
        return list(_group(target.place, models, query, catalog))
    if target.kind == "subquery" and target.subquery is not None:
        return list(_rows(target.subquery, catalog))
    if target.kind == "model" and target.model is not None:
        model = resolve_whole(ast.Place(target.model.span, target.model), "model", catalog)
        return [OtherTarget("model", target.span, model)]
    if target.kind in {"classes", "groups", "failures"}:
        return [OtherTarget(target.kind, target.span, m) for m in models]
    return list(_named(target, models, catalog))


def _named(target: ast.Target, models: Sequence[Thing], catalog: Catalog) -> Iterator[CheckedTarget]:
    """CLASS, SYNSET, TEXT and FAILURE: each value on its own, compared with what the model tells apart."""
    values: list[tuple[int | str, Span]] = []
    for constant in target.constants:
        value = parameter_value(constant, catalog) if isinstance(constant, ast.Parameter) else constant.value
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, bool) or not isinstance(one, (int, str)):
                raise Diagnostic("wrong-kind", f"{KINDS[target.kind]} takes text or whole numbers", constant.span)
            values.append((one, constant.span))
    if target.subquery is not None:
        rows = catalog.rows(check_body(target.subquery.body, catalog))
        found = [] if rows is None else column_of(rows, target.kind, target.subquery.span)
        values = [(v, target.subquery.span) for v in found if isinstance(v, (int, str))]
    mistake = as_one(_wrong_values(target.kind, values, models, catalog))
    if mistake is not None:
        raise mistake
    for value, span in values:
        if target.kind not in {"class", "failure"}:
            yield OtherTarget(target.kind, span, None, (value,))  # type: ignore[arg-type]
            continue
        for model in models:
            yield OtherTarget(target.kind, span, model, (value,))


def _wrong_values(
    kind: str, values: Iterable[tuple[int | str, Span]], models: Sequence[Thing], catalog: Catalog
) -> Iterator[Diagnostic]:
    """Every class that a model does not tell apart, in slices too, every synset that WordNet has not."""
    for value, span in values:
        if kind == "synset":
            yield from _synset(value, span, catalog)
        for model in models if kind in {"class", "failure"} else ():
            yield from (_class if kind == "class" else _failure)(value, span, model)


def _class(value: int | str, span: Span, model: Thing) -> Iterator[Diagnostic]:
    known = model.classes() if isinstance(model, ClassifierThing) else None
    if known is None:
        return
    if isinstance(value, int):
        if not 0 <= value < len(known):
            message = f"{model.name} has no class {value}; it tells {len(known)} apart, 0 to {len(known) - 1}"
            yield Diagnostic("unknown-class", message, span)
    elif value not in known:
        near = did_you_mean(value, known) or f" It tells {listing(known)} apart"
        yield Diagnostic("unknown-class", f"{model.name} has no class {encode_string(value)}.{near}", span)


def _failure(value: int | str, span: Span, model: Thing) -> Iterator[Diagnostic]:
    known = model.classes() if isinstance(model, ClassifierThing) else None
    sides = sides_of(str(value))
    if isinstance(value, str) and (known is None or read_slice(value, known) is not None):
        return
    if sides is None or sides[0] == sides[1] != ANY:
        message = "A slice says what images are and what they are taken for: 'car as boat', '* as boat', 'car as *'"
        yield Diagnostic("unknown-class", message, span)
        return
    for side in sides:
        if side != ANY:
            yield from _class(side, span, model)


_SYNSET = re.compile(r"\S+\.[nvasr]\.\d{2}")


def _synset(value: int | str, span: Span, catalog: Catalog) -> Iterator[Diagnostic]:
    if not isinstance(value, str) or not _SYNSET.fullmatch(value):
        word = str(value).split(".")[0].strip().replace(" ", "_") or "bird"
        message = f"A synset is written word.part.number: {encode_string(f'{word}.n.01')}; for the word itself TEXT"
        yield Diagnostic("unknown-synset", message, span)
    elif isinstance(catalog, SynsetCatalog) and not catalog.synset(value):
        near = did_you_mean(value, catalog.synsets(value.split(".")[0]))
        yield Diagnostic("unknown-synset", f"WordNet has no synset {encode_string(value)}.{near}", span)


def checked_places(
    places: Sequence[ast.Place], models: Sequence[Thing], query: ast.Query, catalog: Catalog
) -> tuple[UnitTarget, ...]:
    """Layers, as after IN and TO, in every model."""
    found = []
    for place in places:
        for target in _place(place, models, query, catalog):
            assert isinstance(target, UnitTarget)
            found.append(target)
    return tuple(found)


def is_answer(place: ast.Place, models: Sequence[Thing], catalog: Catalog) -> bool:
    """Whether a place names the targets in an answer and not a layer; a layer of a model in question comes first."""
    name = _text(place.name, catalog)
    if any(name in (layers_of(m) or {}) for m in models):
        return False
    thing = catalog.find(name)
    if thing is not None and thing.kind == "mistake":
        raise Diagnostic(FOLLOWS, f"{name} was to be made by a faulty statement", place.span)
    return thing is not None and thing.kind in {"answer", "table"}


def layers_of(model: Thing) -> Mapping[str, int | None] | None:
    return model.layers() if isinstance(model, ModelThing) else None


def _text(name: ast.Name | ast.Parameter, catalog: Catalog) -> str:
    if isinstance(name, ast.Name):
        return name.text
    value = parameter_value(name, catalog)
    if not isinstance(value, str):
        raise Diagnostic("wrong-kind", f"${name.name} is {value}; a layer has a name", name.span)
    return value


def _place(place: ast.Place, models: Sequence[Thing], query: ast.Query, catalog: Catalog) -> Iterator[CheckedTarget]:
    given = filled(place)
    if isinstance(given, ast.Subquery):
        yield from _rows(given, catalog)
        return
    if not isinstance(given, ast.Place):
        text = plain_value(given, catalog)
        if not isinstance(text, str):
            raise Diagnostic("wrong-kind", "A target is units of a layer here: layer4, layer4[0:64]", place.span)
        given = ast.Place(place.span, ast.Name(place.span, text))
    place = given
    if is_answer(place, models, catalog):
        yield from _of_answer(place, catalog)
        return
    for model in models:
        for layer, count in _layers(place, model, query, catalog):
            yield UnitTarget(model, layer, _units(place, layer, model, count, catalog), place.span)


def _group(place: ast.Place, models: Sequence[Thing], query: ast.Query, catalog: Catalog) -> Iterator[CheckedTarget]:
    """Units of a layer as one target, in every layer that a star stands for."""
    for model in models:
        for layer, count in _layers(place, model, query, catalog):
            units = _units(place, layer, model, count, catalog)
            if units is None:
                message = f"Which units of {layer} are the group? GROUP {layer}[3, 17]; its groups: GROUPS IN {layer}"
                raise Diagnostic("missing-clause", message, place.span)
            numbers: list[int] = []
            for unit in units:
                if isinstance(unit, slice) and count is None:
                    message = f"How many units {layer} has is known only when {model.name} runs: write their numbers"
                    raise Diagnostic("unknown-unit", message, place.span)
                numbers += range(*unit.indices(count or 0)) if isinstance(unit, slice) else [unit]
            yield GroupTarget(model, layer, tuple(sorted(set(numbers))), place.span)


def _of_answer(place: ast.Place, catalog: Catalog) -> Iterator[CheckedTarget]:
    """The targets in an answer: all, or those that are selected by their number, as in found[3]."""
    columns = "target" if place.selection is None else "unit, target"
    name = encode_name(_text(place.name, catalog))
    rows = catalog.rows(CheckedSql(ast.Sql(place.span, f"SELECT {columns} FROM {name}")))
    if rows is None:
        return
    targets = column_of(rows, "target", place.span)
    selected = None if place.selection is None else items(place.selection, "unit", catalog)
    if selected is not None and "unit" in rows:
        targets = chosen(selected, rows["unit"], targets)
    yield from _written(targets, place.span, catalog)


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
    if thing is not None and thing.kind in SPOKEN and thing.kind not in {"answer", "table"}:
        spoken = SPOKEN[thing.kind]
        takes = f"{query.verb} takes a target, as in {VERBS[query.verb].example}"
        raise Diagnostic("wrong-kind", f"{name} is {spoken.one}; {spoken.belong}. {takes}", span)
    there = f"Its layers: {listing(ranges(_outer(known)), 16)} (SHOW LAYERS OF {model.name})"
    classes = (model.classes() if isinstance(model, ClassifierThing) else None) or ()
    if name in classes:
        message = f"{model.name} has no layer {name}; the class that it tells apart is CLASS {encode_string(name)}"
        raise Diagnostic("unknown-layer", message, span)
    if name.lower() in {"layers", "all", "every"}:
        message = f"{model.name} has no layer {name}; a star stands for every one: *. {there}"
        raise Diagnostic("unknown-layer", message, span)
    layer, _, unit = name.rpartition(".")
    if layer in known and unit.isdigit():
        message = f"{model.name} has no layer {name}; a unit stands in brackets: {layer}[{unit}]"
        raise Diagnostic("unknown-layer", message, span)
    if name.startswith(f"{model.name}."):
        own = name.removeprefix(f"{model.name}.")
        message = f"{model.name} has no layer {name}; layers are named without their model: {own}"
        raise Diagnostic("unknown-layer", message, span)
    if "*" in name:
        message = f"No layer of {model.name} matches {name}. {there}"
    else:
        message = f"{model.name} has no layer {name}.{did_you_mean(name, known)} {there}"
    raise Diagnostic("unknown-layer", message, span)


def _outer(names: Iterable[str]) -> list[str]:
    """Of many layers the outer ones: as deep as leaves few enough to read."""
    every = list(names)
    for depth in range(max((n.count(".") for n in every), default=0), 0, -1):
        if len(ranges(every)) <= _READABLE:
            break
        shallower = [n for n in every if n.count(".") < depth]
        every = shallower if len(ranges(shallower)) >= _TELLING else every
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


def _rows(subquery: ast.Subquery, catalog: Catalog) -> Iterator[CheckedTarget]:
    rows = catalog.rows(check_body(subquery.body, catalog))
    if rows is not None:
        yield from _written(column_of(rows, "target", subquery.span), subquery.span, catalog)


def _written(texts: Sequence[object], span: Span, catalog: Catalog) -> Iterator[CheckedTarget]:
    """Targets as the column `target` writes them, such as layer4[17] OF labnet; units of a layer in one target."""
    if not texts:
        raise Diagnostic("empty-data", "No targets are left here: the query gave no rows", span)
    units: dict[tuple[str, str], list[int | slice] | None] = {}
    models: dict[str, Thing] = {}
    for text in dict.fromkeys(str(t) for t in texts if t is not None):
        for target in _parsed(text, span, catalog):
            if not isinstance(target, UnitTarget):
                yield target
                continue
            key = (target.model.name, target.layer)
            models[target.model.name] = target.model
            have = units.setdefault(key, [])
            if target.units is None or have is None:
                units[key] = None
            else:
                have += target.units
    for (model, layer), numbers in units.items():
        yield UnitTarget(models[model], layer, None if numbers is None else tuple(numbers), span)


def _parsed(text: str, span: Span, catalog: Catalog) -> tuple[CheckedTarget, ...]:
    """One target, written as in a query."""
    from .parse import parse

    try:
        query = parse(f"ATTRIBUTE {text}").statements[0]
        if not isinstance(query, ast.Query) or query.clause_spans.keys() - {"OF"}:
            raise Diagnostic("wrong-kind", "this is more than a target", span)
        named = [resolve_whole(m, "model", catalog) for m in query.of]
        return checked_targets(query.targets, named, query, catalog)
    except Diagnostic as problem:
        raise Diagnostic(problem.code, f"{encode_string(text)} is no target: {problem.message}", span) from None


def meanings_of(targets: Sequence[ast.Target], models: Sequence[Thing], catalog: Catalog) -> dict[MeaningKey, str]:
    """What the rows that targets come from call each of them: the first in the column `concept`, where there is one."""
    found: dict[MeaningKey, str] = {}
    for target in targets:
        place = filled(target.place) if target.kind == "place" and target.place is not None else target.subquery
        rows = None
        if isinstance(place, ast.Subquery):
            rows = catalog.rows(check_body(place.body, catalog))
        elif isinstance(place, ast.Place) and is_answer(place, models, catalog):
            columns = "COLUMNS('^(target|concept)$')"
            name = encode_name(_text(place.name, catalog))
            rows = catalog.rows(CheckedSql(ast.Sql(place.span, f"SELECT {columns} FROM {name}")))
        if rows is None or not {"target", "concept"} <= set(rows):
            continue
        for text, concept in zip(rows["target"], rows["concept"], strict=True):
            if text is not None and concept is not None:
                for one in _parsed(str(text), target.span, catalog):
                    for key in meaning_keys(one):
                        found.setdefault(key, str(concept))
    return found


def written_targets(texts: Sequence[object], span: Span, catalog: Catalog) -> tuple[CheckedTarget, ...]:
    """The targets that the column `target` of an answer holds. Raises Diagnostic where there is none, and for what is
    none."""
    return tuple(_written(texts, span, catalog))


def refuse_things(places: Sequence[ast.Target | ast.Place], keyword: str, catalog: Catalog, example: str) -> bool:
    """After FOR and IN: a name that is a model, data set or other thing belongs to another clause. True if none is."""
    for node in places:
        place = node.place if isinstance(node, ast.Target) else node
        if place is None or not isinstance(place.name, ast.Name):
            continue
        thing = catalog.find(place.name.text)
        if thing is None or thing.kind in {"answer", "table"}:
            continue
        if thing.kind == "mistake":
            raise Diagnostic(FOLLOWS, f"{place.name.text} was to be made by a faulty statement", place.span)
        spoken = SPOKEN.get(thing.kind)
        if spoken is None:
            wrong_kind(thing.kind, place.name.text, None, place.span, keyword)
        rest = example.format(name=place.name.text, of=spoken.keyword)
        message = f"{place.name.text} is {spoken.one}; {spoken.belong}{rest}"
        raise Diagnostic("wrong-kind", message, place.span)
    return True
