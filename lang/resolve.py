"""A value in a slot -> the thing it stands for: names by look-up, calls by constructor, text as a file, lists."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, NoReturn

from . import ast
from .ast import Span
from .bind import bind, parameter_value, plain_value
from .declare import Catalog, Kind, Selected, Thing
from .diagnostic import Diagnostic, did_you_mean, listing
from .literals import encode_string


class Spoken(NamedTuple):
    """How messages speak of a kind: what a thing of it is, where such things belong, what its clause takes."""

    one: str
    belong: str
    keyword: str
    takes: str
    column: str
    code: str


SPOKEN: dict[str, Spoken] = {
    "model": Spoken("a model", "models come after OF", "OF", "a model, such as labnet", "model", "unknown-model"),
    "dataset": Spoken("a data set", "images come after ON", "ON", "images, such as lab.probe", "image", "unknown-name"),
    "vocabulary": Spoken(
        "a vocabulary", "vocabularies come after WITH", "WITH", "words, such as lab.words", "word",
        "unknown-vocabulary",
    ),
    "captions": Spoken(
        "a source of captions", "captions come after CAPTIONED BY", "CAPTIONED BY",
        "captions, such as lab.captions", "caption", "unknown-name",
    ),
    "judge": Spoken(
        "a judge", "judges come after JUDGED BY", "JUDGED BY", "a judge, such as labclip", "judge", "unknown-name"
    ),
    "answer": Spoken(
        "an answer", "answers are explained, evaluated or read in SQL", "EVALUATE", "an answer", "target",
        "unknown-name",
    ),
    "method": Spoken(
        "a method", "methods come after USING", "USING", "a method, such as clip_dissect", "method", "unknown-method"
    ),
}  # fmt: skip


def resolve(value: ast.Value, kind: Kind | None, catalog: Catalog, slot: str | None = None) -> Thing | Selected:
    """The thing a value stands for, with what is selected from it; `kind` None takes any, as LET does.

    `slot` is the clause or argument that messages speak of. Raises Diagnostic for an unknown name or a wrong kind.
    """
    match value:
        case ast.Place():
            thing = _named(value.name, kind, catalog, slot)
            return _select(thing, value.selection, value.span, catalog)
        case ast.Parameter():
            return _named(value, kind, catalog, slot)
        case ast.Call():
            return _select(_constructed(value, kind, catalog, slot), value.selection, value.span, catalog)
        case ast.Constant(value=str() as path):
            if kind is None:
                message = f"What is in {encode_string(path)}? Say it with a function, such as folder(…) or words(…)"
                raise Diagnostic("wrong-kind", message, value.span)
            return catalog.file(path, kind, value.span)
        case ast.ListValue():
            return _inline(value, kind or "vocabulary", catalog, slot)
        case ast.Subquery():
            return _queried(value, kind, catalog)
    takes = SPOKEN[kind].takes if kind else "a thing, such as folder('photos/')"
    raise Diagnostic("wrong-kind", f"{slot or (SPOKEN[kind].keyword if kind else 'LET')} takes {takes}", value.span)


def resolve_whole(value: ast.Value, kind: Kind, catalog: Catalog) -> Thing:
    """As `resolve`, where nothing can be selected from the thing (models, judges)."""
    found = resolve(value, kind, catalog)
    if isinstance(found, Selected):
        if found.items is not None:
            message = f"Nothing can be selected from {SPOKEN[kind].one}: write {found.thing.name}"
            raise Diagnostic("wrong-kind", message, found.span)
        return found.thing
    return found


def selected(value: ast.Value, kind: Kind, catalog: Catalog) -> Selected:
    """As `resolve`, always as Selected, with the place in the text."""
    found = resolve(value, kind, catalog)
    return found if isinstance(found, Selected) else Selected(found, value.span)


def _named(name: ast.Name | ast.Parameter, kind: Kind | None, catalog: Catalog, slot: str | None) -> Thing:
    if isinstance(name, ast.Parameter):
        value = parameter_value(name, catalog)
        if isinstance(value, list):
            return catalog.inline([str(v) for v in value], kind or "vocabulary", name.span)
        if not isinstance(value, str):
            if hasattr(value, "kind"):
                found: Thing = value
                return (
                    found if kind in (None, found.kind) else wrong_kind(found.kind, found.name, kind, name.span, slot)
                )
            return wrong_kind("value", f"${name.name} ({value})", kind, name.span, slot)
        # Text given for a parameter is a name if there is one of it, else a file.
        found_thing = catalog.find(value)
        if found_thing is None and kind is not None and any(c in value for c in "/.\\"):
            return catalog.file(value, kind, name.span)
        name = ast.Name(name.span, value)
    thing = catalog.find(name.text)
    if thing is None:
        return unknown(name, kind, catalog, slot)
    if kind is not None and thing.kind != kind:
        return wrong_kind(thing.kind, name.text, kind, name.span, slot)
    return thing


def wrong_kind(found: str, name: str, kind: Kind | None, span: Span, slot: str | None = None) -> NoReturn:
    """'lab.words is a vocabulary; vocabularies come after WITH. ON takes images, such as lab.probe'."""
    spoken = SPOKEN.get(found)
    is_one = f"{name} is {spoken.one}; {spoken.belong}" if spoken else f"{name} is no name"
    takes = f". {slot or SPOKEN[kind].keyword} takes {SPOKEN[kind].takes}" if kind else ""
    raise Diagnostic("wrong-kind", f"{is_one}{takes}", span)


def unknown(name: ast.Name, kind: Kind | None, catalog: Catalog, slot: str | None = None) -> NoReturn:
    """A name that stands for nothing: what is near it, what there is, and what quotes mean."""
    spoken = SPOKEN[kind] if kind else None
    clause = slot or (spoken.keyword if spoken else None)
    if not name.quoted and any(m.name == name.text for m in catalog.methods()):
        wrong_kind("method", name.text, kind, name.span, slot)
    what = spoken.one if spoken else "thing"
    message = f"No {what.removeprefix('a ').removeprefix('an ')} is called {name.text}."
    if name.quoted and clause and kind not in {"model", "judge"}:
        message += f" Double quotes enclose names, single quotes text: {clause} {encode_string(name.text)}"
        raise Diagnostic(spoken.code if spoken else "unknown-name", message, name.span)
    known = list(catalog.names(kind))
    constructors = catalog.constructors(kind)
    functions = [c.name for c in constructors]
    able = next((c.name for c in constructors if c.parameters and name.text in c.parameters[0].choices), None)
    if name.text in functions:
        message += f" {name.text}(…) makes one"
    elif able:
        message += f" {able}({encode_string(name.text)}) makes it"
    elif near := did_you_mean(name.text, known):
        message += near
    elif name.text.rpartition(".")[2].lower() in {"txt", "csv", "parquet", "png", "jpg", "jpeg", "gz", "json", "npz"}:
        message += f" A file stands in single quotes: {clause or ''} {encode_string(name.text)}".replace("  ", " ")
    elif known:
        message += f" There are {listing(known)}"
    hint = f"others are made by {', '.join(f'{f}(…)' for f in functions)}" if functions else None
    raise Diagnostic(spoken.code if spoken else "unknown-name", message, name.span, hint=hint)


def _constructed(call: ast.Call, kind: Kind | None, catalog: Catalog, slot: str | None) -> Thing:
    every = list(catalog.constructors())
    declaration = next((c for c in every if c.name == call.name.text), None)
    if declaration is None:
        if any(m.name == call.name.text for m in catalog.methods()):
            wrong_kind("method", call.name.text, kind, call.name.span, slot)
        able = [c.name for c in every if kind is None or c.kind == kind]
        there = (
            f" {SPOKEN[kind].one.capitalize()} is made by {listing(able)}"
            if kind and able
            else f" There are {listing(able)}"
        )
        near = did_you_mean(call.name.text, [c.name for c in every]) or there
        raise Diagnostic("unknown-name", f"No function is called {call.name.text}.{near}", call.name.span)
    if kind is not None and declaration.kind != kind:
        wrong_kind(declaration.kind, f"{declaration.name}(…)", kind, call.span, slot)
    return catalog.construct(bind(call, declaration, catalog, what="function"))


def _inline(value: ast.ListValue, kind: Kind, catalog: Catalog, slot: str | None) -> Thing:
    texts = [plain_value(item, catalog) for item in value.items]
    for text, item in zip(texts, value.items, strict=True):
        if not isinstance(text, str) or (isinstance(item, ast.Place) and isinstance(item.name, ast.Name)):
            message = f"A list after {slot or SPOKEN[kind].keyword} holds text: ['boat', 'car']"
            raise Diagnostic("wrong-kind", message, item.span)
    if not texts:
        raise Diagnostic("empty-data", "This list is empty", value.span)
    return catalog.inline(texts, kind, value.span)


def _queried(value: ast.Subquery, kind: Kind | None, catalog: Catalog) -> Thing:
    if kind == "dataset":
        message = "Images chosen by SQL are selected from a data set: ON lab.probe[(SELECT image FROM …)]"
        raise Diagnostic("not-here", message, value.span)
    if kind not in {"vocabulary", "captions"}:
        what = SPOKEN[kind].takes if kind else "a thing"
        raise Diagnostic("wrong-kind", f"A query cannot stand for {what} here", value.span)
    texts = catalog.select(value, SPOKEN[kind].column)
    return catalog.inline([str(t) for t in texts or () if t is not None], kind, value.span)


def _select(thing: Thing, selection: ast.Selection | None, span: Span, catalog: Catalog) -> Thing | Selected:
    if isinstance(thing, Selected):
        if selection is not None:
            message = f"This name already selects from {thing.name}: select once, from {thing.name} itself"
            raise Diagnostic("not-here", message, selection.span)
        return Selected(thing.thing, span, thing.items)
    if selection is None:
        return thing
    if thing.kind in {"model", "judge"}:
        message = (
            f"Nothing can be selected from {SPOKEN[thing.kind].one}; units are selected from a layer: layer4[0:64]"
        )
        raise Diagnostic("wrong-kind", message, selection.span)
    return Selected(thing, span, items(selection, SPOKEN[thing.kind].column, catalog))


def items(selection: ast.Selection, column: str, catalog: Catalog) -> tuple[int | str | slice, ...] | None:
    """What a selection names, with parameters and subqueries filled in; None where a subquery is not run yet."""
    out: list[int | str | slice] = []
    for item in selection.items:
        match item:
            case ast.Slice():
                out.append(slice(*(_bound(b, item.span, catalog) for b in (item.start, item.stop, item.step))))
                if out[-1].step == 0:  # type: ignore[union-attr]
                    raise Diagnostic("bad-argument", "The step of a slice cannot be 0", item.span)
            case ast.Subquery():
                rows: Sequence[Any] | None = catalog.select(item, column)
                if rows is None:
                    return None
                out += [r for r in rows if r is not None]
            case ast.Parameter():
                out.append(_item(parameter_value(item, catalog), item.span))
            case ast.Constant():
                out.append(_item(item.value, item.span))
    return tuple(out)


def _item(value: Any, span: Span) -> int | str:
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        raise Diagnostic("bad-argument", "Numbers, slices, names in quotes or a subquery select", span)
    return value


def _bound(bound: int | ast.Parameter | None, span: Span, catalog: Catalog) -> int | None:
    if bound is None or isinstance(bound, int):
        return bound
    value = parameter_value(bound, catalog)
    if isinstance(value, bool) or not isinstance(value, int):
        raise Diagnostic(
            "bad-argument", f"The bounds of a slice are whole numbers; ${bound.name} is {value}", bound.span
        )
    return value
