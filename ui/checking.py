"""A script looked at without a store, DuckDB or torch: for `clq check`, editors and notebooks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..lang import ast, check_script
from ..lang.diagnostic import Diagnostic
from ..lang.imports import Loader
from ..lang.parse import parse_all
from ..stdlib.catalog import Catalog


@dataclass(frozen=True)
class Examined:
    """What could be found out about a text: its mistakes and remarks in order, and the names known at its end."""

    script: ast.Script
    problems: tuple[Diagnostic, ...]
    names: Catalog

    @property
    def mistakes(self) -> tuple[Diagnostic, ...]:
        """The problems that would stop a run."""
        return tuple(p for p in self.problems if p.severity == "error")


def examine(
    text: str, path: str | None = None, parameters: Mapping[str, Any] | None = None, names: Catalog | None = None,
    load: Loader | None = None,
) -> Examined:  # fmt: skip
    """Look at a whole text without raising. `names` are known before it (a notebook's); they are left as they are.

    `load` reads imported files; an editor gives one that prefers its open documents.

    What only a run can tell (the rows of a subquery, SQL's own names) is not looked at.
    """
    names = names.fork() if names is not None else Catalog()
    script, found = parse_all(text, path, names.definitions, load or Loader())
    return Examined(script, tuple(check_script(script, names, parameters, found)), names)
