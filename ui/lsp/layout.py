"""The layout of a document: formatting, outline, folding."""

from __future__ import annotations

from lsprotocol import types

from ...lang.assist import Symbol, symbols
from ...lang.ast import Span
from ...lang.diagnostic import Diagnostic
from ...lang.scan import comments, scan
from .server import ClqServer

_S = types.SymbolKind
_SYMBOL_KINDS = {
    "name": _S.Variable, "parameter": _S.Constant, "definition": _S.Function, "query": _S.Event, "table": _S.Struct,
    "setting": _S.Property, "import": _S.Module, "sql": _S.Event, "other": _S.Event,
}  # fmt: skip


def add_layout(server: ClqServer) -> None:
    @server.feature(types.TEXT_DOCUMENT_FORMATTING)
    def formatting(ls: ClqServer, params: types.DocumentFormattingParams) -> list[types.TextEdit] | None:
        from ...lang.format import format_text

        document = ls.document(params.text_document.uri)
        try:
            laid_out = format_text(document.text)
        except Diagnostic:  # a text with mistakes stays as it is; they are shown already
            return None
        if laid_out == document.text:
            return []
        return [types.TextEdit(ls.lines(document.text).whole(), laid_out)]

    @server.feature(types.TEXT_DOCUMENT_DOCUMENT_SYMBOL)
    def document_symbol(ls: ClqServer, params: types.DocumentSymbolParams) -> list[types.DocumentSymbol]:
        document = ls.document(params.text_document.uri)
        lines = ls.lines(document.text)

        def made(one: Symbol) -> types.DocumentSymbol:
            places = lines.range(one.span), lines.range(one.name_span)
            return types.DocumentSymbol(one.name, _SYMBOL_KINDS[one.kind], *places, detail=one.detail or None)

        return [made(one) for one in symbols(document.text)]

    @server.feature(types.TEXT_DOCUMENT_FOLDING_RANGE)
    def folding_range(ls: ClqServer, params: types.FoldingRangeParams) -> list[types.FoldingRange]:
        document = ls.document(params.text_document.uri)
        lines = ls.lines(document.text)
        folds: list[tuple[Span, types.FoldingRangeKind | None]] = [(one.span, None) for one in symbols(document.text)]
        folds += [(s, types.FoldingRangeKind.Comment) for s in _comment_blocks(document.text)]
        ranges = [(lines.range(span), kind) for span, kind in folds]
        return [
            types.FoldingRange(r.start.line, r.end.line, kind=kind) for r, kind in ranges if r.end.line > r.start.line
        ]


def _comment_blocks(text: str) -> list[Span]:
    """Comments that stand alone, those on lines that follow one another joined."""
    problems: list[Diagnostic] = []
    tokens = scan(text, problems)
    if problems:
        return []
    out: list[Span] = []
    for comment in comments(text, tokens):
        line = max(text.rfind("\n", 0, comment.start), text.rfind("\r", 0, comment.start)) + 1
        if text[line : comment.start].strip():
            continue  # behind code
        gap = text[out[-1].end : comment.start] if out else "x"
        if not gap.strip() and gap.count("\n") == 1:
            out[-1] = Span(out[-1].start, comment.end)
        else:
            out.append(Span(comment.start, comment.end))
    return out
