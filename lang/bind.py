"""A call against its declaration: every argument named, typed, in range, or told what it takes."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Mapping
from typing import Any

from . import ast
from .ast import Span
from .declare import REQUIRED, Bound, Catalog, Parameter, Signature
from .diagnostic import Diagnostic, as_one, did_you_mean, listing

EACH = "each"
SEED = "seed"


def bind(
    call: ast.Call | ast.Name | ast.Parameter, declaration: Signature, catalog: Catalog, what: str = "call"
) -> Bound:
    """The call with a checked value for every argument. Raises Diagnostic; `each(…)` stands in methods only."""
    bounds = bind_each(call, declaration, catalog)
    if len(bounds) > 1:
        raise Diagnostic("bad-argument", f"each(…) sweeps over the arguments of a method, not of a {what}", call.span)
    return bounds[0]


def bind_each(call: ast.Call | ast.Name | ast.Parameter, declaration: Signature, catalog: Catalog) -> tuple[Bound, ...]:
    """As `bind`, once for each combination of the values of `each(…)`, the last argument varying fastest."""
    problems: list[Diagnostic] = []
    given = _arguments(call, declaration, problems)
    for parameter in declaration.parameters:
        if parameter.default is REQUIRED and parameter.name not in given and not problems:
            message = (
                f"{declaration.name} needs {parameter.name}: {parameter.meaning}. {_example(declaration, parameter)}"
            )
            problems.append(Diagnostic("missing-argument", message, call.span))
    choices = []
    for name, argument in given.items():
        try:
            choices.append(_choices(argument.value, _parameter(declaration, name), catalog))
        except Diagnostic as problem:
            problems += problem.every()
    found = as_one(problems)
    if found is not None:
        raise found
    defaults = {p.name: p.default for p in declaration.parameters}
    spans = {name: a.span for name, a in given.items()}
    out = []
    for values in itertools.product(*choices):
        every = {**defaults, **dict(zip(given, values, strict=True))}
        every |= {p.name: p.default_beside(every) for p in declaration.parameters if p.name not in given}
        bound = Bound(declaration, every, frozenset(given), call.span, spans)
        _refuse_idle(bound)
        out.append(_with_settings(bound, catalog))
    return tuple(out)


def _refuse_idle(bound: Bound) -> None:
    """Raises Diagnostic for an argument that says nothing beside the others."""
    for name in bound.given:
        parameter = _parameter(bound.declaration, name)
        if parameter.only_with is not None and not parameter.counts(bound.values):
            message = f"{name} counts only with {needed(parameter.only_with)}: {parameter.meaning}"
            raise Diagnostic("bad-argument", message, bound.spans[name])


def _with_settings(bound: Bound, catalog: Catalog) -> Bound:
    """SET seed is the seed of every call that has one and was not given it."""
    parameter, seed = bound.declaration.parameter(SEED), catalog.setting(SEED)
    if parameter is None or seed is None or SEED in bound.given or not parameter.counts(bound.values):
        return bound
    return dataclasses.replace(bound, values={**bound.values, SEED: seed}, set_=frozenset({SEED}))


def _arguments(
    call: ast.Call | ast.Name | ast.Parameter, declaration: Signature, problems: list[Diagnostic]
) -> dict[str, ast.Argument]:
    """The arguments by name: those without one in declared order."""
    given: dict[str, ast.Argument] = {}
    names = [p.name for p in declaration.parameters]
    arguments = call.arguments if isinstance(call, ast.Call) else ()
    for i, argument in enumerate(arguments):
        try:
            name = names[i] if argument.name is None and i < len(names) else _named(argument, declaration)
        except Diagnostic as problem:
            problems.append(problem)
            continue
        if name in given:
            problems.append(Diagnostic("bad-argument", f"{name} stands twice", argument.span))
        given[name] = argument
    return given


def _named(argument: ast.Argument, declaration: Signature) -> str:
    if argument.name is None:
        names = [p.name for p in declaration.parameters]
        takes = f"takes {_count(names)}" if names else "takes no arguments"
        raise Diagnostic("unknown-argument", f"{declaration.name} {takes}", argument.span)
    return _known_name(argument.name, argument.name_span or argument.span, declaration)


def _known_name(name: str, span: Span, declaration: Signature) -> str:
    """Arguments are known in any case, as keywords are."""
    names = [p.name for p in declaration.parameters]
    for known in names:
        if known.lower() == name.lower():
            return known
    near = did_you_mean(name, names) or (f" Its arguments: {listing(names)}" if names else " It takes none")
    raise Diagnostic("unknown-argument", f"{declaration.name} has no argument {name}.{near}", span)


def _count(names: list[str]) -> str:
    return f"{len(names)} argument{'s' if len(names) > 1 else ''}: {listing(names)}"


def _parameter(declaration: Signature, name: str) -> Parameter:
    found = declaration.parameter(name)
    assert found is not None
    return found


def _example(declaration: Signature, parameter: Parameter) -> str:
    value = "'…'" if parameter.type == "str" else parameter.choices[0] if parameter.choices else "…"
    return f"Write {declaration.name}({parameter.name}={value})"


def _choices(value: ast.Value, parameter: Parameter, catalog: Catalog) -> list[Any]:
    value = filled(value)
    if isinstance(value, ast.Call) and value.name.text.lower() == EACH:
        if not value.arguments:
            raise Diagnostic("bad-argument", f"each(…) needs values: {parameter.name}=each(…, …)", value.span)
        return [_typed(a.value, parameter, catalog) for a in value.arguments]
    return [_typed(value, parameter, catalog)]


def _typed(value: ast.Value, parameter: Parameter, catalog: Catalog) -> Any:
    if parameter.type == "thing":
        return _thing(value, parameter, catalog)
    plain = plain_value(value, catalog)
    if plain is None and parameter.nullable:
        return None
    match parameter.type:
        case "value":
            return plain
        case "int":
            good = isinstance(plain, int) and not isinstance(plain, bool)
        case "float":
            good = isinstance(plain, (int, float)) and not isinstance(plain, bool)
        case "bool":
            good = isinstance(plain, bool)
        case "str":
            good = isinstance(plain, str)
        case "choice":
            return _choice(plain, value.span, parameter)
        case _:
            plain = plain if isinstance(plain, list) else [plain]
            good = plain != [_NOT_PLAIN] and None not in plain
    if good and parameter.type in {"int", "float"}:
        good = (parameter.low is None or plain >= parameter.low) and (parameter.high is None or plain <= parameter.high)
        plain = float(plain) if parameter.type == "float" else plain
    if good and parameter.holds:
        good = all(parameter.holds in str(one) for one in (plain if isinstance(plain, list) else [plain]))
    if not good:
        raise Diagnostic("bad-argument", describe(parameter), value.span)
    return plain


def _choice(plain: Any, span: Span, parameter: Parameter) -> str:
    for choice in parameter.choices:
        if isinstance(plain, str) and plain.lower() == choice.lower():
            return choice
    near = did_you_mean(plain, parameter.choices) if isinstance(plain, str) else ""
    raise Diagnostic("bad-argument", f"{describe(parameter)}.{near}" if near else describe(parameter), span)


def _thing(value: ast.Value, parameter: Parameter, catalog: Catalog) -> Any:
    from .resolve import resolve

    if parameter.nullable and isinstance(value, ast.Constant) and value.value is None:
        return None
    if isinstance(value, ast.Sql):
        value = ast.Subquery(value.span, value)
    return resolve(value, parameter.kind, catalog, slot=parameter.name)


class _NotPlain:
    """Stands for a value that is neither text, number, truth, null, name nor a list of those."""


_NOT_PLAIN = _NotPlain()


def plain_value(value: ast.Value | ast.Name, catalog: Catalog) -> Any:
    """A constant, a bare name as text, a list, or what a parameter stands for."""
    match value:
        case ast.Constant():
            return value.value
        case ast.Parameter():
            return parameter_value(value, catalog)
        case ast.Name():
            return value.text
        case ast.Place(selection=None):
            return plain_value(value.name, catalog)
        case ast.ListValue():
            return [plain_value(item, catalog) for item in value.items]
    return _NOT_PLAIN


def parameter_value(parameter: ast.Parameter, catalog: Catalog) -> Any:
    """What `$k` stands for. Raises Diagnostic `no-parameter` at its place."""
    if parameter.value is not None:
        plain = plain_value(parameter.value, catalog)
        if plain is _NOT_PLAIN:
            message = f"${parameter.name} stands for something that cannot be written here: a name or value is needed"
            raise Diagnostic("bad-argument", message, parameter.span)
        return plain
    try:
        value = catalog.parameter(parameter.name)
    except KeyError:
        message = (
            f"${parameter.name} has no value: write PARAM {parameter.name} = … before, or --param {parameter.name}=…"
        )
        raise Diagnostic("no-parameter", message, parameter.span) from None
    except Diagnostic as problem:
        problem.span = problem.span or parameter.span
        raise
    if isinstance(value, (ast.Constant, ast.Name, ast.Place, ast.ListValue)):
        return plain_value(value, catalog)
    return value


def filled(value: ast.Value) -> ast.Value:
    """In the expansion of a defined query: what the call gave for a place or value that is a parameter."""
    hole = value if isinstance(value, ast.Parameter) else value.name if isinstance(value, ast.Place) else None
    if not isinstance(hole, ast.Parameter) or hole.value is None:
        return value
    given = filled(hole.value)
    chosen = value.selection if isinstance(value, ast.Place) else None
    if chosen is None:
        return given
    if isinstance(given, (ast.Place, ast.Call)) and given.selection is None:
        return dataclasses.replace(given, selection=chosen)
    if isinstance(given, ast.Constant) and isinstance(given.value, str):
        return ast.Place(value.span, ast.Name(hole.span, given.value), chosen)
    message = f"${hole.name} already selects, or is nothing that can be selected from"
    raise Diagnostic("unexpected", message, chosen.span)


_KINDS: Mapping[str, str] = {
    "int": "a whole number", "float": "a number", "bool": "true or false", "str": "text in single quotes",
    "list": "text in single quotes or a list of such", "value": "a value",
}  # fmt: skip
_THINGS: Mapping[str | None, str] = {
    "model": "a model, such as labnet", "dataset": "images, such as lab.probe",
    "vocabulary": "words, such as lab.words", "captions": "captions, such as lab.captions",
    "judge": "a judge, such as labclip", "answer": "an answer",
}  # fmt: skip


def describe(parameter: Parameter) -> str:
    """'top_k is a whole number from 1 on (default 100): how many images count for a unit'."""
    return "".join(_description(parameter))


def _description(p: Parameter) -> Iterator[str]:
    if p.type == "choice":
        yield f"{p.name} is one of {listing(p.choices)}"
    elif p.type == "thing":
        yield f"{p.name} is {_THINGS.get(p.kind, 'a name')}"
    else:
        yield f"{p.name} is {_KINDS[p.type]}"
    if p.low is not None and p.high is not None:
        yield f" from {p.low:g} to {p.high:g}"
    elif p.low is not None:
        yield f" from {p.low:g} on"
    elif p.high is not None:
        yield f" up to {p.high:g}"
    if p.holds:
        yield f" with {p.holds} in it"
    if p.nullable:
        yield " or null"
    if p.default is not REQUIRED:
        yield f" (default {default_shown(p)})"
    yield f": {p.meaning}"


def needed(only_with: tuple[str, str | bool | tuple[str, ...]]) -> str:
    """'similarity=wpmi or soft_wpmi': what `Parameter.only_with` asks for."""
    name, value = only_with
    return f"{name}={' or '.join(value) if isinstance(value, tuple) else shown(value)}"


def default_shown(p: Parameter) -> str:
    """'100; wpmi: 28': the default, and those under other values of another argument."""
    return "; ".join([shown(p.default), *(f"{value}: {shown(own)}" for value, own in p.instead)])


def shown(value: Any) -> str:
    """A default as a query would write it."""
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
