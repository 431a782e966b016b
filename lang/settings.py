"""What settings decided inside a query without standing in it, for PLAN: the seeds of its methods and of its calls."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

from . import ast
from .bind import SEED, bind
from .declare import Bound, Catalog, Default


def set_defaults(query: ast.Query, methods: Sequence[Bound], catalog: Catalog) -> Iterator[Default]:
    """A default for each argument that a setting filled; the query has been checked, so binding raises nothing new."""
    if catalog.setting(SEED) is None:
        return
    makers = {c.name: c for c in catalog.constructors()}
    made = [bind(call, makers[call.name.text], catalog) for call in _calls(query) if call.name.text in makers]
    for bound in (*methods, *made):
        for name in sorted(bound.set_):
            yield Default(f"{name} of {bound.declaration.name}", str(bound.values[name]), f"SET {name}")


def _calls(node: Any, outermost: bool = True) -> Iterator[ast.Call]:
    """Every call in a query, with what parameters stand for; queries inside it have defaults of their own."""
    if isinstance(node, tuple):
        for item in node:
            yield from _calls(item, False)
    elif dataclasses.is_dataclass(node) and not isinstance(node, (type, ast.Sql)):
        if isinstance(node, ast.Query) and not outermost:
            return
        if isinstance(node, ast.Call):
            yield node
        for field in dataclasses.fields(node):
            yield from _calls(getattr(node, field.name), False)
