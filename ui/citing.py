"""Whom to cite: for a method or another name, for a query or a file, for a table of the store."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import TYPE_CHECKING, Any

from ..engine.operator import Operator, Source
from ..lang.checked import Answer, Origin
from ..lang.citation import Citation, cited
from ..lang.declare import Bound, MethodDeclaration
from ..lang.diagnostic import FOLLOWS, Diagnostic, as_one, did_you_mean, listing
from ..lang.imports import Loader
from ..lang.parse import parse
from ..lang.script import CheckedSet, ScriptChecker, check_script
from ..stdlib.catalog import Catalog, methods
from ..stdlib.things import Dataset, Judge, Model, Texts

if TYPE_CHECKING:
    import duckdb

KINDS = {"dataset": "data set", "vocabulary": "words"}


@dataclass(frozen=True)
class Use:
    """A method or thing that was used, and the works it comes from; there may be none."""

    kind: str
    name: str
    works: tuple[Citation, ...]

    def __str__(self) -> str:
        return f"{KINDS.get(self.kind, self.kind)} {self.name}"


def uses_of(what: str, parameters: Mapping[str, Any], store: str | None) -> list[Use]:
    """What is used by a name, a query, a file or a table. Raises Diagnostic for what is none of them."""
    from .connection import read_script

    named = _named(what)
    if named is not None:
        return [named]
    if what.endswith(".clq") or " " in what.strip():
        return uses_in(*read_script(what), parameters)
    return _uses_of_table(what, store)


# ------------------------------------------------------------ names


def _named(name: str) -> Use | None:
    method = methods().get(name)
    if method is not None:
        return Use("method", name, works_of(method.declaration))
    catalog = Catalog()
    thing = catalog.find(name)
    if isinstance(thing, (Model, Dataset, Texts, Judge)):
        return Use(thing.kind, name, thing.citations())
    found = next((c for c in catalog.constructors() if c.name == name), None)
    return None if found is None else Use(found.kind, f"{name}(…)", cited([found.citation]))


def works_of(method: MethodDeclaration) -> tuple[Citation, ...]:
    """The work a method comes from, then those it builds on."""
    return cited([method.citation, *method.builds_on])


# ------------------------------------------------------------ queries and files


def uses_in(text: str, path: str | None, parameters: Mapping[str, Any]) -> list[Use]:
    """What the queries of a script use, defaults included, as far as can be told without running it.

    Raises Diagnostic for its mistakes.
    """
    script = parse(text, path, load=Loader())
    names = Catalog()
    mistake = as_one(p for p in check_script(script, names.fork(), parameters) if p.severity == "error")
    if mistake is not None:
        raise mistake.within(text, path)
    names.parameters.update(parameters)
    checker, origin = ScriptChecker(names, frozenset(parameters)), Origin(text, path)
    found: list[Use] = []
    for statement in script.statements:
        try:
            checked = checker.statement(statement, origin)
        except Diagnostic as problem:
            if problem.code != FOLLOWS:
                raise problem.within(text, path) from None
        else:
            # A thing that has got a name is not used yet.
            if not isinstance(checked, CheckedSet) and not isinstance(getattr(checked, "thing", None), THINGS):
                found += _within(checked)
    return list(dict.fromkeys(found))


THINGS = (Model, Dataset, Texts, Judge)


def _within(node: object) -> Iterator[Use]:
    """The methods and things anywhere in something checked; of combined things, their parts."""
    if isinstance(node, Bound) and isinstance(node.declaration, MethodDeclaration):
        yield Use("method", node.declaration.name, works_of(node.declaration))
        yield from _within(tuple(node.values.values()))
    elif isinstance(node, THINGS):
        parts = getattr(node.spec, "parts", None)
        if parts is not None:
            yield from _within(parts)
        else:
            yield Use(node.kind, node.name, node.citations())
    elif isinstance(node, Answer) and node.query is None:
        yield Use("table", node.name, ())
    elif isinstance(node, (tuple, list)):
        for item in node:
            yield from _within(item)
    elif is_dataclass(node) and not isinstance(node, type):
        for f in fields(node):
            if f.name not in {"origin", "span"}:
                yield from _within(getattr(node, f.name))


# ------------------------------------------------------------ tables of a store


def citations_of(answer: Operator, sources: Sequence[Source]) -> Iterator[tuple[str, str, str]]:
    """Whom to cite for an answer, as rows of `meta.citations` without the run."""
    for use in _recorded(answer, sources):
        for work in use.works:
            yield use.kind, use.name, json.dumps(work.facts(), ensure_ascii=False)


def _recorded(answer: Operator, leaves: Sequence[Source]) -> Iterator[Use]:
    for name in (getattr(answer, "method", ""), getattr(answer, "metric", "")):
        method = methods().get(name)
        if method is not None:
            yield Use("method", method.declaration.name, works_of(method.declaration))
    for leaf in leaves:
        yield Use(leaf.kind, leaf.name, tuple(getattr(leaf.spec, "citations", ())))


def _uses_of_table(name: str, store: str | None) -> list[Use]:
    """What was recorded when a table was made."""
    from .connection import connect, store_folder

    tables: list[str] = []
    if (store_folder(store) / "clq.duckdb").exists():
        with connect(store) as connection:
            con = connection.duckdb
            tables = [row[0] for row in con.execute("SELECT name FROM clq.meta.tables ORDER BY name").fetchall()]
            if name in tables:
                return _read(con, name)
    known = [*methods(), *Catalog().names(), *(c.name for c in Catalog().constructors()), *tables]
    near = did_you_mean(name, [*known, *Catalog().further()])
    where = f"tables of {store_folder(store)}: {listing(tables)}" if tables else f"{store_folder(store)} has no tables"
    raise Diagnostic(
        "unknown-name", f"{name} is no method, no thing and no table here.{near}",
        hint=f"methods: {listing(methods())}; {where}; a query is given in quotes",
    )  # fmt: skip


def _read(con: duckdb.DuckDBPyConnection, table: str) -> list[Use]:
    runs = "run IN (SELECT unnest(runs) FROM clq.meta.tables WHERE name = ?)"
    held = "SELECT table_name FROM duckdb_tables() WHERE database_name = 'clq' AND schema_name = 'meta'"
    if not {("sources",), ("citations",)} <= set(con.execute(held).fetchall()):
        raise _unrecorded(table)
    order = "kind <> 'method', kind, name, rowid"
    sql = f"SELECT kind, name, work FROM clq.meta.citations WHERE {runs} ORDER BY {order}"
    works: dict[tuple[str, str], list[Citation]] = {}
    for kind, name, work in con.execute(sql, [table]).fetchall():
        works.setdefault((kind, name), []).append(_citation(json.loads(work)))
    sql = f"SELECT DISTINCT kind, name FROM clq.meta.sources WHERE {runs} ORDER BY kind, name"
    for kind, name in con.execute(sql, [table]).fetchall():
        works.setdefault((kind, name), [])
    if not works:
        raise _unrecorded(table)
    return [Use(kind, name, cited(found)) for (kind, name), found in works.items()]


def _unrecorded(table: str) -> Diagnostic:
    message = f"{table} is older than clq's records of what a table was made from"
    return Diagnostic("not-here", message, hint="run its query again, or ask for the query: clq cite 'EXPLAIN …'")


def _citation(facts: Mapping[str, Any]) -> Citation:
    kept = {f.name: facts[f.name] for f in fields(Citation) if f.name in facts}
    return Citation(**{**kept, "authors": tuple(kept["authors"])})


# ------------------------------------------------------------ rendering


def rendered(uses: Sequence[Use], form: str) -> str:
    """Each work once, with what it is cited for: as text, BibTeX or JSON."""
    works = cited(work for use in uses for work in use.works)
    said = {work: ", ".join(str(use) for use in uses if work in use.works) for work in works}
    if form == "json":
        facts = [{**work.facts(), "for": [str(u) for u in uses if work in u.works]} for work in works]
        return json.dumps(facts, indent=2, ensure_ascii=False)
    if form == "bibtex":
        return "\n\n".join(f"% {said[work]}\n{work.bibtex()}" for work in works)
    lines = [f"{work.text()}{'. ' + work.url if work.url else ''}\n  for {said[work]}" for work in works]
    return "\n".join([*lines, *_without(uses)])


def _without(uses: Iterable[Use]) -> Iterator[str]:
    silent = [str(use) for use in uses if not use.works]
    if silent:
        yield f"nothing is known to cite for {', '.join(silent)}"

