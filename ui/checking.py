"""`clq check`: a script looked at without a store, DuckDB or torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..lang import ast, parse
from ..lang.check import check, resolve
from ..lang.declare import Thing as NamedThing
from ..lang.diagnostic import Diagnostic
from ..lang.verbs import VERBS
from ..stdlib.catalog import SETTINGS, Catalog


class _Declared:
    """An answer that a later statement may name; there are no rows yet."""

    kind: Any = "answer"

    def __init__(self, name: str, verb: str) -> None:
        self.name, self.verb = name, verb

    def columns(self) -> Sequence[str]:
        return VERBS[self.verb].column_names()


@dataclass(frozen=True)
class Examined:
    """What could be found out about a text: its mistakes and remarks in order, and the names known at its end."""

    script: ast.Script | None
    problems: tuple[Diagnostic, ...]
    names: Catalog


def examine(
    text: str, path: str | None = None, parameters: Mapping[str, Any] | None = None, names: Catalog | None = None
) -> Examined:
    """Look at a whole text without raising. `names` are known before it (a notebook's); they are left as they are."""
    found: list[Diagnostic] = []
    names = names or Catalog()
    script = None
    try:
        script = parse(text, path)
        check_script(text, path, parameters or {})
    except Diagnostic as problem:
        found += problem.within(text, path).every()
    return Examined(script, tuple(found), names)


def check_script(text: str, path: str | None, parameters: Mapping[str, Any]) -> list[str]:
    """Remarks on a script without mistakes. Raises Diagnostic at the first mistake.

    What only a run can tell (the rows of a subquery, SQL's own names) is not looked at.
    """
    tables: dict[str, NamedThing] = {}
    names = Catalog(run_subquery=lambda subquery, column: None, find_table=tables.get)
    names.parameters.update(parameters)
    notes: list[str] = []
    try:
        for statement in parse(text, path).statements:
            notes += _check(statement, names, tables, parameters)
    except Diagnostic as problem:
        raise problem.within(text, path) from problem.__cause__
    return notes


def _check(
    statement: ast.Statement, names: Catalog, tables: dict[str, NamedThing], given: Mapping[str, Any]
) -> list[str]:
    from .planning import thing_of
    from .session import constant, renamed

    notes: list[str] = []
    match statement:
        case ast.ParamStatement():
            if statement.name not in given:
                names.parameters[statement.name] = constant(statement.value)
        case ast.Let(value=ast.Subquery(body=ast.Query() as query)):
            notes += check(query, names).notes
            names.made[statement.name] = _Declared(statement.name, query.verb)
        case ast.Let(value=ast.Subquery()):
            pass
        case ast.Let():
            names.made[statement.name] = renamed(thing_of(resolve(statement.value, None, names)), statement.name)
        case ast.SetStatement() if statement.value is not None and statement.setting.lower() in SETTINGS:
            setting = statement.setting.lower()
            names.settings[setting] = thing_of(resolve(statement.value, SETTINGS[setting], names))
        case ast.Query():
            notes += check(statement, names).notes
            if statement.into is not None and not statement.into.is_file:
                tables[statement.into.name] = _Declared(statement.into.name, statement.verb)
        case ast.PlanStatement(body=ast.Query() as query):
            notes += check(query, names).notes
        case ast.Sql() | ast.PlanStatement(body=ast.Sql()):
            sql = statement if isinstance(statement, ast.Sql) else statement.body
            assert isinstance(sql, ast.Sql)
            for island in sql.islands:
                if isinstance(island.body, ast.Query):
                    notes += check(island.body, names).notes
        case _:
            pass
    return notes
