"""Completion, hover and quick fixes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lsprotocol import types

from ...lang import explain
from ...lang.assist import Completion, complete, fix_of, hover, path_slot
from ...lang.ast import Span
from ...lang.diagnostic import Diagnostic
from ...lang.errors import PAGES
from ..checking import examine
from ..paths import complete_path
from .documents import Document
from .positions import Lines
from .server import ClqServer

TRIGGERS = (" ", ".", "(", "[", ",", "=", "$", "'", "/")
_K = types.CompletionItemKind
_COMPLETION_KINDS = {
    "verb": _K.Keyword, "keyword": _K.Keyword, "clause": _K.Keyword, "model": _K.Module, "dataset": _K.Folder,
    "vocabulary": _K.Text, "captions": _K.Text, "judge": _K.Module, "answer": _K.Struct, "table": _K.Struct,
    "thing": _K.Variable, "layer": _K.Field, "method": _K.Method, "constructor": _K.Constructor,
    "definition": _K.Function, "argument": _K.Property, "value": _K.Value, "class": _K.EnumMember,
    "column": _K.Field, "setting": _K.Property, "parameter": _K.Variable, "file": _K.File, "folder": _K.Folder,
}  # fmt: skip


def add_assistance(server: ClqServer) -> None:
    @server.feature(types.TEXT_DOCUMENT_COMPLETION, types.CompletionOptions(trigger_characters=list(TRIGGERS)))
    def completion(ls: ClqServer, params: types.CompletionParams) -> types.CompletionList:
        document, lines, offset = ls.at(params)
        names = ls.documents.names_at(document, offset)
        slot = path_slot(document.text, offset, names)
        if slot is not None:
            folder = document.path.parent if slot.keyword == "IMPORT" and document.path is not None else Path()
            found = complete_path(slot, folder)
        else:
            found = complete(document.text, offset, names)
        snippets = _takes_snippets(ls)
        items = [_item(one, i, lines, offset, snippets) for i, one in enumerate(found)]
        # With a word begun, more is offered than without one; and a path goes on in another folder.
        begun = any(one.start < offset for one in found) and slot is None
        return types.CompletionList(is_incomplete=not begun, items=items)

    @server.feature(types.TEXT_DOCUMENT_HOVER)
    def hovered(ls: ClqServer, params: types.HoverParams) -> types.Hover | None:
        document, lines, offset = ls.at(params)
        told = hover(document.text, offset, ls.documents.names_at(document, offset))
        page = _page_at(ls.documents.known(document).problems, document.text, offset)
        text = "\n\n---\n\n".join(part for part in (told.markdown if told else "", page) if part)
        if not text:
            return None
        return types.Hover(
            types.MarkupContent(types.MarkupKind.Markdown, text), lines.range(told.span) if told is not None else None
        )

    @server.feature(
        types.TEXT_DOCUMENT_CODE_ACTION, types.CodeActionOptions(code_action_kinds=[types.CodeActionKind.QuickFix])
    )
    def code_action(ls: ClqServer, params: types.CodeActionParams) -> list[types.CodeAction]:
        document = ls.document(params.text_document.uri)
        lines = ls.lines(document.text)
        start, end = lines.offset(params.range.start), lines.offset(params.range.end)
        before = ls.documents.looked.get(document.uri)
        current = before is not None and before[0].text == document.text
        problems = before[1].problems if before is not None and current else ls.documents.look(document).problems
        here = [p for p in problems if p.text == document.text and p.span is not None]
        near = [p for p in here if p.span is not None and p.span.start <= end and p.span.end >= start]
        return [action for p in near if (action := _quick_fix(ls, document, lines, p)) is not None]


def _page_at(problems: Sequence[Diagnostic], text: str, offset: int) -> str:
    """The page of the mistake at a place."""
    for problem in problems:
        span = problem.span
        if problem.text == text and span is not None and span.start <= offset <= span.end and problem.code in PAGES:
            return f"`clq help {problem.code}`\n\n```text\n{explain(problem.code)}\n```"
    return ""


def _quick_fix(ls: ClqServer, document: Document, lines: Lines, problem: Diagnostic) -> types.CodeAction | None:
    """The word that a message asks about in place of what is written, if the mistake is gone then."""
    fix = fix_of(problem, document.text)
    if fix is None:
        return None
    mended = document.text[: fix.span.start] + fix.insert + document.text[fix.span.end :]
    path = str(document.path) if document.path is not None else None
    left = examine(mended, path).problems
    if any(p.code == problem.code and p.text == mended and p.span and p.span.start == fix.span.start for p in left):
        return None
    edit = types.TextEdit(lines.range(fix.span), fix.insert)
    shown = ls.diagnostic(problem, document, lines)
    return types.CodeAction(
        fix.title, types.CodeActionKind.QuickFix, [shown], True, edit=types.WorkspaceEdit({document.uri: [edit]})
    )


def _item(one: Completion, order: int, lines: Lines, cursor: int, snippets: bool) -> types.CompletionItem:
    # An edit stands on one line: text in quotes may go on over several.
    end = one.end if "\n" not in lines.text[one.start : one.end] else cursor
    insert = one.snippet if snippets and one.snippet else one.insert
    told = types.MarkupContent(types.MarkupKind.Markdown, one.documentation) if one.documentation else None
    return types.CompletionItem(
        one.label, kind=_COMPLETION_KINDS[one.kind], detail=one.detail or None, documentation=told,
        sort_text=f"{order:05}", text_edit=types.TextEdit(lines.range(Span(one.start, end)), insert),
        insert_text_format=types.InsertTextFormat.Snippet if insert is one.snippet else None,
    )  # fmt: skip


def _takes_snippets(server: ClqServer) -> bool:
    text = server.client_capabilities.text_document
    completion = text.completion if text is not None else None
    item = completion.completion_item if completion is not None else None
    return bool(item is not None and item.snippet_support)
