"""IMPORT: the files a script names, read and parsed once, in the order that they are met."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from . import ast
from .ast import Script, Span
from .diagnostic import Diagnostic, line_and_column


def read_file(path: Path) -> str:
    """The text of a file. Raises OSError or UnicodeDecodeError."""
    return path.read_text(encoding="utf-8-sig")


@dataclass
class Loader:
    """Reads the files of one script. `read` may answer from elsewhere, such as the open documents of an editor."""

    read: Callable[[Path], str] = read_file
    loaded: dict[Path, tuple[Script, list[Diagnostic]]] = field(default_factory=dict)
    chain: list[Path] = field(default_factory=list)

    def load(self, statement: ast.Import, text: str, path: str | None) -> tuple[Script, list[Diagnostic]]:
        """The file that an IMPORT in `text` names, relative to `path`, and its mistakes. Raises Diagnostic there."""
        from .parse import parse_all

        written, span = statement.path, statement.path_span
        if Path(written).suffix != ".clq":
            message = f"IMPORT takes a file of clq statements, such as 'names.clq', not {written}"
            raise Diagnostic("unread-file", message, span)
        file = ((Path(path).parent if path else Path()) / written).resolve()
        if not self.chain and path:
            self.chain.append(Path(path).resolve())
        self._refuse_cycle(file, span)
        if file in self.loaded:
            return self.loaded[file][0], []
        try:
            found = self.read(file)
        except FileNotFoundError:
            message = f"There is no file {written}"
            where = f"it would be {file}; the path counts from the file that imports"
            raise Diagnostic("unread-file", message, span, hint=where) from None
        except (OSError, UnicodeDecodeError) as error:
            raise Diagnostic("unread-file", f"{written} cannot be read: {error}", span) from error
        self.chain.append(file)
        try:
            script, problems = parse_all(found, _shown(file, path, written), load=self)
        finally:
            self.chain.pop()
        for problem in problems:
            problem.trail = (*problem.trail, imported_at(statement, text, path))
        self.loaded[file] = (script, problems)
        return script, problems

    def _refuse_cycle(self, file: Path, span: Span) -> None:
        if file in self.chain:
            names = [p.name for p in self.chain[self.chain.index(file) :]]
            message = f"{file.name} imports itself: {' -> '.join([*names, file.name])}"
            raise Diagnostic("import-cycle", message, span)


def imported_at(statement: ast.Import, text: str, path: str | None) -> str:
    """How a mistake in an imported file was reached."""
    line, column = line_and_column(text, statement.span.start)
    return f"imported at {path or '<query>'}:{line}:{column}"


def _shown(file: Path, path: str | None, written: str) -> str:
    """The imported file's path as people would write it: relative if the importing one is."""
    if Path(written).is_absolute() or path is None:
        return written
    return str(Path(path).parent / written)


def defined_in(script: Script) -> Iterator[str]:
    """The names that a script and what it imports define, in lower case."""
    for statement in script.statements:
        if isinstance(statement, ast.Define):
            yield statement.name.lower()
        elif isinstance(statement, ast.Import) and statement.script is not None:
            yield from defined_in(statement.script)
