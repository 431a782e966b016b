"""DuckDB's reserved words: a name so called could not be used in SQL, so no statement may make one."""

from __future__ import annotations

from .ast import Span
from .diagnostic import Diagnostic
from .scan import words

RESERVED = words(
    """all analyse analyze and any array as asc asymmetric both case cast check collate column constraint create default
    deferrable desc describe distinct do else end except false fetch for foreign from group having in initially
    intersect into lambda lateral leading limit not null offset on only or order pivot pivot_longer pivot_wider placing
    primary qualify references returning select show some summarize symmetric table then to trailing true union unique
    unpivot using variadic when where window with"""
)


def refuse_reserved(name: str, span: Span) -> None:
    """Raises Diagnostic `reserved-name` for a name that SQL could not use."""
    if name.lower() in RESERVED:
        message = f"{name} is a word of SQL and could not be used there; choose another name"
        raise Diagnostic("reserved-name", message, span)
