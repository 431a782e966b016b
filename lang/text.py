"""AST -> its one canonical spelling: a line, upper-case keywords, clauses in the order of the EBNF, no comments."""

from __future__ import annotations

from collections.abc import Iterable

from . import ast
from .literals import encode_name, encode_string
from .scan import scan
from .verbs import CLAUSES

_OBJECTS = {"DISCOVER": "CONCEPTS", "DETECT": "OUTLIERS"}


def unparse(node: object) -> str:
    """The canonical text of any node of the AST; parsing it gives the node again, up to spans."""
    match node:
        case ast.Script():
            return ";\n".join(unparse(s) for s in node.statements)
        case ast.Query():
            return _query(node)
        case ast.Sql():
            return _sql(node)
        case ast.Subquery():
            return f"({unparse(node.body)})"
        case ast.Call():
            return f"{node.name.text}({_list(node.arguments)}){_selection(node.selection)}"
        case ast.Argument():
            return f"{node.name}={unparse(node.value)}" if node.name else unparse(node.value)
        case ast.Place():
            return unparse(node.name) + _selection(node.selection)
        case ast.Name():
            return encode_name(node.text) if node.quoted else node.text
        case ast.Parameter():
            return f"${node.name}"
        case ast.Constant():
            return _constant(node.value)
        case ast.ListValue():
            return f"[{_list(node.items)}]"
        case ast.Slice():
            step = "" if node.step is None else f":{_bound(node.step)}"
            return f"{_bound(node.start)}:{_bound(node.stop)}{step}"
        case ast.Target():
            return _target(node)
        case _:
            return _statement(node)


def _statement(node: object) -> str:
    match node:
        case ast.Let():
            return f"LET {_made(node.name)} = {unparse(node.value)}"
        case ast.ParamStatement():
            return f"PARAM {_made(node.name)} = {unparse(node.value)}"
        case ast.SetStatement():
            return f"RESET {node.setting}" if node.value is None else f"SET {node.setting} = {unparse(node.value)}"
        case ast.Define():
            formals = ", ".join(n if v is None else f"{n} = {unparse(v)}" for n, v in node.formals)
            return f"DEFINE {node.name}({formals}) AS {unparse(node.body)}"
        case ast.Import():
            return f"IMPORT {encode_string(node.path)}"
        case ast.Show():
            name = f" {unparse(node.name)}" if node.name else ""
            of = f" OF {_list(node.of)}" if node.of else ""
            return f"SHOW {node.what}{name}{of}{f' FOR {node.for_}' if node.for_ else ''}"
        case ast.PlanStatement():
            return f"PLAN {'ANALYZE ' if node.analyze else ''}{unparse(node.body)}"
    raise TypeError(f"{type(node).__name__} is no node of the language")


def _query(query: ast.Query) -> str:
    parts = [_head(query)]
    for clause in CLAUSES.values():
        value = getattr(query, clause.field)
        if value:
            parts.append(f"{clause.keyword} {_clause(value)}")
    return " ".join([*parts, *_tail(query)])


def canonical_tail(query: ast.Query) -> str:
    """WHERE, ORDER BY and LIMIT as they enter a table's name; INTO does not."""
    return " ".join(p for p in _tail(query) if not p.startswith("INTO "))


def _tail(query: ast.Query) -> list[str]:
    parts = []
    if query.where is not None:
        parts.append(f"WHERE {_sql(query.where)}")
    if query.order is not None:
        parts.append(f"ORDER BY {_sql(query.order)}")
    if query.limit is not None:
        parts.append(f"LIMIT {_bound(query.limit)}")
    if query.into is not None:
        parts.append(f"INTO {encode_string(query.into.name) if query.into.is_file else _made(query.into.name)}")
    return parts


def _head(query: ast.Query) -> str:
    if query.call is not None:
        return unparse(query.call)
    if query.verb in _OBJECTS:
        return f"{query.verb} {_OBJECTS[query.verb]}"
    return f"{query.verb} {_list(query.targets) if query.targets else unparse(query.source)}"


def _clause(value: object) -> str:
    match value:
        case ast.To():
            return f"{_list(value.places)} OF {_list(value.models)}"
        case ast.Contrast():
            return unparse(value.images) if value.images is not None else value.kind
        case tuple() if value and isinstance(value[0], ast.Change):
            return ", ".join(_change(c) for c in value)
        case tuple():
            return _list(value)
    raise TypeError(type(value).__name__)


def _change(change: ast.Change) -> str:
    concept = unparse(change.concept) if isinstance(change.concept, ast.Parameter) else encode_string(change.concept)
    return f"{concept} = {change.value!r}"


def _target(target: ast.Target) -> str:
    kind = target.kind.upper()
    if target.place is not None:
        return f"GROUP {unparse(target.place)}" if target.kind == "group" else unparse(target.place)
    if target.kind == "subquery":
        return unparse(target.subquery)
    if target.model is not None:
        return f"MODEL {unparse(target.model)}"
    if target.subquery is not None:
        return f"{kind} {unparse(target.subquery)}"
    return f"{kind} [{_list(target.constants)}]" if _as_list(target) else f"{kind} {_list(target.constants)}".rstrip()


def _as_list(target: ast.Target) -> bool:
    """A parameter can only stand first or in a list; CLASS [] is a list of none."""
    if target.kind in {"classes", "groups", "failures"}:
        return False
    return not target.constants or any(isinstance(c, ast.Parameter) for c in target.constants[1:])


def _selection(selection: ast.Selection | None) -> str:
    return "" if selection is None else f"[{_list(selection.items)}]"


def _list(nodes: Iterable[object]) -> str:
    return ", ".join(unparse(n) for n in nodes)


def _bound(value: int | ast.Parameter | None) -> str:
    return "" if value is None else f"${value.name}" if isinstance(value, ast.Parameter) else str(value)


def _constant(value: str | int | float | bool | None) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return encode_string(value) if isinstance(value, str) else repr(value)


def _made(name: str) -> str:
    """A name that a statement makes: quoted unless it is a plain word."""
    return name if name.isidentifier() and name.isascii() else encode_name(name)


def _sql(sql: ast.Sql) -> str:
    """The SQL on one line, without comments, its queries canonical too."""
    out, here, start = list[str](), 0, sql.span.start
    for island in sql.islands:
        gap = sql.text[here : island.span.start - start]
        # A query stands in parentheses, which need no space; a call may follow a word.
        spaced = isinstance(island.body, ast.Call) and gap[-1:].isspace()
        out += [_after_island(gap) if here else _one_line(gap), " " if spaced else "", unparse(island.body)]
        here = island.span.end - start
    rest = sql.text[here:]
    return "".join([*out, _after_island(rest) if here else _one_line(rest)])


def _after_island(text: str) -> str:
    line = _one_line(text)
    return line.lstrip() if line.startswith(" )") else line


def _one_line(text: str) -> str:
    """Between tokens a space where there was any, and a new line only where SQL joins two texts over it."""
    out, end, before = [], 0, ""
    for token in scan(text):
        if token.start > end or (end and token.start != end):
            joins = before == "string" and token.kind == "string"
            out.append("\n" if joins else " ")
        out.append(token.text)
        end, before = token.end, token.kind
    return "".join(out)
