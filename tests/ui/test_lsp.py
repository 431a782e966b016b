"""The language server as an editor has it: a process of its own, driven over standard input and output."""

from __future__ import annotations

import asyncio
import json
import re
import sys
import tomllib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pygls.lsp.client import LanguageClient

from clq.lang.ast import Span
from clq.lang.format import format_text
from clq.ui.cli import main
from clq.ui.lsp import make_server
from clq.ui.lsp.positions import Lines

REPOSITORY = Path(__file__).parents[2]
HEAVY = ("torch", "torchvision", "duckdb", "open_clip", "nltk", "pandas", "scipy")
# Runs `clq lsp`, and writes down at its end what the process has imported.
RUN = """
import atexit, json, sys
atexit.register(lambda: open(sys.argv[1], "w").write(json.dumps(sorted(m for m in sys.modules if "." not in m))))
from clq.ui.cli import main
main(["lsp", "--stdio"])
"""
SLOWEST = 120  # seconds until a server that says nothing counts as hung


class Editor:
    """An editor with one server: documents are told to it, what it says is kept."""

    def __init__(self, folder: Path, encodings: list[str] | None = None) -> None:
        self.folder, self.encodings = folder, encodings
        self.client = LanguageClient("test", "1")
        self.published: dict[str, types.PublishDiagnosticsParams] = {}
        self.messages: list[str] = []
        self.news = asyncio.Event()
        self.version = 0

        @self.client.feature(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
        def published(params: types.PublishDiagnosticsParams) -> None:
            self.published[params.uri] = params
            self.news.set()

        @self.client.feature(types.WINDOW_SHOW_MESSAGE)
        def shown(params: types.ShowMessageParams) -> None:
            self.messages.append(params.message)

    async def __aenter__(self) -> Editor:
        modules = self.folder / "modules.json"
        await self.client.start_io(sys.executable, "-c", RUN, str(modules))
        item = types.ClientCompletionItemOptions(snippet_support=True)
        text = types.TextDocumentClientCapabilities(completion=types.CompletionClientCapabilities(completion_item=item))
        general = types.GeneralClientCapabilities(position_encodings=self.encodings)  # type: ignore[arg-type]
        asked = types.ClientCapabilities(text_document=text, general=general)
        root = types.WorkspaceFolder(self.folder.as_uri(), "work")
        params = types.InitializeParams(asked, root_uri=self.folder.as_uri(), workspace_folders=[root])
        self.about = await self.client.initialize_async(params)
        self.client.initialized(types.InitializedParams())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.client.shutdown_async(None)
        self.client.exit(None)
        await self.client.stop()
        assert self.messages == []
        assert self.client._server is not None
        assert self.client._server.returncode == 0
        loaded = json.loads((self.folder / "modules.json").read_text(encoding="utf-8"))
        assert "pygls" in loaded
        assert [m for m in HEAVY if m in loaded] == []

    def uri(self, name: str) -> str:
        return (self.folder / name).as_uri()

    def open(self, name: str, text: str) -> None:
        document = types.TextDocumentItem(self.uri(name), "clq", self.version, text)
        self.client.text_document_did_open(types.DidOpenTextDocumentParams(document))

    def type(self, name: str, text: str) -> None:
        self.version += 1
        document = types.VersionedTextDocumentIdentifier(self.version, self.uri(name))
        change = types.TextDocumentContentChangeWholeDocument(text)
        self.client.text_document_did_change(types.DidChangeTextDocumentParams(document, [change]))

    async def diagnostics(self, name: str, wanted: Callable[[list[str]], bool]) -> list[types.Diagnostic]:
        """The diagnostics of a document, as soon as their codes are as wanted."""
        while True:
            self.news.clear()
            found = self.published.get(self.uri(name))
            if found is not None and wanted([str(d.code) for d in found.diagnostics]):
                return list(found.diagnostics)
            await asyncio.wait_for(self.news.wait(), SLOWEST)

    def place(self, name: str, marked: str, encoding: str = "utf-16") -> dict[str, Any]:
        text, offset = marked.replace("|", "", 1), marked.index("|")
        return {
            "text_document": types.TextDocumentIdentifier(self.uri(name)),
            "position": Lines(text, encoding).position(offset),
        }

    async def complete(self, name: str, marked: str) -> list[types.CompletionItem]:
        found = await self.client.text_document_completion_async(types.CompletionParams(**self.place(name, marked)))
        assert isinstance(found, types.CompletionList)
        return list(found.items)


def edited(text: str, edits: Any, encoding: str = "utf-16") -> str:
    lines = Lines(text, encoding)
    for edit in sorted(edits, key=lambda e: (e.range.start.line, e.range.start.character), reverse=True):
        text = text[: lines.offset(edit.range.start)] + edit.new_text + text[lines.offset(edit.range.end) :]
    return text


@pytest.fixture
def drive(tmp_path: Path) -> Callable[..., None]:
    """Runs a session of an editor to its end, which is checked: exit code 0, no message, nothing heavy imported."""

    def run(session: Callable[[Editor], Awaitable[None]], encodings: list[str] | None = None) -> None:
        async def whole() -> None:
            async with Editor(tmp_path, encodings) as editor:
                await session(editor)

        asyncio.run(asyncio.wait_for(whole(), SLOWEST * 2))

    return run


def none(codes: list[str]) -> bool:
    return not codes


def test_a_mistake_appears_and_vanishes_as_one_types(drive: Callable[..., None]) -> None:
    async def session(editor: Editor) -> None:
        editor.open("a.clq", "EXPLAIN layer4 OF labnet WITH lab.words")
        await editor.diagnostics("a.clq", none)
        editor.type("a.clq", "EXPLAIN layr4 OF labnet WITH lab.words")
        editor.type("a.clq", "-- é😀\n/* 😀 */ EXPLAIN layr4 OF labnet WITH lab.wrds;\nSELEC 1")
        found = await editor.diagnostics("a.clq", lambda codes: len(codes) == 3)
        assert [d.code for d in found] == ["unknown-layer", "unknown-vocabulary", "unknown-statement"]
        assert (found[0].range.start, found[0].range.end) == (types.Position(1, 17), types.Position(1, 22))
        assert found[0].severity == types.DiagnosticSeverity.Error
        assert found[0].source == "clq"
        assert "Did you mean layer4?" in found[0].message
        assert found[0].message.endswith("\nclq help unknown-layer")
        assert editor.published[editor.uri("a.clq")].version == 2
        editor.type("a.clq", "EXPLAIN layer4 OF labnet WITH lab.words")
        await editor.diagnostics("a.clq", none)
        editor.type("a.clq", "LET x = lab.words; EXPLAIN fc[0:$k] OF labnet WITH lab.words")
        found = await editor.diagnostics("a.clq", lambda codes: len(codes) == 2)
        by_code = {d.code: d for d in found}
        assert by_code["unused-name"].severity == types.DiagnosticSeverity.Warning
        assert by_code["unused-name"].tags == (types.DiagnosticTag.Unnecessary,)
        assert by_code["no-parameter"].severity == types.DiagnosticSeverity.Warning
        closed = types.TextDocumentIdentifier(editor.uri("a.clq"))
        editor.client.text_document_did_close(types.DidCloseTextDocumentParams(closed))
        await editor.diagnostics("a.clq", none)

    drive(session)


def test_mistakes_of_imported_documents_as_they_are_in_the_editor(drive: Callable[..., None], tmp_path: Path) -> None:
    (tmp_path / "names.clq").write_text("LET net = labself;", encoding="utf-8")

    async def session(editor: Editor) -> None:
        main = "IMPORT 'names.clq';\nEXPLAIN layer4 OF net WITH lab.words"
        editor.open("main.clq", main)
        await editor.diagnostics("main.clq", none)
        editor.open("names.clq", "LET net = labself;")
        await editor.diagnostics("names.clq", none)
        editor.type("names.clq", "LET net = labslf;")
        (problem,) = await editor.diagnostics("main.clq", lambda codes: len(codes) == 1)
        assert (problem.range.start.line, problem.range.start.character) == (0, 7)
        assert problem.message.startswith("names.clq: No thing is called labslf")
        assert problem.related_information is not None
        assert problem.related_information[0].location.uri == editor.uri("names.clq")
        assert problem.related_information[0].location.range.start == types.Position(0, 10)
        await editor.diagnostics("names.clq", lambda codes: codes == ["unknown-name"])
        found = await editor.client.text_document_definition_async(
            types.DefinitionParams(**editor.place("main.clq", main.replace("OF net", "OF n|et")))
        )
        assert isinstance(found, types.Location)
        assert (found.uri, found.range.start) == (editor.uri("names.clq"), types.Position(0, 4))
        edit = await editor.client.text_document_rename_async(
            types.RenameParams(**editor.place("names.clq", "LET n|et = labslf;"), new_name="encoder")
        )
        assert edit is not None
        assert edit.changes is not None
        assert edited(main, edit.changes[editor.uri("main.clq")]) == main.replace("OF net", "OF encoder")
        assert edited("LET net = labslf;", edit.changes[editor.uri("names.clq")]) == "LET encoder = labslf;"
        editor.type("names.clq", "LET net = labself;")
        await editor.diagnostics("main.clq", none)

    drive(session)


def test_the_way_to_a_mistake_is_told(drive: Callable[..., None]) -> None:
    text = "DEFINE d(m) AS EXPLAIN layer4 OF $m WITH lab.words;\nSELECT * FROM d(lab.words)"

    async def session(editor: Editor) -> None:
        editor.open("a.clq", text)
        (problem,) = await editor.diagnostics("a.clq", lambda codes: codes == ["wrong-kind"])
        assert problem.range.start == types.Position(0, 33)
        assert problem.related_information is not None
        (way,) = problem.related_information
        assert way.message == "in the call of d"
        assert way.location.range.start == types.Position(1, 14)

    drive(session)


def test_completion_of_layers_of_the_model_named_in_of(drive: Callable[..., None], tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "names.clq").touch()
    (tmp_path / "words.txt").touch()

    async def session(editor: Editor) -> None:
        async def labels(marked: str) -> list[str]:
            editor.type("a.clq", marked.replace("|", "", 1))
            return [item.label for item in await editor.complete("a.clq", marked)]

        editor.open("a.clq", "")
        assert await labels("EXPLAIN lay| OF labself") == ["layer1", "layer2", "layer3", "layer4"]
        deep = await labels("EXPLAIN layer4.1| OF resnet50")
        assert {"layer4.1", "layer4.1.conv1"} <= set(deep)
        assert all(name.startswith("layer4.1") for name in deep)
        assert await labels("EXPLAIN fc OF resnet1|") == ["resnet101", "resnet152", "resnet18"]
        assert "net" in await labels("LET net = torchvision('resnet18'); EXPLAIN fc OF |")
        assert "net" not in await labels("EXPLAIN fc OF |; LET net = torchvision('resnet18')")
        assert await labels("LET net = torchvision('resnet18'); EXPLAIN layer4.1.bn| OF net") == [
            "layer4.1.bn1", "layer4.1.bn2",
        ]  # fmt: skip
        assert "top_k=" in await labels("EXPLAIN fc OF labnet USING clip_dissect(|")
        assert await labels("IMPORT 'n|'") == ["names.clq"]
        assert await labels("EXPLAIN fc OF labnet ON 'p|'") == ["photos/"]
        assert await labels("EXPLAIN fc OF labnet WITH 'w|'") == ["words.txt"]
        assert await labels("-- EXPL|") == []

        text = "/* 😀 */ EXPLAIN layer4.1.c|onv1.x OF resnet18"
        editor.type("a.clq", text.replace("|", ""))
        item = next(i for i in await editor.complete("a.clq", text) if i.label == "layer4.1.conv2")
        assert edited(text.replace("|", ""), [item.text_edit]) == "/* 😀 */ EXPLAIN layer4.1.conv2 OF resnet18"
        text = "EXPLAIN fc OF torchv|"
        editor.type("a.clq", text.replace("|", ""))
        (item,) = await editor.complete("a.clq", text)
        assert item.insert_text_format == types.InsertTextFormat.Snippet
        assert isinstance(item.text_edit, types.TextEdit)
        assert item.text_edit.new_text == "torchvision('${1:name}')"

    drive(session)


def test_hover_of_an_argument_of_a_method(drive: Callable[..., None]) -> None:
    marked = "/* é😀 */ EXPLAIN fc OF labnet USING clip_dissect(top|_k=20) WITH lab.words"

    async def session(editor: Editor) -> None:
        async def told(marked: str) -> types.Hover | None:
            return await editor.client.text_document_hover_async(types.HoverParams(**editor.place("a.clq", marked)))

        editor.open("a.clq", marked.replace("|", ""))
        found = await told(marked)
        assert found is not None
        assert isinstance(found.contents, types.MarkupContent)
        told_of = (
            "**top_k** of clip_dissect\n\n"
            "top_k is a whole number from 1 on (default 100; wpmi: 28): how many images count for a unit"
        )
        assert found.contents.value.startswith(told_of)
        assert found.range is not None
        assert edited(marked.replace("|", ""), [types.TextEdit(found.range, "x")]) == marked.replace("top|_k", "x")
        editor.type("a.clq", "EXPLAIN layr4 OF labnet WITH lab.words")
        await editor.diagnostics("a.clq", lambda codes: codes == ["unknown-layer"])
        page = await told("EXPLAIN lay|r4 OF labnet WITH lab.words")
        assert page is not None
        assert isinstance(page.contents, types.MarkupContent)
        assert page.contents.value.startswith("`clq help unknown-layer`")
        editor.type("a.clq", "-- nothing")
        await editor.diagnostics("a.clq", none)
        assert await told("-- no|thing") is None

    drive(session)


NAMES = """LET tops = (EXPLAIN fc OF labnet WITH lab.words);
/* 😀 */ SELECT tops.unit FROM tops -- tops
WHERE tops.rank = 1;"""


def test_definition_references_and_rename_across_sql(drive: Callable[..., None]) -> None:
    marked = NAMES.replace("FROM tops", "FROM to|ps")

    async def session(editor: Editor) -> None:
        client = editor.client
        editor.open("a.clq", NAMES)
        place = editor.place("a.clq", marked)
        made = await client.text_document_definition_async(types.DefinitionParams(**place))
        assert isinstance(made, types.Location)
        assert (made.range.start, made.range.end) == (types.Position(0, 4), types.Position(0, 8))
        for wanted, count in ((True, 4), (False, 3)):
            used = await client.text_document_references_async(
                types.ReferenceParams(types.ReferenceContext(wanted), **place)
            )
            assert used is not None
            assert len(used) == count
        shown = await client.text_document_document_highlight_async(types.DocumentHighlightParams(**place))
        assert shown is not None
        assert [h.range.start for h in shown] == [
            types.Position(0, 4), types.Position(1, 16), types.Position(1, 31), types.Position(2, 6),
        ]  # fmt: skip
        ready = await client.text_document_prepare_rename_async(types.PrepareRenameParams(**place))
        assert isinstance(ready, types.Range)
        assert ready.start == types.Position(1, 31)
        edit = await client.text_document_rename_async(types.RenameParams(new_name="best", **place))
        assert edit is not None
        assert edit.changes is not None
        mended = edited(NAMES, edit.changes[editor.uri("a.clq")])
        assert mended == NAMES.replace("tops", "best").replace("-- best", "-- tops")

    drive(session)


REFUSED = [
    ("LET to|ps = lab.words", "select", "select is a word of SQL and could not be used there; choose another name"),
    ("LET to|ps = lab.words", "two words", "two words is no name: a letter, then letters, digits and _"),
    ("LET to|ps = lab.words; LET other = lab.words", "Other", "Other is made on line 1 already"),
    ("EXPLAIN fc OF lab|net", "x", "Only names that LET, PARAM, DEFINE, INTO or CREATE makes can be changed"),
    ("DEFINE d|() AS SELECT 1", "folder", "folder(…) is built in; choose another name"),
]


def test_a_rename_that_is_refused(drive: Callable[..., None]) -> None:
    async def session(editor: Editor) -> None:
        editor.open("a.clq", "")
        for marked, new, message in REFUSED:
            editor.type("a.clq", marked.replace("|", ""))
            params = types.RenameParams(new_name=new, **editor.place("a.clq", marked))
            with pytest.raises(JsonRpcException) as caught:
                await editor.client.text_document_rename_async(params)
            assert caught.value.message == message

    drive(session)


FIXES: list[tuple[str, str | None]] = [
    ("/* 😀 */ EXPLAIN layr4 OF labnet WITH lab.words", "/* 😀 */ EXPLAIN layer4 OF labnet WITH lab.words"),
    ("EXPLAIN fc OF labnet USING clip_disect", "EXPLAIN fc OF labnet USING clip_dissect"),
    ("EXPLAIN fc OF labnet USING clip_dissect(topk=3)", "EXPLAIN fc OF labnet USING clip_dissect(top_k=3)"),
    ("EXPLAN fc OF labnet WITH lab.words", "EXPLAIN fc OF labnet WITH lab.words"),
    ("EXPLAIN fc OF labnet WITH 'lab.wrds'", None),
    ("EXPLAIN fc[400] OF labnet", None),
]


def test_quick_fixes(drive: Callable[..., None]) -> None:
    async def session(editor: Editor) -> None:
        for i, (text, mended) in enumerate(FIXES):
            name = f"{i}.clq"
            editor.open(name, text)
            (problem, *_) = await editor.diagnostics(name, lambda codes: bool(codes))
            params = types.CodeActionParams(
                types.TextDocumentIdentifier(editor.uri(name)), problem.range, types.CodeActionContext([problem])
            )
            actions = await editor.client.text_document_code_action_async(params)
            assert actions is not None
            assert len(actions) == (mended is not None)
            for action in actions:
                assert isinstance(action, types.CodeAction)
                assert action.is_preferred
                assert action.edit is not None
                assert action.edit.changes is not None
                assert edited(text, action.edit.changes[editor.uri(name)]) == mended

    drive(session)


LAYOUT = "-- first\n-- second\nlet net=labself;\nexplain layer4\n  of net with lab.words into t;\nSELECT 1"


def test_formatting_outline_and_folding(drive: Callable[..., None]) -> None:
    async def session(editor: Editor) -> None:
        client, document = editor.client, types.TextDocumentIdentifier(editor.uri("a.clq"))
        editor.open("a.clq", LAYOUT)
        options = types.FormattingOptions(2, True)
        edits = await client.text_document_formatting_async(types.DocumentFormattingParams(document, options))
        assert edits is not None
        laid_out = edited(LAYOUT, edits)
        assert laid_out == format_text(LAYOUT) != LAYOUT
        outline = await client.text_document_document_symbol_async(types.DocumentSymbolParams(document))
        assert outline is not None
        assert [(s.name, s.kind) for s in outline] == [
            ("net", types.SymbolKind.Variable), ("t", types.SymbolKind.Struct), ("SELECT 1", types.SymbolKind.Event),
        ]  # fmt: skip
        folds = await client.text_document_folding_range_async(types.FoldingRangeParams(document))
        assert folds is not None
        assert [(f.start_line, f.end_line) for f in folds] == [(3, 4), (0, 1)]
        editor.type("a.clq", laid_out)
        params = types.DocumentFormattingParams(document, options)
        assert len(await client.text_document_formatting_async(params) or ()) == 0
        editor.type("a.clq", "EXPLAIN fc OF")
        assert await client.text_document_formatting_async(params) is None

    drive(session)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32"])
def test_positions_are_counted_as_the_editor_counts(encoding: str, drive: Callable[..., None]) -> None:
    text = "/* é😀\u2028 */ EXPLAIN layr4 OF labnet WITH lab.words"

    async def session(editor: Editor) -> None:
        assert editor.about.capabilities.position_encoding == encoding
        editor.open("a.clq", text)
        (problem,) = await editor.diagnostics("a.clq", lambda codes: codes == ["unknown-layer"])
        before = text[: text.index("layr4")]
        units = {"utf-8": len(before.encode()), "utf-16": len(before) + 1, "utf-32": len(before)}
        assert problem.range.start == types.Position(0, units[encoding])

    drive(session, [encoding])


# ------------------------------------------------------------------ the page about editors


def test_the_page_names_every_feature_and_no_other() -> None:
    page = (REPOSITORY / "docs" / "editors.md").read_text(encoding="utf-8")
    told = set(re.findall(r"`(textDocument/\w+)`", page)) - {types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS}
    events = {"didOpen", "didChange", "didSave", "didClose"}
    known = {name for name in make_server().protocol.fm.features if name.startswith("textDocument/")}
    assert {name for name in known if name.split("/")[1] not in events} == told


def test_the_settings_on_the_page_start_the_server() -> None:
    page = (REPOSITORY / "docs" / "editors.md").read_text(encoding="utf-8")
    blocks = dict(re.findall(r"```(\w+)\n(.*?)```", page, re.S))
    helix = tomllib.loads(blocks["toml"])["language-server"]["clq"]
    commands = [[helix["command"], *helix["args"]]]
    commands += [re.findall(r"'(\w+)'", found) for found in re.findall(r"cmd = \{(.*?)\}", blocks["lua"])]
    commands += [re.findall(r'"(\w+)"', found) for found in re.findall(r"clq-mode \. \((.*?)\)", blocks["elisp"])]
    ((setting, command),) = json.loads(blocks["json"]).items()
    extension = json.loads((REPOSITORY / "ui" / "editors" / "vscode" / "package.json").read_text(encoding="utf-8"))
    declared = extension["contributes"]["configuration"]["properties"][setting]
    commands += [declared["default"], [Path(command[0]).name, *command[1:]]]
    assert commands == [["clq", "lsp"]] * 5
    assert "lsp" in main.commands
    assert f"{extension['name']}-{extension['version']}.vsix" in page


# ------------------------------------------------------------------ positions

TEXTS = st.text(st.sampled_from("aé😀\n\r\u2028\t ")).filter(lambda text: "\r\n" not in text)


@given(TEXTS, st.sampled_from(["utf-8", "utf-16", "utf-32"]), st.data())
def test_every_offset_has_its_own_position(text: str, encoding: str, data: st.DataObject) -> None:
    lines = Lines(text, encoding)
    offset = data.draw(st.integers(0, len(text)))
    assert lines.offset(lines.position(offset)) == offset


def test_lines_end_as_the_protocol_says() -> None:
    lines = Lines("a😀b\r\nc\u2028d\re\n")
    assert [lines.position(o) for o in (0, 1, 2, 3, 5, 6, 8, 9, 11)] == [
        types.Position(*at) for at in ((0, 0), (0, 1), (0, 3), (0, 4), (1, 0), (1, 1), (1, 3), (2, 0), (3, 0))
    ]
    assert lines.offset(types.Position(0, 2)) == 1  # inside a character
    assert lines.offset(types.Position(0, 99)) == 3
    assert lines.offset(types.Position(9, 0)) == 11
    assert lines.range(Span(1, 2)) == types.Range(types.Position(0, 1), types.Position(0, 3))


def test_completion_of_judges_as_models_and_of_layers_level_by_level(drive: Callable[..., None]) -> None:
    async def session(editor: Editor) -> None:
        async def labels(marked: str) -> list[str]:
            editor.type("a.clq", marked.replace("|", "", 1))
            return [item.label for item in await editor.complete("a.clq", marked)]

        editor.open("a.clq", "")
        models = await labels("EXPLAIN fc OF l|")
        assert models.index("labnet") < models.index("labclip") and "lab.words" not in models
        assert await labels("EXPLAIN v| OF labclip") == ["visual"]
        assert await labels("EXPLAIN visual.lay| OF labclip") == [f"visual.layer{i}" for i in range(1, 5)]
        assert await labels("EXPLAIN visual.layer1.| OF labclip") == ["visual.layer1.0"]

    drive(session)
