"""Scripts looked at as `clq run` would take them, mistakes of their SQL included; nothing is computed or written."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..engine.catalogue import SeenCatalogue
from ..engine.remote import is_url
from ..engine.resources import Resources
from ..engine.store import Store
from ..lang import ast
from ..lang.declare import Thing
from ..lang.diagnostic import Diagnostic
from ..lang.folded import Folded
from .checking import Examined, examine
from .session import Session, named_for_good


class Looking:
    """Looks at scripts one after another: what earlier ones would keep is there for those after them.

    `place` is the store in which they would run; that of a URL is not asked. DuckDB is imported only if the store has a
    catalogue or a script has SQL. Use as a context manager.
    """

    def __init__(self, place: str | os.PathLike[str]) -> None:
        url = is_url(os.fspath(place))
        self._scratch = tempfile.TemporaryDirectory(prefix="clq-")
        self._store = Store(Path(self._scratch.name))
        folder = Path(self._scratch.name) if url else Path(place).expanduser()
        self._catalogue = SeenCatalogue(folder)
        self._made: dict[str, Thing] = Folded()
        self._doubted: set[str] = set()
        self._unseen: Diagnostic | None = None
        if url:
            self._unseen = Diagnostic("store-unreachable", f"{place} is not asked for its tables", severity="note")
        elif self._catalogue.path.exists():
            try:
                _ = self._catalogue.connection
            except Diagnostic as problem:
                self._unseen = Diagnostic(problem.code, problem.message, hint=problem.hint, severity="note")

    def __enter__(self) -> Looking:
        return self

    def __exit__(self, *_: object) -> None:
        self._catalogue.close()
        self._scratch.cleanup()

    def examine(
        self, text: str, path: str | None = None, parameters: Mapping[str, Any] | None = None
    ) -> tuple[Diagnostic, ...]:
        """Every mistake and remark of a script, in the order of their places."""
        session = Session(self._store, self._catalogue, Resources(), planning=False)
        seen = session.names.find_table if self._unseen is None and self._catalogue.path.exists() else lambda _: None
        session.names.find_table = lambda name: self._made.get(name) or seen(name)
        found = examine(text, path, parameters, session.names)
        problems = list(found.problems)
        if any(isinstance(node, ast.Sql) for node in ast.walk(found.script)):
            problems += self._of_sql(session, found, parameters or {})
        self._made.update(found.names.tables)
        self._doubted |= named_for_good(found.script)
        return tuple(sorted(problems, key=lambda p: (p.text is not text, p.span.start if p.span is not None else -1)))

    def _of_sql(self, session: Session, found: Examined, parameters: Mapping[str, Any]) -> Sequence[Diagnostic]:
        if self._unseen is not None:
            self._unseen.hint = "the SQL of this script was not looked at"
            return [self._unseen]
        return session.mistakes_in_sql(found.script, parameters, self._doubted)
