"""The statements of a text, as an outline."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .. import ast
from ..ast import Span
from ..parse import parse_all

SymbolKind = Literal["name", "parameter", "definition", "query", "table", "setting", "import", "sql", "other"]
_LONGEST = 60


@dataclass(frozen=True)
class Symbol:
    """One statement: what it is called in the outline, and the place of the name that it makes, or its first word."""

    name: str
    kind: SymbolKind
    detail: str
    span: Span
    name_span: Span


def symbols(text: str) -> list[Symbol]:
    """One symbol for each statement, those with mistakes as well."""
    script, _ = parse_all(text)
    return [_symbol(s, text) for s in script.statements]


def _symbol(statement: ast.Statement, text: str) -> Symbol:
    span = statement.span
    written = " ".join(text[span.start : span.end].split())
    short = written if len(written) <= _LONGEST else f"{written[:_LONGEST].rstrip()} …"
    first = text[span.start : span.end].split(maxsplit=1)[0]
    word = Span(span.start, span.start + len(first))
    match statement:
        case ast.Let():
            return Symbol(statement.name, "name", short, span, statement.name_span)
        case ast.ParamStatement():
            return Symbol(f"${statement.name}", "parameter", short, span, statement.name_span)
        case ast.Define():
            return Symbol(f"{statement.name}(…)", "definition", short, span, statement.name_span)
        case ast.SetStatement():
            return Symbol(short, "setting", "", span, statement.setting_span)
        case ast.Import():
            return Symbol(short, "import", "", span, statement.path_span)
        case ast.Query(into=ast.Into() as into):
            return Symbol(into.name, "table", short, span, into.span)
        case ast.Query() | ast.Call():
            return Symbol(short, "query", "", span, word)
        case ast.Sql():
            return Symbol(short, "sql", "", span, word)
    return Symbol(short, "other", "", span, word)
