"""DEFINE and its calls: a query with holes, and the query that a call makes of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

from . import ast
from .ast import Span
from .checked import Definition, Origin
from .declare import Catalog
from .diagnostic import Diagnostic, did_you_mean, listing
from .excerpt import line_and_column
from .scan import scan

Node = TypeVar("Node")


def definition_of(call: ast.Call, catalog: Catalog) -> Definition | None:
    """The DEFINE behind a call, or None for another function."""
    return catalog.definition(call.name.text.lower())


def refuse_cycle(statement: ast.Define, catalog: Catalog) -> None:
    """Raises Diagnostic for a DEFINE that calls itself, directly or through others."""
    own = statement.name.lower()
    todo: list[tuple[ast.Define, tuple[str, ...]]] = [(statement, (statement.name,))]
    while todo:
        one, chain = todo.pop()
        for name in _called_in(one.body):
            if name == own:
                message = f"{statement.name} calls itself: {' -> '.join([*chain, statement.name])}"
                raise Diagnostic("call-cycle", message, statement.name_span)
            found = catalog.definition(name)
            if found is not None and found.statement.name not in chain:
                todo.append((found.statement, (*chain, found.statement.name)))


def _called_in(body: ast.Query | ast.Sql) -> Iterator[str]:
    """The names before a parenthesis: in SQL a definition does not know its own calls for such yet."""
    for node in ast.walk(body):
        if isinstance(node, ast.Call):
            yield node.name.text.lower()
        elif isinstance(node, ast.Sql):
            tokens = scan(node.text)
            for before, token, after in zip([None, *tokens], tokens, tokens[1:], strict=False):
                if token.kind == "word" and after.up == "(" and (before is None or before.up != "."):
                    yield token.text.lower()


def expanded(
    call: ast.Call, definition: Definition, catalog: Catalog, caller: Origin | None
) -> tuple[ast.Query | ast.Call | ast.Sql, Origin]:
    """The body with the call's values in its holes, and where its text stands. Raises Diagnostic at the call."""
    define = definition.statement
    if call.selection is not None:
        message = f"Nothing can be selected from {define.name}(…): choose its rows with WHERE"
        raise Diagnostic("unexpected", message, call.selection.span)
    body: ast.Query | ast.Call | ast.Sql = filled_in(define.body, _values(call, define))
    made = definition.origin
    where = f"in the call of {define.name}"
    if caller is not None:
        where += f" at {_place(caller, call.span)}"
    trail = (where, *made.trail, *(caller.trail if caller is not None else ()))
    if isinstance(body, ast.Query) and body.call is not None and not body.clause_spans:
        body = body.call
    return body, Origin(made.text, made.path, trail)


def written(define: ast.Define) -> str:
    """How a defined query is called: 'top_words(layer, n = …)'."""
    return f"{define.name}({', '.join(n if v is None else f'{n} = …' for n, v in define.formals)})"


def _place(origin: Origin, span: Span) -> str:
    line, column = line_and_column(origin.text, span.start)
    return f"{origin.path or '<query>'}:{line}:{column}"


def _values(call: ast.Call, define: ast.Define) -> dict[str, ast.Value]:
    """What each formal stands for: the call's argument, else its default."""
    formals = [name for name, _ in define.formals]
    given: dict[str, ast.Value] = {}
    for i, argument in enumerate(call.arguments):
        if argument.name is None:
            if i >= len(formals):
                takes = f"takes {listing(formals)}" if formals else "takes no arguments"
                raise Diagnostic("unknown-argument", f"{define.name} {takes}", argument.span)
            name = formals[i]
        else:
            known = next((f for f in formals if f.lower() == argument.name.lower()), None)
            if known is None:
                near = did_you_mean(argument.name, formals) or f" It is written {written(define)}"
                message = f"{define.name} has no argument {argument.name}.{near}"
                raise Diagnostic("unknown-argument", message, argument.name_span or argument.span)
            name = known
        if name in given:
            raise Diagnostic("bad-argument", f"{name} stands twice", argument.span)
        value = argument.value
        given[name] = ast.Subquery(value.span, value) if isinstance(value, ast.Sql) else value
    for name, default in define.formals:
        if name not in given:
            if default is None:
                raise Diagnostic("missing-argument", f"{define.name} needs {name}: {written(define)}", call.span)
            given[name] = default
    return given


def filled_in(node: Node, values: dict[str, ast.Value]) -> Node:
    """The node with `value` set in every Parameter of these names, and `given` in every SQL text.

    A value takes the place of the hole, so that a mistake is told where the hole is.
    """
    made: Any
    if isinstance(node, ast.Parameter):
        if node.name not in values or node.value is not None:
            return node
        made = replace(node, value=placed_at(values[node.name], node.span))
        return made  # type: ignore[no-any-return]
    if isinstance(node, tuple):
        made = tuple(filled_in(n, values) for n in node)
        return made  # type: ignore[no-any-return]
    if not is_dataclass(node) or isinstance(node, (Span, type)):
        return node
    changes: dict[str, Any] = {}
    for f in fields(node):
        old = getattr(node, f.name)
        new = filled_in(old, values)
        if new is not old:
            changes[f.name] = new
    if isinstance(node, ast.Sql):
        named = {t.text[1:] for t in scan(node.text) if t.kind == "param"}
        given = tuple((n, v) for n, v in values.items() if n in named)
        changes["given"] = (*node.given, *given)
    return replace(node, **changes) if changes else node


def placed_at(node: Node, span: Span) -> Node:
    """The node, and all below it, as if it stood at `span`."""
    made: Any
    if isinstance(node, Span):
        made = span
    elif isinstance(node, tuple):
        made = tuple(placed_at(n, span) for n in node)
    elif is_dataclass(node) and not isinstance(node, (type, ast.Sql)):
        made = replace(node, **{f.name: placed_at(getattr(node, f.name), span) for f in fields(node) if f.init})
    else:
        made = node
    return made  # type: ignore[no-any-return]
