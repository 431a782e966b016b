"""The open documents of an editor: what each means, which files each imports, and where names are made across them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ...lang import ast
from ...lang.assist import Key, Use, key_at, places_of, uses
from ...lang.assist.made import made_in
from ...lang.imports import Loader, read_file
from ...lang.scan import scan
from ...stdlib.catalog import Catalog
from ..checking import Examined, examine


@dataclass(frozen=True)
class Document:
    """An open text; `path` is None for one that is in no file yet."""

    uri: str
    text: str
    path: Path | None


@dataclass
class Documents:
    """Looks at open documents; imported files that are open count as they are in the editor.

    `open_documents` gives those that are open now.
    """

    open_documents: Callable[[], list[Document]]
    looked: dict[str, tuple[Document, Examined]] = field(default_factory=dict)

    def look(self, document: Document) -> Examined:
        """Examine a document anew: what it imports may have changed."""
        open_now = {d.path: d.text for d in self.open_documents() if d.path is not None}

        def read(path: Path) -> str:
            return open_now[path] if path in open_now else read_file(path)

        path = str(document.path) if document.path is not None else None
        found = examine(document.text, path, load=Loader(read))
        self.looked[document.uri] = document, found
        return found

    def known(self, document: Document) -> Examined:
        """What the last look at a document found, though its text may have changed since."""
        before = self.looked.get(document.uri)
        return before[1] if before is not None else self.look(document)

    def names_at(self, document: Document, offset: int) -> Catalog:
        """The names known at a place: not those that only later statements make."""
        tokens = scan(document.text, [])
        start = max((t.end for t in tokens if t.up == ";" and t.start < offset), default=0)
        before = self.looked.get(document.uri)
        unchanged = before is not None and before[0].text[:start] == document.text[:start]
        names = (self.known(document) if unchanged else self.look(document)).names.fork()
        made = list(made_in(tokens))
        earlier = {m.name for m in made if m.token.start < start}
        for one in made:
            if one.token.start >= start and one.name not in earlier:
                for table in (names.made, names.tables, names.parameters):
                    table.pop(one.name, None)
                names.definitions.pop(one.name.lower(), None)
        return names

    # ------------------------------------------------------------ names across files

    def imports(self, document: Document) -> Iterator[tuple[Path, str]]:
        """The files that a document imports, directly or not, with their texts."""
        todo = list(self.known(document).script.statements)
        seen: set[Path] = set()
        while todo:
            statement = todo.pop(0)
            if not isinstance(statement, ast.Import) or statement.script is None or statement.script.path is None:
                continue
            path = Path(statement.script.path).resolve()
            if path not in seen:
                seen.add(path)
                yield path, statement.script.text
                todo += statement.script.statements

    def uri(self, path: Path) -> str:
        """As the editor calls a file that is open in it."""
        return next((d.uri for d in self.open_documents() if d.path == path), path.as_uri())

    def importers(self, path: Path) -> list[Document]:
        """The open documents that import a file."""
        return [d for d in self.open_documents() if any(path == p for p, _ in self.imports(d))]

    def key(self, document: Document, offset: int) -> Key | None:
        return key_at(uses(document.text, self.known(document).names), offset)

    def makers(self, document: Document, key: Key) -> list[tuple[str, str, Use]]:
        """Where a name is made: in the document, else in a file that it imports; URI, text and place."""
        texts = [(document.uri, document.text), *((self.uri(p), t) for p, t in self.imports(document))]
        for uri, text in texts:
            found = [(uri, text, use) for use in places_of(text, key, self.known(document).names) if use.makes]
            if found:
                return found
        return []

    def everywhere(self, document: Document, key: Key) -> list[tuple[str, str, list[Use]]]:
        """Every use of a name in the document, in the file that makes it, and in open documents that import that."""
        names = self.known(document).names
        texts = {document.uri: document.text}
        makers = self.makers(document, key)
        if makers:
            uri, text, _ = makers[0]
            texts.setdefault(uri, text)
            path = next((p for p, _ in self.imports(document) if self.uri(p) == uri), document.path)
            for other in self.importers(path) if path is not None else ():
                if other.uri not in texts and not any(u.makes for u in places_of(other.text, key)):
                    texts[other.uri] = other.text
        return [(uri, text, found) for uri, text in texts.items() if (found := places_of(text, key, names))]
