"""IMPORT: the files a script names, read and parsed once, in the order that they are met."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from . import ast
from .ast import Script, Span
from .diagnostic import Diagnostic, nearest
from .excerpt import line_and_column

SUFFIX = ".clq"
DEEPEST = 50


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
        if not written.lower().endswith(SUFFIX):
            message = f"IMPORT takes a file of clq statements, such as 'names.clq', not '{written}'"
            raise Diagnostic("unread-file", message, span)
        file = _place(written, span, path)
        if not self.chain and path:
            self.chain.append(_place(path, span))
        self._refuse_cycle(file, span)
        if file in self.loaded:
            return self.loaded[file][0], []
        found = self._text(file, written, span)
        self.chain.append(file)
        try:
            script, problems = parse_all(found, _shown(file, path, written), load=self)
        finally:
            self.chain.pop()
        for problem in problems:
            problem.trail = (*problem.trail, imported_at(statement, text, path))
        self.loaded[file] = (script, problems)
        return script, problems

    def _text(self, file: Path, written: str, span: Span) -> str:
        try:
            return self.read(file)
        except FileNotFoundError:
            name = Path(written).name
            near = nearest(name, _beside(file)) if self.read is read_file else None
            guess = f". Did you mean {written[: len(written) - len(name)]}{near}?" if near else ""
            where = f"it would be {file}; the path counts from the file that imports"
            raise Diagnostic("unread-file", f"There is no file {written}{guess}", span, where) from None
        except UnicodeDecodeError:
            message = f"{written} cannot be read: it is no text in UTF-8"
            raise Diagnostic("unread-file", message, span) from None
        except OSError as error:
            folder = isinstance(error, IsADirectoryError)
            reason = "it is a folder" if folder else error.strerror or "the system refuses it"
            raise Diagnostic("unread-file", f"{written} cannot be read: {reason}", span) from None

    def _refuse_cycle(self, file: Path, span: Span) -> None:
        if len(self.chain) > DEEPEST:
            message = f"Files import one another more than {DEEPEST} deep"
            raise Diagnostic("import-cycle", message, span)
        if file in self.chain:
            around = [*self.chain[self.chain.index(file) :], file]
            alike = len({p.name for p in around}) < len(set(around))
            names = [p.parent.name + "/" + p.name if alike else p.name for p in around]
            raise Diagnostic("import-cycle", f"{names[0]} imports itself: {' -> '.join(names)}", span)


def _place(written: str, span: Span, path: str | None = None) -> Path:
    """The whole path of a file, counted from the one at `path`."""
    try:
        return ((Path(path).parent if path else Path()) / written).resolve()
    except (OSError, RuntimeError):
        raise Diagnostic("unread-file", f"{written} is a link that leads back to itself", span) from None
    except ValueError:
        raise Diagnostic("unread-file", "No file can have this name", span) from None


def _beside(file: Path) -> list[str]:
    """The files that could have been meant."""
    try:
        return [p.name for p in file.parent.glob(f"*{SUFFIX}")]
    except OSError:
        return []


def imported_at(statement: ast.Import, text: str, path: str | None) -> str:
    """How a mistake in an imported file was reached."""
    line, column = line_and_column(text, statement.span.start)
    return f"imported at {path or '<query>'}:{line}:{column}"


def _shown(file: Path, path: str | None, written: str) -> str:
    """The imported file's path as people would write it: relative if the importing one is."""
    if Path(written).is_absolute() or path is None:
        return written
    return str(Path(path).parent / written)


def defined_in(script: Script) -> set[str]:
    """The names that a script and what it imports define, in lower case."""
    names: set[str] = set()
    todo, seen = [script], {id(script)}
    while todo:
        for statement in todo.pop().statements:
            if isinstance(statement, ast.Define):
                names.add(statement.name.lower())
            further = statement.script if isinstance(statement, ast.Import) else None
            if further is not None and id(further) not in seen:
                seen.add(id(further))
                todo.append(further)
    return names
