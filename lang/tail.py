"""What WHERE and LIMIT say about an answer: columns it does not have, ranks not computed, a LIMIT that misleads."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from . import ast
from .ast import Span
from .bind import parameter_value
from .checked import CheckedSql, Tail, UnitTarget
from .declare import Bound, Catalog, Selected, TableThing
from .diagnostic import Diagnostic, as_one
from .scan import SQL_QUERY, Code, Token
from .targets import layers_of
from .text import canonical_tail
from .verbs import VERBS

_COMPARES = {"=": 0, "<=": 0, "<": -1, "==": 0}


def tail_of(query: ast.Query, catalog: Catalog, sql: Callable[[ast.Sql], CheckedSql]) -> Tail:
    """WHERE, ORDER BY and LIMIT, with the queries in them checked. Raises Diagnostic with all mistakes."""
    problems: list[Diagnostic] = []
    made: list[CheckedSql | None] = []
    for part in (query.where, query.order):
        try:
            made.append(None if part is None else sql(part))
        except Diagnostic as problem:
            problems += problem.every()
            made.append(None)
    limit = None
    try:
        limit = limit_of(query, catalog)
    except Diagnostic as problem:
        problems.append(problem)
    found = as_one(problems)
    if found is not None:
        raise found
    return Tail(made[0], made[1], limit, canonical_tail(query))


def check_columns(query: ast.Query, images: Sequence[Selected]) -> None:
    """A word in WHERE or ORDER BY that is a column of the data set, not of the answer. The rest DuckDB judges."""
    have = {c.lower() for c in VERBS[query.verb].column_names()}
    for sql in (query.where, query.order):
        for token, span in _columns(sql) if sql else ():
            for chosen in images:
                thing = chosen.thing
                if token.lower() in have or not isinstance(thing, TableThing):
                    continue
                if token.lower() in {c.lower() for c in thing.columns()}:
                    condition = sql.text if sql is query.where and sql and len(sql.text) <= 60 else f"{token} = …"
                    message = (
                        f"{query.verb}'s answer has no column {token}; {thing.name} has. To choose images: "
                        f"ON {thing.name}[(SELECT image FROM {thing.name} WHERE {condition})]"
                    )
                    raise Diagnostic("unknown-column", message, span)


def _columns(sql: ast.Sql) -> Iterator[tuple[str, Span]]:
    """Words that could be columns: no function, no part of a dotted name, outside subqueries."""
    code = Code(sql.text)
    i, end = 0, len(code.tokens)
    while i < end:
        token = code.tokens[i]
        island = any(p.span.start - sql.span.start <= token.start < p.span.end - sql.span.start for p in sql.islands)
        if i in code.partner and (code.up(i + 1, end) in SQL_QUERY or island):
            i = code.partner[i]
        elif (
            token.kind == "word" and not island and code.up(i + 1, end) not in {"(", "."} and code.up(i - 1, end) != "."
        ):
            yield token.text, Span(sql.span.start + token.start, sql.span.start + token.end)
        i += 1


def limit_of(query: ast.Query, catalog: Catalog) -> int | None:
    if not isinstance(query.limit, ast.Parameter):
        return query.limit
    value = parameter_value(query.limit, catalog)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise Diagnostic(
            "bad-argument", f"LIMIT takes a whole number from 0 on; ${query.limit.name} is {value}", query.limit.span
        )
    return value


def limit_note(query: ast.Query, limit: int | None, targets: Sequence[UnitTarget]) -> Diagnostic | None:
    """LIMIT counts rows; who writes it after EXPLAIN often means ranks."""
    if limit is None or query.verb != "EXPLAIN" or (query.where is not None and "rank" in query.where.text.lower()):
        return None
    counts = [_count(t) for t in targets]
    known = None if None in counts else sum(c for c in counts if c is not None)
    if known is not None and known <= 1:
        return None
    rows = f"{limit} row{'' if limit == 1 else 's'}"
    units = f" of {known} units" if known is not None else " in all"
    each = "the first concept" if limit == 1 else f"{limit} concepts"
    message = f"LIMIT {limit} keeps {rows}{units}. For {each} of each unit: WHERE rank <= {limit}"
    return Diagnostic("limit-rows", message, query.limit_span, severity="note")


def _count(target: UnitTarget) -> int | None:
    every = (layers_of(target.model) or {}).get(target.layer)
    if target.units is None:
        return every
    total = 0
    for unit in target.units:
        if isinstance(unit, slice):
            if every is None:
                return None
            total += len(range(*unit.indices(every)))
        else:
            total += 1
    return total


def rank_note(query: ast.Query, methods: Sequence[Bound], catalog: Catalog) -> Diagnostic | None:
    """WHERE rank <= 10 where a method keeps 5 of each unit."""
    if query.where is None:
        return None
    asked = max(_ranks(query.where, catalog), default=0)
    for method in methods:
        top = method.values.get("top")
        if isinstance(top, int) and asked > top:
            name = method.declaration.name
            message = f"WHERE asks for rank {asked}, but {name} keeps {top} for each target: USING {name}(top={asked})"
            return Diagnostic("rank-not-kept", message, query.where.span, severity="note")
    return None


def _ranks(sql: ast.Sql, catalog: Catalog) -> Iterator[int]:
    """The numbers that a condition compares rank with; those of a subquery are of another rank, but do no harm."""
    code = Code(sql.text)
    for i, token in enumerate(code.tokens):
        operator, end = code.up(i + 1, len(code.tokens)), len(code.tokens)
        if token.up != "RANK" or i + 2 >= end:
            continue
        if operator in _COMPARES:
            yield _number(code.tokens[i + 2], sql, catalog) + _COMPARES[operator]
        elif operator == "BETWEEN" and i + 4 < end:
            yield _number(code.tokens[i + 4], sql, catalog)


def _number(token: Token, sql: ast.Sql, catalog: Catalog) -> int:
    if token.kind == "number" and token.text.isdigit():
        return int(token.text)
    if token.kind == "param" and not token.text[1:].isdigit():
        place = Span(sql.span.start + token.start, sql.span.start + token.end)
        name = token.text[1:]
        value = parameter_value(ast.Parameter(place, name, dict(sql.given).get(name)), catalog)
        return value if isinstance(value, int) else 0
    return 0
