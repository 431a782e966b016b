"""A value in a slot -> the thing it stands for: names by look-up, calls by constructor, text as a file, lists."""

from __future__ import annotations

from typing import Any, NamedTuple, NoReturn

from . import ast
from .ast import Span
from .bind import EACH, bind, filled, parameter_value, plain_value
from .checked import Answer, CheckedQuery, CheckedSql, Table
from .declare import Catalog, Kind, ModelLike, Rows, Selected, TableThing, Thing
from .define import definition_of
from .diagnostic import FOLLOWS, Diagnostic, did_you_mean, listing
from .literals import encode_name, encode_string
from .rows import column_of, images_of


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
        "an answer", "answers are explained, evaluated or read in SQL", "EVALUATE",
        "an answer: a table that INTO made, a LET of a query, or (EXPLAIN …)", "target",
        "unknown-name",
    ),
    "table": Spoken(
        "a table", "tables are read in SQL, or stand where their columns are asked for", "FROM", "a table", "target",
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
    found = parts(value, kind, catalog, slot)
    if not found:
        raise Diagnostic(FOLLOWS, "known only when the query in it has run", value.span)
    if len(found) > 1:
        raise Diagnostic("wrong-kind", f"{slot or 'This'} takes one thing; here are {len(found)}", value.span)
    return found[0] if found[0].items is not None else found[0].thing


def parts(value: ast.Value, kind: Kind | None, catalog: Catalog, slot: str | None = None) -> tuple[Selected, ...]:
    """What a value stands for: one thing, or several for a list of names and for rows of several data sets.

    Empty where it is only known when run.
    """
    value = filled(value)
    match value:
        case ast.Place():
            thing = _named(value.name, kind, catalog, slot)
            if _is_rows(thing) and kind not in {None, "answer", thing.kind}:
                if value.selection is not None:
                    message = f"Rows are chosen from {thing.name} by SQL: (SELECT … FROM {thing.name} WHERE …)"
                    raise Diagnostic("unexpected", message, value.selection.span)
                return _from_table(thing, kind, value.span, catalog, slot)
            return (_select(thing, value.selection, value.span, catalog),)
        case ast.Parameter():
            return (Selected(_named(value, kind, catalog, slot), value.span),)
        case ast.Call():
            if definition_of(value, catalog) is not None:
                return _queried(value, kind, catalog, slot)
            return (_select(_constructed(value, kind, catalog, slot), value.selection, value.span, catalog),)
        case ast.Constant(value=str() as path):
            if kind is None:
                message = f"What is in {encode_string(path)}? Say it with a function, such as folder(…) or words(…)"
                raise Diagnostic("wrong-kind", message, value.span)
            return (Selected(catalog.file(path, kind, value.span), value.span),)
        case ast.ListValue():
            return _listed(value, kind, catalog, slot)
        case ast.Subquery():
            return _queried(value, kind, catalog, slot)
    if kind is None and isinstance(value, ast.Constant):
        message = "LET gives a name to a thing, such as folder('photos/'); a plain value is a parameter: PARAM k = 3"
        raise Diagnostic("wrong-kind", message, value.span)
    takes = SPOKEN[kind].takes if kind else "a thing, such as folder('photos/')"
    raise Diagnostic("wrong-kind", f"{slot or (SPOKEN[kind].keyword if kind else 'LET')} takes {takes}", value.span)


def resolve_whole(value: ast.Value, kind: Kind, catalog: Catalog) -> Thing:
    """As `resolve`, where nothing can be selected from the thing (models, judges)."""
    found = resolve(value, kind, catalog)
    if isinstance(found, Selected):
        message = f"Nothing can be selected from {SPOKEN[kind].one}: write {found.thing.name}"
        raise Diagnostic("wrong-kind", message, found.span)
    return found


def _named(name: ast.Name | ast.Parameter, kind: Kind | None, catalog: Catalog, slot: str | None) -> Thing:
    if isinstance(name, ast.Parameter):
        value = parameter_value(name, catalog)
        if isinstance(value, list):
            return catalog.inline([str(v) for v in value], kind or "vocabulary", name.span)
        if not isinstance(value, str):
            if hasattr(value, "kind"):
                found: Thing = value
                return found if kind in (None, found.kind) else _standing_for(found, found.name, kind, name.span, slot)
            return wrong_kind("value", f"${name.name} ({value})", kind, name.span, slot)
        # Text given for a parameter is a name if there is one of it, else a file.
        found_thing = catalog.find(value)
        if found_thing is None and kind is not None and any(c in value for c in "/.\\"):
            return catalog.file(value, kind, name.span)
        thing, given = found_thing, name.name
        name = ast.Name(name.span, value)
    else:
        thing, given = catalog.find(name.text), None
    if thing is None:
        return unknown(name, kind, catalog, slot, given)
    if thing.kind == "mistake":
        raise Diagnostic(FOLLOWS, f"{name.text} was to be made by a faulty statement", name.span)
    if kind is None or thing.kind == kind or serves(thing, kind):
        return thing
    return _standing_for(thing, name.text, kind, name.span, slot)


def _standing_for(thing: Thing, name: str, kind: Kind | None, span: Span, slot: str | None) -> Thing:
    """What a thing of another kind stands for here: a judge that can embed images for its image encoder, after OF."""
    if kind != "model" or not isinstance(thing, ModelLike):
        return wrong_kind(thing.kind, name, kind, span, slot)
    model = thing.as_model()
    if model is None:
        message = (
            f"{name} holds vectors and no network, so it has no layers. {slot or 'OF'} takes "
            f"{SPOKEN['model'].takes}, or a judge that can embed images, such as labclip"
        )
        raise Diagnostic("wrong-kind", message, span)
    return model


def _is_rows(thing: Thing) -> bool:
    return thing.kind in {"answer", "table"}


def serves(thing: Thing, kind: Kind) -> bool:
    """Rows serve where one of their columns is what is asked for; an answer of TRAIN is a model."""
    if isinstance(thing, Answer) and thing.verb == "TRAIN" and kind == "model":
        return True
    if not _is_rows(thing) or kind in {"model", "judge"}:
        return False
    if kind == "answer":
        return True
    columns = thing.columns() if isinstance(thing, TableThing) else thing.held if isinstance(thing, Table) else None
    return columns is None or SPOKEN[kind].column in columns or len(columns) == 1


def wrong_kind(found: str, name: str, kind: Kind | None, span: Span, slot: str | None = None) -> NoReturn:
    """'lab.words is a vocabulary; vocabularies come after WITH. ON takes images, such as lab.probe'."""
    spoken = SPOKEN.get(found)
    is_one = f"{name} is {spoken.one}; {spoken.belong}" if spoken else f"{name} is no name"
    takes = f". {slot or SPOKEN[kind].keyword} takes {SPOKEN[kind].takes}" if kind else ""
    raise Diagnostic("wrong-kind", f"{is_one}{takes}", span)


def unknown(
    name: ast.Name, kind: Kind | None, catalog: Catalog, slot: str | None = None, given: str | None = None
) -> NoReturn:  # fmt: skip
    """A name that stands for nothing: what is near it, what there is, and what quotes mean.

    `given` is the parameter whose value it is.
    """
    spoken = SPOKEN[kind] if kind else None
    clause = slot or (spoken.keyword if spoken else None)
    if not name.quoted and any(m.name == name.text for m in catalog.methods()):
        wrong_kind("method", name.text, kind, name.span, slot)
    what = spoken.one if spoken else "thing"
    message = f"No {what.removeprefix('a ').removeprefix('an ')} is called {name.text}."
    here = catalog.lies_here(name.text, kind)
    if here is not None:
        if given is None:
            written = f"{clause} {encode_string(name.text)}" if clause else encode_string(name.text)
            message += f" A {here} stands in single quotes: {written}"
        else:
            function = "folder" if here == "folder" else "captions" if kind == "captions" else "words"
            message += f" For the {here} of this name write {function}(${given}), or give ${given} as ./{name.text}"
        raise Diagnostic(spoken.code if spoken else "unknown-name", message, name.span)
    if name.quoted and kind not in {"model", "judge"}:
        written = f"{clause} {encode_string(name.text)}" if clause else encode_string(name.text)
        message += f" Double quotes enclose names, single quotes text: {written}"
        raise Diagnostic(spoken.code if spoken else "unknown-name", message, name.span)
    known = list(catalog.names(kind))
    constructors = catalog.constructors(kind)
    functions = [c.name for c in constructors]
    able = next((c.name for c in constructors if c.parameters and name.text in c.parameters[0].choices), None)
    if name.text in functions:
        message += f" {name.text}(…) makes one"
    elif able:
        message += f" {able}({encode_string(name.text)}) makes it"
    elif near := did_you_mean(name.text, [*known, *catalog.further(kind)]):
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
        if call.name.text.lower() == EACH:
            message = "each(…) sweeps over an argument of a method: clip_dissect(top_k=each(10, 30))"
            raise Diagnostic("unexpected", message, call.name.span)
        if any(m.name == call.name.text for m in catalog.methods()):
            wrong_kind("method", call.name.text, kind, call.name.span, slot)
        thing = catalog.find(call.name.text)
        if thing is not None and thing.kind in SPOKEN:
            number = call.arguments[0].value if len(call.arguments) == 1 else None
            stop = number.value if isinstance(number, ast.Constant) and isinstance(number.value, int) else 50
            message = f"{call.name.text} is {SPOKEN[thing.kind].one}, and no function"
            if thing.kind not in {"model", "judge"}:
                message += f". Some of it is selected in square brackets: {call.name.text}[0:{stop}]"
            raise Diagnostic("wrong-kind", message, call.span)
        able = [c.name for c in every if kind is None or c.kind == kind]
        there = (
            f" {SPOKEN[kind].one.capitalize()} is made by {listing(able)}"
            if kind and able
            else f" There are {listing(able)}"
        )
        near = did_you_mean(call.name.text, [c.name for c in every]) or there
        raise Diagnostic("unknown-name", f"No function is called {call.name.text}.{near}", call.name.span)
    fits = kind in (None, declaration.kind)
    if not fits and (kind, declaration.kind) != ("model", "judge"):
        wrong_kind(declaration.kind, f"{declaration.name}(…)", kind, call.span, slot)
    made = catalog.construct(bind(call, declaration, catalog, what="function"))
    return made if fits else _standing_for(made, f"{declaration.name}(…)", kind, call.span, slot)


def _listed(value: ast.ListValue, kind: Kind | None, catalog: Catalog, slot: str | None) -> tuple[Selected, ...]:
    """A list of texts is words; of names, calls or files, one thing after another."""
    if not value.items:
        raise Diagnostic("empty-data", "This list is empty", value.span)
    things = [isinstance(i, (ast.Call, ast.Subquery, ast.ListValue)) or _is_name(i) for i in value.items]
    texts_meant = kind in {"vocabulary", "captions", None} and len(things) > 1
    if texts_meant and all(_unknown_word(i, catalog) for i in value.items):
        words = ", ".join(encode_string(i.name.text) for i in value.items)  # type: ignore[union-attr]
        raise Diagnostic("unexpected", f"Words in a list stand in single quotes: [{words}]", value.span)
    if any(things) or kind == "dataset":
        return tuple(part for item in value.items for part in parts(item, kind, catalog, slot))
    texts = [plain_value(item, catalog) for item in value.items]
    for text, item in zip(texts, value.items, strict=True):
        if not isinstance(text, str):
            message = f"A list after {slot or SPOKEN[kind or 'vocabulary'].keyword} holds text: ['boat', 'car']"
            raise Diagnostic("wrong-kind", message, item.span)
    return (Selected(catalog.inline(texts, kind or "vocabulary", value.span), value.span),)


def _unknown_word(value: ast.Value, catalog: Catalog) -> bool:
    """A bare or double-quoted word that stands for nothing."""
    if not isinstance(value, ast.Place) or not isinstance(value.name, ast.Name) or value.selection is not None:
        return False
    return catalog.find(value.name.text) is None and (value.name.quoted or "." not in value.name.text)


def _is_name(value: ast.Value) -> bool:
    return isinstance(value, ast.Place) and isinstance(value.name, ast.Name)


def _queried(
    value: ast.Subquery | ast.Call, kind: Kind | None, catalog: Catalog, slot: str | None
) -> tuple[Selected, ...]:
    """A query where a thing is expected: an answer as it is, of other kinds the column that is called so."""
    body = check_body(value if isinstance(value, ast.Call) else value.body, catalog)
    if kind == "answer":
        if not isinstance(body, CheckedQuery):
            message = "An answer is what a clq query gives; these are rows of SQL"
            raise Diagnostic("wrong-kind", message, value.span)
        return (Selected(Answer("", body.verb, body), value.span),)
    if kind not in {"dataset", "vocabulary", "captions"}:
        what = SPOKEN[kind].takes if kind else "a thing"
        raise Diagnostic("wrong-kind", f"A query cannot stand for {what} here", value.span)
    return _of_rows(catalog.rows(body), body, kind, value.span, catalog)


def _from_table(
    thing: Thing, kind: Kind | None, span: Span, catalog: Catalog, slot: str | None
) -> tuple[Selected, ...]:
    """Rows under a name where images, words or captions are expected."""
    if kind is None or kind not in {"dataset", "vocabulary", "captions"}:
        wrong_kind(thing.kind, thing.name, kind, span, slot)
    body = whole_table(thing.name, span)
    source = thing.sql if isinstance(thing, Table) and thing.sql is not None else body
    return _of_rows(catalog.rows(body), source, kind, span, catalog)


def whole_table(name: str, span: Span) -> CheckedSql:
    """All rows of a table or answer, as the query that a person would write for them."""
    return CheckedSql(ast.Sql(span, f"SELECT * FROM {encode_name(name)}"))


def _of_rows(
    rows: Rows | None, body: CheckedQuery | CheckedSql, kind: Kind, span: Span, catalog: Catalog
) -> tuple[Selected, ...]:
    if rows is None:
        return ()
    if kind == "dataset":
        return images_of(rows, body, span, catalog)
    texts = [str(t) for t in column_of(rows, SPOKEN[kind].column, span) if t is not None]
    if not texts:
        raise Diagnostic("empty-data", "No words are left here: the query gave no rows", span)
    return (Selected(catalog.inline(texts, kind, span), span),)


def _select(thing: Thing, selection: ast.Selection | None, span: Span, catalog: Catalog) -> Selected:
    if selection is None:
        return Selected(thing, span) if not isinstance(thing, Selected) else thing
    if thing.kind in {"model", "judge"}:
        message = (
            f"Nothing can be selected from {SPOKEN[thing.kind].one}; units are selected from a layer: layer4[0:64]"
        )
        raise Diagnostic("wrong-kind", message, selection.span)
    if isinstance(thing, Table):
        message = f"Rows are chosen from {thing.name} by SQL: (SELECT … FROM {thing.name} WHERE …)"
        raise Diagnostic("unexpected", message, selection.span)
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
                rows = _rows_of(item, catalog)
                if rows is None:
                    return None
                out += [r for r in column_of(rows, column, item.span) if r is not None]
            case ast.Parameter():
                value = parameter_value(item, catalog)
                out += [_item(v, item.span) for v in (value if isinstance(value, list) else [value])]
            case ast.Constant():
                out.append(_item(item.value, item.span))
    return tuple(out)


def _rows_of(subquery: ast.Subquery, catalog: Catalog) -> Rows | None:
    return catalog.rows(check_body(subquery.body, catalog))


def check_body(body: ast.Query | ast.Sql | ast.Call, catalog: Catalog) -> CheckedQuery | CheckedSql:
    """The query or SQL in parentheses, checked; the checker of queries needs this module, so it is asked late."""
    from .check import check_body as checked

    return checked(body, catalog)


def _item(value: Any, span: Span) -> int | str:
    if isinstance(value, float):
        whole = f": {int(value)}" if value.is_integer() else ""
        raise Diagnostic("bad-argument", f"What is selected is counted in whole numbers, not {value}{whole}", span)
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
