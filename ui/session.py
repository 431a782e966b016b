"""The interpreter: a script is checked and planned as a whole, computed at once, answered statement by statement."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..engine.catalogue import Catalogue
from ..engine.fingerprint import Fingerprints
from ..engine.plan import Plan
from ..engine.resources import Resources
from ..engine.run import optimize, run
from ..engine.sql import Placed, diagnostic_of, joined, place
from ..engine.store import Store
from ..lang import ast, parse
from ..lang.check import check, resolve
from ..lang.declare import CheckedQuery, MethodDeclaration
from ..lang.declare import Thing as NamedThing
from ..lang.diagnostic import Diagnostic
from ..lang.refused import refused
from ..lang.scan import scan
from ..lang.text import canonical_tail
from ..lang.verbs import VERBS
from ..stdlib.catalog import SETTINGS, Catalog
from ..stdlib.things import Texts
from .files import check_file, write_rows
from .planning import PlannedQuery, plan_query, thing_of
from .relations import provide
from .results import Result, Results
from .tables import Pending, Tables, content_of, parquet

if TYPE_CHECKING:
    import pyarrow as pa

Finish = Callable[[], "Result | None"]


@dataclass(frozen=True)
class Answer:
    """A planned query under a name: what LET gives, and what stands for an island in SQL."""

    name: str
    verb: str
    planned: PlannedQuery
    relation: str

    @property
    def kind(self) -> Any:
        return "answer"

    def columns(self) -> Sequence[str]:
        return VERBS[self.verb].column_names()

    def describe(self) -> dict[str, str]:
        return {"verb": self.verb, "columns": ", ".join(self.columns())}


@dataclass
class _Waiting:
    """Statements that are checked and planned but not yet computed."""

    queries: list[PlannedQuery] = field(default_factory=list)
    finishes: list[Finish] = field(default_factory=list)


class Session:
    """What one connection knows: names, settings, the store and the catalogue. Runs one script at a time."""

    def __init__(self, store: Store, catalogue: Catalogue, resources: Resources) -> None:
        self.store, self.catalogue, self.resources = store, catalogue, resources
        self.known = Fingerprints(store.root / "fingerprints.json")
        self.names = Catalog(run_subquery=self._subquery, find_table=self._table)
        self.remarks: list[str] = []
        self._tables = Tables(catalogue, store, resources)
        self._waiting = _Waiting()
        self._results: list[Result] = []
        self._text, self._dry = "", False
        self._planned_tables: dict[str, str] = {}

    # ------------------------------------------------------------ scripts

    def run(self, text: str, path: str | None = None, parameters: Mapping[str, Any] | None = None, *,
            dry: bool = False) -> Results:  # fmt: skip
        """Run a script. With `dry`, check and plan only. Raises Diagnostic, placed in the text."""
        self._waiting, self._results, self._planned_tables = _Waiting(), [], {}
        self._text, self._dry = text, dry
        given = dict(parameters or {})
        self.names.parameters.update(given)
        try:
            script = parse(text, path)
            for statement in script.statements:
                finish = self._prepare(statement, given)
                if finish is not None:
                    self._waiting.finishes.append(finish)
            if not dry:
                self._flush()
                self._tables.commit()
        except Diagnostic as problem:
            # What was finished before a later statement failed is kept.
            if not dry:
                with contextlib.suppress(Diagnostic):
                    self._tables.commit()
            raise problem.within(text, path) from problem.__cause__
        finally:
            with contextlib.suppress(Diagnostic):
                self.known.save()
        return Results(self._results)

    def plan(self, text: str, path: str | None = None, parameters: Mapping[str, Any] | None = None) -> Plan:
        """The plan of all queries of a script together, nothing computed."""
        self.run(text, path, parameters, dry=True)
        return self._optimized(self._waiting.queries)

    @property
    def waiting_queries(self) -> Sequence[PlannedQuery]:
        """The queries of the last dry run."""
        return self._waiting.queries

    def _optimized(self, queries: Sequence[PlannedQuery]) -> Plan:
        return optimize([root for q in queries for root in q.roots], self.store)

    def _flush(self) -> None:
        """Compute what waits, then let each statement give its result."""
        waiting, self._waiting = self._waiting, _Waiting()
        if waiting.queries:
            plan = self._optimized(waiting.queries)
            if self.store.damaged:
                self.remarks.append(f"{len(self.store.damaged)} damaged artifacts were set aside and are made again")
                self.store.damaged.clear()
            run(plan, self.store, self.resources)
        for finish in waiting.finishes:
            result = finish()
            if result is not None:
                self._results.append(result)

    # ------------------------------------------------------------ statements

    def _prepare(self, statement: ast.Statement, given: Mapping[str, Any]) -> Finish | None:
        """Check and plan one statement; what it returns is called when its answers are computed."""
        match statement:
            case ast.Let():
                return self._let(statement)
            case ast.ParamStatement():
                if statement.name not in given:
                    self.names.parameters[statement.name] = constant(statement.value)
                return None
            case ast.SetStatement():
                self._set(statement)
                return None
            case ast.Show():
                from .show import show

                rows = show(statement, self)
                return lambda: Result(self._source(statement.span), rows)
            case ast.PlanStatement():
                return self._plan_statement(statement)
            case ast.Query():
                return self._query(statement)
            case ast.Sql():
                return self._sql(statement)
            case _:
                raise Diagnostic(
                    "not-here", f"{type(statement).__name__.upper()} does not exist in this version", statement.span
                )

    def _let(self, statement: ast.Let) -> Finish | None:
        value = statement.value
        if isinstance(value, ast.Subquery):
            if isinstance(value.body, ast.Query):
                answer = self._answer(value.body)
                self.names.made[statement.name] = Answer(statement.name, answer.verb, answer.planned, answer.relation)
                return lambda: self._view(statement.name, f'FROM "{answer.relation}"')
            placed = self._placed(value.body)
            return lambda: self._view(statement.name, placed)
        thing = thing_of(resolve(value, None, self.names))
        self.names.made[statement.name] = renamed(thing, statement.name)
        return None

    def _view(self, name: str, of: str | Placed) -> None:
        self._execute(f'CREATE OR REPLACE TEMP VIEW "{name}" AS ', of)

    def _set(self, statement: ast.SetStatement) -> None:
        setting, value = statement.setting.lower(), statement.value
        if value is None:
            self.names.settings.pop(setting, None)
        elif setting in SETTINGS:
            self.names.settings[setting] = thing_of(resolve(value, SETTINGS[setting], self.names))
        elif setting == "device":
            self.resources.device = device_of(str(constant(value)))
        else:
            self.names.settings[setting] = constant(value)

    def _query(self, query: ast.Query) -> Finish:
        answer = self._answer(query)
        into = query.into
        if into is not None and into.is_file:
            check_file(into)
        elif into is not None:
            self._tables.refuse_foreign(into.name, into.span)
        content = self._content(answer.planned, query)
        name = into.name if into is not None and not into.is_file else f"{query.verb.lower()}_{content[:8]}"
        self._planned_tables[name] = query.verb
        return lambda: self._finish_query(query, answer, name, content)

    def _finish_query(self, query: ast.Query, answer: Answer, name: str, content: str) -> Result:
        rows = self._arrow(f'FROM "{answer.relation}"')
        remarks = (*answer.planned.notes, *unnamed(rows, query.verb, self.names.methods()))
        source = self._source(query.span)
        if query.into is not None and query.into.is_file:
            write_rows(rows, query.into)
            return Result(source, rows, remarks=(*remarks, f"wrote {query.into.name}"))
        pending = Pending(name, content, answer.relation, answer.planned, source)
        self._tables.add(pending)
        return Result(source, rows, name, pending.evidence, remarks=remarks)

    def _answer(self, query: ast.Query) -> Answer:
        """Check and plan a query; its rows will be in the temporary table `relation`."""
        checked = check(query, self.names)
        planned = plan_query(checked, self.known)
        relation = f"clq:{self._content(planned, query)[:16]}"
        where = None if query.where is None else self._placed(query.where)
        order = None if query.order is None else self._placed(query.order)
        self._waiting.queries.append(planned)
        self._waiting.finishes.append(lambda: self._materialise(checked, planned, relation, where, order))
        return Answer(relation, query.verb, planned, relation)

    def _content(self, planned: PlannedQuery, query: ast.Query) -> str:
        return content_of(planned, [canonical_tail(query)], self.names.parameters)

    def _materialise(
        self, checked: CheckedQuery, planned: PlannedQuery, relation: str, where: Placed | None, order: Placed | None
    ) -> None:
        """The rows of an answer after its tail, as a temporary table."""
        files = parquet(self.store, planned.answers)
        parts: list[str | Placed] = [
            f'CREATE OR REPLACE TEMP TABLE "{relation}" AS '
            f"SELECT * REPLACE (args::JSON AS args) FROM read_parquet({files})"
        ]
        if where is not None:
            parts += [" WHERE ", where]
        if order is not None:
            parts += [" ORDER BY ", order]
        elif len(planned.answers) > 1:
            parts.append(" ORDER BY " + ", ".join(f'"{c}"' for c in VERBS[planned.verb].order))
        if checked.limit is not None:
            parts.append(f" LIMIT {checked.limit}")
        self._execute(*parts)

    def _plan_statement(self, statement: ast.PlanStatement) -> Finish | None:
        from .render_plan import plan_rows, plan_text

        if statement.analyze:
            raise Diagnostic("not-here", "PLAN ANALYZE does not exist in this version; PLAN does", statement.span)
        if not self._dry:
            self._flush()  # what the lines above have computed is in the store by then
        if isinstance(statement.body, ast.Query):
            self._answer(statement.body)
        else:
            self._placed(statement.body)
        if self._dry:
            return None
        queries, self._waiting = self._waiting.queries, _Waiting()
        plan = self._optimized(queries)
        result = Result(
            self._source(statement.span), plan_rows(plan, self.store), text=plan_text(plan, self.store, queries)
        )
        return lambda: result

    # ------------------------------------------------------------ SQL

    def _placed(self, sql: ast.Sql) -> Placed:
        """The text for DuckDB, each island planned and replaced by the name of its relation."""
        holes = []
        for island in sql.islands:
            if not isinstance(island.body, ast.Query):
                raise Diagnostic("not-here", "inside SQL, this version takes queries only", island.span)
            holes.append((island.span, self._answer(island.body).relation))
        return place(sql.text, sql.span, holes)

    def _sql(self, sql: ast.Sql) -> Finish:
        import duckdb

        placed = self._placed(sql)
        try:
            self.catalogue.connection.extract_statements(placed.text)
        except duckdb.Error as error:
            raise self._refused(sql.span) or diagnostic_of(error, placed) from error

        def finish() -> Result:
            if self.catalogue.writes(placed.text):
                self._tables.commit()
                rows = self.catalogue.commit(lambda con: self._fetch(con, placed))
            else:
                rows = self._fetch(self.catalogue.connection, placed)
            return Result(self._source(sql.span), rows)

        return finish

    def _parameters_in(self, placed: Placed) -> dict[str, Any]:
        """The parameters that stand in SQL. Raises Diagnostic 'no-parameter' for one without a value."""
        out = {}
        for token in scan(placed.text):
            name = token.text[1:]
            if token.kind == "param" and not name.isdigit():
                if name not in self.names.parameters:
                    raise Diagnostic(
                        "no-parameter", f"${name} has no value",
                        placed.origin(len(placed.text[: token.start]), len(token.text)),
                        hint=f"write PARAM {name} = … before, or give --param {name}=…",
                    )  # fmt: skip
                out[name] = self.names.parameters[name]
        return out

    def _refused(self, span: ast.Span) -> Diagnostic | None:
        """What DuckDB refused because it was meant for clq, told as such."""
        known = self.catalogue.connection.sql("SELECT name FROM duckdb_settings()").fetchall()
        return refused(self._text, span, frozenset(row[0] for row in known))

    def _fetch(self, con: Any, placed: Placed) -> pa.Table:
        import duckdb
        import pyarrow as pa

        self._provide(placed.text)
        wanted = self._parameters_in(placed)
        try:
            relation = con.sql(placed.text, params=wanted or None)
            rows = pa.table({}) if relation is None else relation.to_arrow_table()
        except duckdb.Error as error:
            raise self._refused(placed.span) or diagnostic_of(
                _with_position(con, placed.text, wanted, error), placed
            ) from error
        # Statements such as CREATE come back as a count of nothing.
        return pa.table({}) if rows.column_names == ["Count"] and not len(rows) else rows

    def _execute(self, *parts: str | Placed) -> None:
        """Run a statement of ours with fragments of the user's in it; an error is placed in the script."""
        import duckdb

        sql = "".join(p if isinstance(p, str) else p.text for p in parts)
        self._provide(sql)
        wanted = {k: v for k, v in self.names.parameters.items() if f"${k}" in sql}
        try:
            self.catalogue.connection.execute(sql, wanted or None)
        except duckdb.Error as error:
            if all(isinstance(p, str) for p in parts):
                raise
            raise diagnostic_of(error, joined(*parts)) from error

    def _provide(self, sql: str) -> None:
        provide(sql, self.names, self.catalogue.connection)

    def _arrow(self, sql: str) -> pa.Table:
        return self.catalogue.connection.sql(sql).to_arrow_table()

    def _subquery(self, subquery: ast.Subquery, column: str) -> Sequence[Any] | None:
        """The values of a subquery in a slot: everything before it is computed first; None in a dry run that would have
        to compute something for it."""
        body = subquery.body
        if self._dry and (self._waiting.queries or isinstance(body, ast.Query) or body.islands):
            return None
        self._flush_for_subquery()
        if isinstance(body, ast.Query):
            answer = self._answer(body)
            self._flush_for_subquery()
            rows = self._arrow(f'FROM "{answer.relation}"')
        else:
            placed = self._placed(body)
            self._flush_for_subquery()
            rows = self._fetch(self.catalogue.connection, placed)
        if column not in rows.column_names and rows.num_columns != 1:
            raise Diagnostic(
                "unknown-column", f"this subquery has no column {column}", subquery.span,
                hint=f"its columns: {', '.join(rows.column_names)}",
            )  # fmt: skip
        values: list[Any] = rows[column if column in rows.column_names else rows.column_names[0]].to_pylist()
        return values

    def _flush_for_subquery(self) -> None:
        self._flush()
        self._tables.commit()

    def _table(self, name: str) -> NamedThing | None:
        verb = self._planned_tables.get(name) or self._tables.verb_of(name)
        if verb is None:
            return None
        return Answer(name, verb, PlannedQuery(verb, (), (), (), ()), name)

    def _source(self, span: ast.Span) -> str:
        return self._text[span.start : span.end]


def _with_position(con: Any, sql: str, parameters: Mapping[str, Any], error: Exception) -> Exception:
    """The same error as `execute` words it: only that way does DuckDB say where it is."""
    import duckdb

    try:
        con.execute(sql, parameters or None).fetchall()
    except duckdb.Error as placed:
        return placed
    return error


def unnamed(rows: pa.Table, verb: str, methods: Sequence[MethodDeclaration]) -> list[str]:
    """A remark for each method that left units without a concept: how many, and what its declaration says of that."""
    import pyarrow.compute as pc

    if verb != "EXPLAIN" or not rows.num_rows:
        return []
    out = []
    for method in methods:
        own = rows.filter(pc.equal(rows["method"], method.name))
        none = own["concept"].null_count
        if none:
            units = len(set(own["target"].to_pylist()))
            out.append(f"{method.name}: {none} of {units} units have no concept: {method.abstains}")
    return out


def device_of(name: str) -> str:
    """'cpu', 'cuda' or 'cuda:1'. Raises Diagnostic for a device that is not here."""
    if name == "cpu":
        return name
    if name.split(":")[0] == "cuda":
        import torch

        if torch.cuda.is_available():
            return name
        raise Diagnostic("bad-argument", "no CUDA device is here", hint="use --device cpu")
    raise Diagnostic("bad-argument", f"{name} is no device", hint="cpu or cuda")


def constant(value: ast.Value) -> Any:
    if isinstance(value, ast.Constant):
        return value.value
    if isinstance(value, ast.Place) and isinstance(value.name, ast.Name) and value.selection is None:
        return value.name.text
    raise Diagnostic("bad-argument", "a parameter is a text, a number or a name", value.span)


def renamed(thing: NamedThing, name: str) -> NamedThing:
    from dataclasses import replace

    return replace(thing, name=name) if hasattr(thing, "spec") else thing  # type: ignore[type-var]


__all__ = ["Answer", "Session", "Texts", "device_of"]
