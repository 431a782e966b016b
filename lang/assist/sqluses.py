"""The tables that SQL names: after FROM and its like, and before the dot of a column; aliases and CTEs are none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..made import name_of
from ..scan import SQL_QUERY, Token, words
from .tables import AFTER_TABLE, BEFORE_TABLE

_NAMES = frozenset({"word", "quoted"})
_ENDS_LIST = words("""SELECT WHERE GROUP HAVING ORDER LIMIT OFFSET QUALIFY WINDOW ON USING SET VALUES RETURNING UNION
    EXCEPT INTERSECT""")


def tables_in(tokens: Sequence[Token]) -> Iterator[Token]:
    """The first token of every name of a table, where no alias or CTE of the statement has the name."""
    names = list(_named(tokens))
    ctes = {name_of(t).lower() for t in _ctes(tokens)}
    aliases = {name_of(t).lower() for t in _aliases(tokens, {t.start for t in names})}
    for token in names:
        if name_of(token).lower() not in ctes:
            yield token
    for token in _qualifiers(tokens, {t.start for t in names}):
        if name_of(token).lower() not in ctes | aliases:
            yield token


def _named(tokens: Sequence[Token]) -> Iterator[Token]:
    """Names in the place of a table: after FROM, JOIN, INTO, … and after commas of a FROM."""
    stack, clause = [], ""
    for i, token in enumerate(tokens):
        before = tokens[i - 1].up if i else ""
        after = tokens[i + 1].up if i + 1 < len(tokens) else ""
        if token.up in {"(", "["}:
            stack.append(clause)
            clause = ""
        elif token.up in {")", "]"}:
            clause = stack.pop() if stack else ""
        elif token.up in _ENDS_LIST or token.up == "FROM":
            clause = token.up
        elif token.kind in _NAMES and after != "(" and token.up not in {"IF", "NOT", "EXISTS"} | SQL_QUERY:
            in_list = before == "," and clause == "FROM"
            if_exists = before == "EXISTS" and i > 1 and tokens[i - 2].up in {"IF", "NOT"}
            if before in BEFORE_TABLE or in_list or if_exists:
                yield token


def _ctes(tokens: Sequence[Token]) -> Iterator[Token]:
    """Names that WITH gives: those before AS and a parenthesis, with a list of columns between them or not."""
    if not any(t.up == "WITH" for t in tokens):
        return
    for i, token in enumerate(tokens):
        before = tokens[i - 1].up if i else ""
        rest = [t.up for t in tokens[i + 1 : i + 5]]
        while rest[1:2] in (["NOT"], ["MATERIALIZED"]):
            del rest[1]
        if token.kind in _NAMES and before in {"WITH", "RECURSIVE", ","} and rest[:1] in (["AS"], ["("]):
            yield token


def _aliases(tokens: Sequence[Token], names: set[int]) -> Iterator[Token]:
    """Names that a table of a FROM gets: after AS, or directly after the table or its closing parenthesis."""
    for i, token in enumerate(tokens):
        if token.kind not in _NAMES or not i or token.up in AFTER_TABLE:
            continue
        before = tokens[i - 1]
        if before.up == "AS" or before.up == ")" or before.start in names:
            yield token


def _qualifiers(tokens: Sequence[Token], names: set[int]) -> Iterator[Token]:
    for i, token in enumerate(tokens):
        before = tokens[i - 1] if i else None
        after = tokens[i + 1] if i + 1 < len(tokens) else None
        if token.kind not in _NAMES or after is None or after.up != "." or token.start in names:
            continue
        if before is None or before.up != ".":
            yield token
