"""Queries, SQL and calls of defined queries, checked: what may stand in a statement, in parentheses and in SQL."""

from __future__ import annotations

from dataclasses import replace

from . import ast
from .bind import bind, bind_each, parameter_value, plain_value
from .checked import CheckedBody, CheckedPlan, CheckedQuery, CheckedSql, Origin
from .declare import Catalog
from .define import definition_of, expanded, placed_at
from .diagnostic import Diagnostic, as_one, did_you_mean, listing
from .pasted import leaving
from .query import QueryChecker
from .resolve import resolve
from .scan import scan
from .tail import tail_of

__all__ = ["bind", "bind_each", "check", "check_body", "check_sql", "resolve"]


def check(query: ast.Query, catalog: Catalog, origin: Origin | None = None) -> CheckedQuery:
    """Check one query. Raises Diagnostic, with its place, for what is not as declared; `also` has the further ones."""
    if query.call is not None:
        return _called_with_tail(query, query.call, catalog, origin)
    return QueryChecker(query, catalog, origin, lambda sql: check_sql(sql, catalog, origin)).checked()


def check_body(
    body: ast.Query | ast.Sql | ast.Call, catalog: Catalog, origin: Origin | None = None, into: bool = False
) -> CheckedQuery | CheckedSql:
    """A query, SQL or call of a defined query: what stands in parentheses, where INTO cannot stand."""
    if isinstance(body, ast.Query):
        if body.into is not None and not into:
            message = "INTO stands at the end of a statement, not of a query inside another one"
            raise Diagnostic("unexpected", message, body.into.span)
        return check(body, catalog, origin)
    if isinstance(body, ast.Call):
        return _called(body, catalog, origin)
    return check_sql(body, catalog, origin)


def check_sql(sql: ast.Sql, catalog: Catalog, origin: Origin | None = None) -> CheckedSql:
    """The clq queries in SQL, and the values of its parameters; the SQL itself is DuckDB's to judge."""
    problems: list[Diagnostic] = []
    islands: list[tuple[ast.Span, CheckedBody]] = []
    for island in sql.islands:
        try:
            if isinstance(island.body, ast.PlanStatement):
                islands.append((island.span, check_plan(island.body, catalog, origin)))
            else:
                islands.append((island.span, check_body(island.body, catalog, origin)))
        except Diagnostic as problem:
            problems += problem.every()
    values = _values(sql, catalog, problems)
    found = as_one(problems)
    if found is not None:
        raise found
    return CheckedSql(sql, tuple(islands), values, origin)


def check_plan(statement: ast.PlanStatement, catalog: Catalog, origin: Origin | None = None) -> CheckedPlan:
    """PLAN of a query or of SQL with queries in it."""
    return CheckedPlan(statement.span, check_body(statement.body, catalog, origin, into=True), statement.analyze)


def _values(sql: ast.Sql, catalog: Catalog, problems: list[Diagnostic]) -> dict[str, object]:
    """The `$names` that stand in SQL itself, not in its queries, and what they are bound to."""
    given, out, start = dict(sql.given), {}, sql.span.start
    inside = [(i.span.start - start, i.span.end - start) for i in sql.islands]
    for token in scan(sql.text):
        name = token.text[1:]
        if token.kind != "param" or name.isdigit() or any(a <= token.start < b for a, b in inside):
            continue
        place = ast.Span(start + token.start, start + token.end)
        try:
            if name in given:
                value = plain_value(placed_at(given[name], place), catalog)
                if not isinstance(value, (str, int, float, bool, list, type(None))):
                    message = f"${name} stands in SQL here, which takes text, numbers and lists of them"
                    raise Diagnostic("bad-argument", message, place)
            else:
                value = parameter_value(ast.Parameter(place, name), catalog)
            out[name] = value
        except Diagnostic as problem:
            problems += problem.every()
    return out


# ------------------------------------------------------------------ calls of defined queries


def _called(call: ast.Call, catalog: Catalog, origin: Origin | None) -> CheckedQuery | CheckedSql:
    definition = definition_of(call, catalog)
    if definition is None:
        if any(c.name == call.name.text for c in catalog.constructors()):
            message = f"{call.name.text}(…) makes a thing to give a name to: LET x = {call.name.text}(…)"
            raise Diagnostic("unexpected", message, call.span)
        name, defined = call.name.text, catalog.defined()
        leave = leaving(name)
        if leave is not None:
            raise Diagnostic("unknown-statement", leave, call.span)
        near = did_you_mean(name, defined) or (f" There are {listing(defined)}" if defined else "")
        made = f" One is made by DEFINE {name}(…) AS EXPLAIN …" if not defined else ""
        message = f"No defined query is called {name}.{near}{made}"
        raise Diagnostic("unknown-name", message, call.name.span)
    body, where = expanded(call, definition, catalog, origin)
    try:
        return check_body(body, catalog, where)
    except Diagnostic as problem:
        raise where.mark(problem) from problem.__cause__


def _called_with_tail(
    query: ast.Query, call: ast.Call, catalog: Catalog, origin: Origin | None
) -> CheckedQuery:
    """`top_words(labnet, layer4) WHERE rank = 1 INTO t`: the tail acts on the rows of the call."""
    name = call.name.text
    own = [k for k in query.clause_spans if k not in {"WHERE", "ORDER BY", "LIMIT", "INTO"}]
    if own:
        message = f"{name}(…) is a whole query; what it leaves open are its arguments, not clauses after it"
        raise Diagnostic("unexpected", message, query.clause_spans[own[0]])
    body = _called(call, catalog, origin)
    if isinstance(body, CheckedSql):
        message = f"{name} is defined as SQL, so SQL goes on: SELECT * FROM {name}(…) WHERE …"
        raise Diagnostic("unexpected", message, next(iter(query.clause_spans.values())))
    tail = tail_of(query, catalog, lambda sql: check_sql(sql, catalog, origin))
    into = query.into
    return replace(
        body, tails=(*body.tails, tail), into=into.name if into else None, into_is_file=into.is_file if into else False,
        into_span=into.span if into else None,
    )  # fmt: skip
