"""The columns that SQL around a spot can read: of the answers, names and defined queries in its FROM."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Union

from ..ast import Query
from ..checked import Answer, Definition
from ..declare import Names
from ..diagnostic import Diagnostic
from ..made import name_of
from ..scan import CLOSE, SQL_QUERY, SQL_STARTS, Code, opens_query, words
from ..verbs import VERBS, Column, Verb
from .offers import columns_of
from .spot import Spot, SqlPart, verb_named

# Words between a table and the next one, or after the tables, which are no alias.
AFTER_TABLE = SQL_STARTS | words("""ON USING WHERE GROUP HAVING ORDER LIMIT OFFSET QUALIFY WINDOW UNION EXCEPT INTERSECT
    JOIN LEFT RIGHT FULL INNER CROSS NATURAL SEMI ANTI ASOF POSITIONAL TABLESAMPLE AS INTO SET RETURNING SAMPLE""")
BEFORE_TABLE = words("FROM JOIN INTO UPDATE TABLE VIEW DESCRIBE DESC SUMMARIZE PIVOT UNPIVOT COPY")
_CLAUSES = words("SELECT FROM WHERE GROUP HAVING ORDER LIMIT QUALIFY WINDOW ON USING SET VALUES RETURNING")


@dataclass(frozen=True)
class Source:
    """One table of a FROM: how its columns are qualified, and what they are as far as that is known."""

    name: str
    columns: Sequence[Union[Column, str]]
    of: str


def answer_verb(spot: Spot, names: Names) -> Verb | None:
    """The verb whose answer the tail around the spot reads; the call of a defined query has that of its body."""
    if spot.read is None:
        return None
    if spot.verb is not None or not spot.read.fed:
        return spot.verb
    return verb_defined(names.definition(spot.read.fed[0].text.lower())) if len(spot.read.frames) == 1 else None


def verb_defined(found: Definition | None) -> Verb | None:
    """The verb whose answer a defined query gives; None for SQL."""
    body = found.statement.body if found is not None else None
    return VERBS.get(body.verb) if isinstance(body, Query) else None


def sources_at(spot: Spot, names: Names) -> list[Source]:
    """The tables of the innermost SELECT around a spot in SQL, those after the spot as well."""
    part = spot.sql
    if part is None:
        return []
    code, cursor = _whole(spot, part)
    first, end = 0, len(code.tokens)
    around = sorted(((a, b) for a, b in code.partner.items() if a < cursor <= b), reverse=True)
    for a, b in around:
        if code.up(a + 1, end) in SQL_QUERY:
            first, end = a + 1, b
            break
    return list(_sources(code, first, end, names))


def _whole(spot: Spot, part: SqlPart) -> tuple[Code, int]:
    """The SQL with what stands after the spot, if its brackets match, else without; and the token at the spot."""
    begin = spot.base + part.code.tokens[part.first].start if part.first < part.cursor else spot.start
    stop, depth = spot.end, sum(_step(t.up) for t in part.code.tokens[part.first : part.cursor])
    for token in spot.later:
        depth += _step(token.up)
        if depth < 0:
            break
        stop = token.end
    problems: list[Diagnostic] = []
    code = Code(spot.text[begin : spot.start] + " x " + spot.text[spot.end : stop], problems)
    return (part.code, part.cursor) if problems else (code, part.cursor - part.first)


def _step(up: str) -> int:
    return (up in {"(", "[", "{"}) - (up in CLOSE)


def _sources(code: Code, first: int, end: int, names: Names) -> Iterator[Source]:
    clause, i = "", first
    while i < end:
        up, before = code.up(i, end), code.up(i - 1, end)
        if up in _CLAUSES:
            clause = up
        if before in {"FROM", "JOIN"} or (before == "," and clause == "FROM"):
            source, i = _source(code, i, end, names)
            if source is not None:
                yield source
        else:
            i = code.partner.get(i, i) + 1


def _source(code: Code, i: int, end: int, names: Names) -> tuple[Source | None, int]:
    """The table that begins at a token, and the token after it and its alias."""
    token, stop = code.tokens[i], i + 1
    name, of = "", ""
    columns: Sequence[Column | str] = ()
    if token.up == "(":
        stop = code.partner.get(i, end - 1) + 1
        verb = verb_named(code.up(i + 1, end)) if opens_query(code, i, 0, end) else None
        columns, of = (verb.columns, f"the answer of {verb.name}") if verb else ((), "")
    elif token.kind in {"word", "quoted"}:
        while stop < end and code.tokens[stop].start == code.tokens[stop - 1].end and code.up(stop, end) != "(":
            if code.tokens[stop].kind not in {"word", "quoted"} and code.up(stop, end) != ".":
                break
            stop += 1
        name = of = name_of(token) + "".join(name_of(t) for t in code.tokens[i + 1 : stop])
        if code.up(stop, end) == "(":
            verb = verb_defined(names.definition(name.lower()))
            columns = verb.columns if verb else ()
            stop = code.partner.get(stop, end - 1) + 1
        else:
            thing = names.find(name)
            columns = VERBS[thing.verb].columns if isinstance(thing, Answer) else columns_of(thing)
    alias = stop + (code.up(stop, end) == "AS")
    if alias < end and code.tokens[alias].kind in {"word", "quoted"} and code.up(alias, end) not in AFTER_TABLE:
        name, stop = name_of(code.tokens[alias]), alias + 1
    return (Source(name, columns, of or name) if columns else None), max(stop, i + 1)


def wants_table(part: SqlPart) -> bool:
    """Whether a table's name stands at the spot."""
    before = part.before
    if before is None or before.up in BEFORE_TABLE:
        return before is not None
    if before.up != ",":
        return False
    depth = 0
    for token in reversed(part.code.tokens[part.first : part.cursor]):
        depth -= _step(token.up)
        if depth < 0:
            return False
        if depth == 0 and token.up in _CLAUSES:
            return token.up == "FROM"
    return False
