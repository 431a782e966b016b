"""One editor's connection: its open documents, and their mistakes as diagnostics while it types."""

from __future__ import annotations

import asyncio
import os
import re
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Protocol

from lsprotocol import types
from pygls.lsp.server import LanguageServer
from pygls.uris import to_fs_path

from ...lang import ast
from ...lang.ast import Span
from ...lang.diagnostic import Diagnostic
from .documents import Document, Documents
from .positions import Lines

DELAY = 0.2  # seconds without typing before a document is looked at
_PLACE = re.compile(r"(?P<what>.+) at (?P<path>.+):(?P<line>\d+):(?P<column>\d+)$")
_SEVERITY = {
    "error": types.DiagnosticSeverity.Error, "warning": types.DiagnosticSeverity.Warning,
    "note": types.DiagnosticSeverity.Information,
}  # fmt: skip


class PlaceParams(Protocol):
    """What every request about a place has."""

    text_document: types.TextDocumentIdentifier
    position: types.Position


class ClqServer(LanguageServer):
    """One editor's connection."""

    def __init__(self) -> None:
        super().__init__("clq", _version(), text_document_sync_kind=types.TextDocumentSyncKind.Full)
        self.documents = Documents(self._open_documents)
        self._due: dict[str, int] = {}

    # ------------------------------------------------------------ documents

    def document(self, uri: str) -> Document:
        path = to_fs_path(uri) if uri.startswith("file:") else None
        return Document(uri, self.workspace.get_text_document(uri).source, Path(path).resolve() if path else None)

    def lines(self, text: str) -> Lines:
        return Lines(text, str(self.workspace.position_encoding or types.PositionEncodingKind.Utf16))

    def at(self, params: PlaceParams) -> tuple[Document, Lines, int]:
        document = self.document(params.text_document.uri)
        lines = self.lines(document.text)
        return document, lines, lines.offset(params.position)

    def _open_documents(self) -> list[Document]:
        return [self.document(uri) for uri in list(self.workspace.text_documents)]

    # ------------------------------------------------------------ diagnostics

    async def changed(self, uri: str, delay: float = DELAY) -> None:
        """Look at a document, and at those that import it, once nobody has typed for a while."""
        turn = self._due[uri] = self._due.get(uri, 0) + 1
        await asyncio.sleep(delay)
        if self._due.get(uri) != turn or uri not in self.workspace.text_documents:
            return
        document = self.document(uri)
        importers = self.documents.importers(document.path) if document.path is not None else []
        for one in [document, *(d for d in importers if d.uri != uri)]:
            # Off the loop, so that completion is answered meanwhile.
            await asyncio.to_thread(self.documents.look, one)
            if one.uri in self.workspace.text_documents and self.document(one.uri).text == one.text:
                self.publish(one)

    def publish(self, document: Document) -> None:
        lines, found = self.lines(document.text), self.documents.known(document)
        diagnostics = [self.diagnostic(p, document, lines) for p in found.problems]
        at = self.workspace.get_text_document(document.uri).version
        self.text_document_publish_diagnostics(types.PublishDiagnosticsParams(document.uri, diagnostics, at))

    def diagnostic(self, problem: Diagnostic, document: Document, lines: Lines) -> types.Diagnostic:
        related = [self._related(line, document, lines) for line in problem.trail]
        place, message = problem.span, problem.message
        if problem.text is not None and problem.text != document.text:
            # In an imported file: told where it is imported, and what file it is in.
            path = Path(problem.path or "")
            message = f"{path.name}: {message}"
            if problem.span is not None:
                where = types.Location(self.documents.uri(path.resolve()), self.lines(problem.text).range(problem.span))
                related.insert(0, types.DiagnosticRelatedInformation(where, problem.message))
            place = _import_of(self.documents.known(document).script, path)
        if problem.hint:
            message = f"{message}\n{problem.hint}"
        severity = _SEVERITY[problem.severity]
        if problem.code == "no-parameter":  # it may well be given by --param
            severity = types.DiagnosticSeverity.Warning
        message += f"\nclq help {problem.code}"
        return types.Diagnostic(
            lines.range(place or Span(0, 0)), message, severity, problem.code, source="clq",
            tags=[types.DiagnosticTag.Unnecessary] if problem.code == "unused-name" else None,
            related_information=related or None,
        )  # fmt: skip

    def _related(self, line: str, document: Document, lines: Lines) -> types.DiagnosticRelatedInformation:
        """A line of the trail, at the place that it names."""
        found = _PLACE.match(line)
        uri, where = document.uri, types.Position(0, 0)
        if found is not None:
            row, column = int(found["line"]) - 1, int(found["column"]) - 1
            where = types.Position(row, column)
            if found["path"] in {"<query>", str(document.path)}:
                start = lines.offset(types.Position(row, 0))
                where = lines.position(start + column)
            else:
                uri = self.documents.uri(Path(found["path"]).resolve())
        place = types.Location(uri, types.Range(where, where))
        return types.DiagnosticRelatedInformation(place, found["what"] if found is not None else line)


def _version() -> str:
    try:
        return version("clq")
    except PackageNotFoundError:  # run from a checkout that nobody installed
        return "0"


def _import_of(script: ast.Script, path: Path) -> Span | None:
    """The path in the IMPORT of this script that a file comes from, directly or not."""
    wanted = path.resolve()
    for statement in script.statements:
        if isinstance(statement, ast.Import) and statement.script is not None:
            inner = statement.script
            if Path(inner.path or "").resolve() == wanted or _import_of(inner, path) is not None:
                return statement.path_span
    return None


def add_documents(server: ClqServer) -> None:
    @server.feature(types.INITIALIZED)
    def initialized(ls: ClqServer, _: types.InitializedParams) -> None:
        """Files in queries count from where clq is started: in an editor, from the folder that is open in it."""
        root = ls.workspace.root_path
        if root is not None and Path(root).is_dir():
            os.chdir(root)

    @server.feature(types.TEXT_DOCUMENT_DID_OPEN)
    async def did_open(ls: ClqServer, params: types.DidOpenTextDocumentParams) -> None:
        await ls.changed(params.text_document.uri, delay=0)

    @server.feature(types.TEXT_DOCUMENT_DID_CHANGE)
    async def did_change(ls: ClqServer, params: types.DidChangeTextDocumentParams) -> None:
        await ls.changed(params.text_document.uri)

    @server.feature(types.TEXT_DOCUMENT_DID_SAVE)
    async def did_save(ls: ClqServer, params: types.DidSaveTextDocumentParams) -> None:
        await ls.changed(params.text_document.uri, delay=0)

    @server.feature(types.TEXT_DOCUMENT_DID_CLOSE)
    def did_close(ls: ClqServer, params: types.DidCloseTextDocumentParams) -> None:
        ls.documents.looked.pop(params.text_document.uri, None)
        ls.text_document_publish_diagnostics(types.PublishDiagnosticsParams(params.text_document.uri, []))
