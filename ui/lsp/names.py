"""Where names are made and used, and changing them, across files."""

from __future__ import annotations

import re
from pathlib import Path

from lsprotocol import types
from pygls.exceptions import JsonRpcException

from ...lang import ast
from ...lang.assist import places_of
from ...lang.ast import Span
from ...lang.diagnostic import Diagnostic
from ...lang.excerpt import line_and_column
from ...lang.reserved import refuse_reserved
from .server import ClqServer

REFUSED = -32803  # RequestFailed of the protocol: well asked, but it cannot be done
_NAME = re.compile(r"[^\W\d]\w*")


def refused(message: str) -> JsonRpcException:
    return JsonRpcException(message, REFUSED)


def add_names(server: ClqServer) -> None:
    @server.feature(types.TEXT_DOCUMENT_DEFINITION)
    def definition(ls: ClqServer, params: types.DefinitionParams) -> types.Location | None:
        document, _, offset = ls.at(params)
        imports = [s for s in ls.documents.known(document).script.statements if isinstance(s, ast.Import)]
        for one in imports:
            if one.script is not None and one.path_span.start <= offset <= one.path_span.end:
                uri = ls.documents.uri(Path(one.script.path or "").resolve())
                return types.Location(uri, types.Range(types.Position(0, 0), types.Position(0, 0)))
        key = ls.documents.key(document, offset)
        makers = ls.documents.makers(document, key) if key is not None else []
        if not makers:
            return None
        before = [m for m in makers if m[0] != document.uri or m[2].span.start <= offset]
        uri, text, use = before[-1] if before else makers[0]
        return types.Location(uri, ls.lines(text).range(use.span))

    @server.feature(types.TEXT_DOCUMENT_REFERENCES)
    def references(ls: ClqServer, params: types.ReferenceParams) -> list[types.Location]:
        document, _, offset = ls.at(params)
        key = ls.documents.key(document, offset)
        wanted = params.context.include_declaration
        return [
            types.Location(uri, ls.lines(text).range(use.span))
            for uri, text, found in (ls.documents.everywhere(document, key) if key is not None else ())
            for use in found if wanted or not use.makes
        ]  # fmt: skip

    @server.feature(types.TEXT_DOCUMENT_DOCUMENT_HIGHLIGHT)
    def highlight(ls: ClqServer, params: types.DocumentHighlightParams) -> list[types.DocumentHighlight]:
        document, lines, offset = ls.at(params)
        key = ls.documents.key(document, offset)
        everywhere = ls.documents.everywhere(document, key) if key is not None else ()
        return [
            types.DocumentHighlight(lines.range(use.span), types.DocumentHighlightKind(3 if use.makes else 2))
            for uri, _, found in everywhere if uri == document.uri for use in found
        ]  # fmt: skip

    @server.feature(types.TEXT_DOCUMENT_PREPARE_RENAME)
    def prepare_rename(ls: ClqServer, params: types.PrepareRenameParams) -> types.Range | None:
        document, lines, offset = ls.at(params)
        key = ls.documents.key(document, offset)
        if key is None or not ls.documents.makers(document, key):
            return None
        here = next(u for _, t, found in ls.documents.everywhere(document, key) if t == document.text for u in found
                    if u.span.start <= offset <= u.span.end)  # fmt: skip
        return lines.range(here.span)

    @server.feature(types.TEXT_DOCUMENT_RENAME, types.RenameOptions(prepare_provider=True))
    def rename(ls: ClqServer, params: types.RenameParams) -> types.WorkspaceEdit:
        document, _, offset = ls.at(params)
        new = params.new_name.strip().removeprefix("$")
        key = ls.documents.key(document, offset)
        if key is None or not ls.documents.makers(document, key):
            raise refused("Only names that LET, PARAM, DEFINE, INTO or CREATE makes can be changed")
        if not _NAME.fullmatch(new):
            raise refused(f"{new} is no name: a letter, then letters, digits and _")
        try:
            refuse_reserved(new, Span(0, 0))
        except Diagnostic as problem:
            raise refused(problem.message) from None
        everywhere = ls.documents.everywhere(document, key)
        taken = (*key[:-1], new if key[0] == "parameter" else new.lower())
        for _, text, _found in everywhere:
            made = [u for u in places_of(text, taken) if u.makes] if taken != key else []
            if made:
                line, _column = line_and_column(text, made[0].span.start)
                raise refused(f"{new} is made on line {line} already")
        if key[0] == "definition" and any(c.name == new for c in ls.documents.known(document).names.constructors()):
            raise refused(f"{new}(…) is built in; choose another name")
        changes = {
            uri: [types.TextEdit(ls.lines(text).range(use.span), new) for use in found]
            for uri, text, found in everywhere
        }
        return types.WorkspaceEdit(changes)
