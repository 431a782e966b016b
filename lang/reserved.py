"""Words that DuckDB does not read as the name of a table: no statement may make a name so called.

They are the two categories `reserved` and `type_function` of `duckdb_keywords()`: `CREATE TABLE full` is refused by
DuckDB like `CREATE TABLE select`, and so is `FROM full`.
"""

from __future__ import annotations

from .ast import Span
from .diagnostic import Diagnostic
from .scan import words

RESERVED = words(
    """all analyse analyze and anti any array as asc asof asymmetric at authorization binary both by case cast check
    collate collation column concurrently constraint create cross default deferrable desc describe distinct do else
    end except false fetch for foreign freeze from full glob group having ilike in initially inner intersect into is
    isnull join lambda lateral leading left like limit natural not notnull null offset on only or order outer
    overlaps pivot pivot_longer pivot_wider placing positional primary qualify references returning right select
    semi show similar some summarize symmetric table tablesample then to trailing true union unique unpack unpivot
    using variadic verbose when where window with"""
)


def refuse_reserved(name: str, span: Span | None = None) -> None:
    """Raises Diagnostic `reserved-name` for a name that SQL could not use."""
    if name.lower() in RESERVED:
        message = f"{name} is a word of SQL and could not be used there; choose another name"
        raise Diagnostic("reserved-name", message, span)
