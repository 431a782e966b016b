"""Checked queries on their way to rows: planned once, given a relation, computed with all that waits beside them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..engine.catalogue import Catalogue, spill_folder
from ..engine.fingerprint import Fingerprints
from ..engine.operator import digest
from ..engine.plan import Plan
from ..engine.sql import Placed, diagnostic_of, joined, place
from ..engine.store import Store
from ..lang import ast
from ..lang.checked import Answer, CheckedBody, CheckedPlan, CheckedQuery, CheckedSql, Origin, Tail
from ..lang.diagnostic import Diagnostic
from ..lang.literals import encode_name, encode_string
from ..lang.rows import chosen
from ..lang.scan import scan
from ..lang.verbs import VERBS
from ..stdlib.catalog import Catalog
from .judging import judged, judged_earlier
from .planning import PlannedQuery, plan_evaluation, plan_query
from .rehearsal import Rehearsal, Step
from .relations import Relation, provide, provided
from .spilled import fetched
from .tables import Tables, content_of, evidence_of, parquet

if TYPE_CHECKING:
    import pyarrow as pa

    from ..engine.measure import Measure


@dataclass
class Ready:
    """A planned query: `content` names what its rows will be, which are in the temporary table `relation`.

    It is planned anew when images turn out to be unreadable and are to be left out. `measures` are of what was computed
    only when the rows of another query were there.
    """

    query: CheckedQuery
    plan: Callable[[], PlannedQuery]
    key: Callable[[PlannedQuery], str]
    measures: dict[str, Measure] = field(default_factory=dict)
    planned: PlannedQuery = field(init=False)
    content: str = field(init=False)
    relation: str = field(init=False)

    def __post_init__(self) -> None:
        self.plan_anew()
        self.relation = f"clq:{self.content[:16]}"

    def plan_anew(self) -> None:
        self.planned = self.plan()
        self.content = content_of(self.key(self.planned), self.query.tails)


@dataclass
class Waiting:
    """Queries that are planned but not computed, what is to be done when they are, and what SQL is bound before."""

    ready: list[Ready] = field(default_factory=list)
    finishes: list[Callable[[], Any]] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    looked_at: bool = False  # PLAN asks of queries that nothing computes

    @property
    def queries(self) -> list[PlannedQuery]:
        return [one.planned for one in self.ready]


class Answering:
    """Makes relations of queries and of SQL with queries in it. Whoever asks decides when the waiting work is done."""

    def __init__(
        self, store: Store, catalogue: Catalogue, names: Catalog, known: Fingerprints, tables: Tables,
        plan_rows: Callable[[CheckedPlan], pa.Table],
        computed: Callable[[Ready], AbstractContextManager[tuple[Plan, dict[str, Measure]]]],
        planning: bool = True,
    ) -> None:  # fmt: skip
        self.planning = planning  # else queries are only given relations, for a look at the SQL around them
        self.store, self.catalogue, self.names, self.known, self.tables = store, catalogue, names, known, tables
        self.plan_rows, self.computed = plan_rows, computed
        self.waiting = Waiting()
        self._ready: dict[int, Ready] = {}
        self._reads: dict[int, tuple[CheckedSql, list[Relation]]] = {}

    def forget(self) -> None:
        """Drop what waits and what was planned: a new script begins."""
        self.waiting, self._ready, self._reads = Waiting(), {}, {}

    def take(self) -> Waiting:
        waiting, self.waiting = self.waiting, Waiting()
        return waiting

    def ready(self, query: CheckedQuery) -> Ready:
        """Plan a query, once however often it is asked for."""
        if id(query) not in self._ready:
            how = {"EVIDENCE": self._evidence, "EVALUATE": self._evaluation}.get(query.verb, self._planned)
            self._ready[id(query)] = how(query)
        return self._ready[id(query)]

    def _planned(self, query: CheckedQuery) -> Ready:
        if not query.known or not self.planning:
            return self._unknown(query)
        return self._wait(query, lambda: plan_query(query, self.known), lambda planned: planned.key, self._held)

    def _unknown(self, query: CheckedQuery) -> Ready:
        note = "what is asked about is known only when the queries before it have run"
        unknown = PlannedQuery(query.verb, (), (), query.defaults, (note,), self.known.lenient, planned=False)
        key = f"{query.verb} {id(query)}"  # two of them are not the same
        return self._wait(query, lambda: unknown, lambda planned: key, lambda planned: "")

    def _held(self, planned: PlannedQuery) -> str:
        """The query for the rows that the store has."""
        return f"SELECT * REPLACE (args::JSON AS args) FROM read_parquet({parquet(self.store, planned.answers)})"

    def _evaluation(self, query: CheckedQuery) -> Ready:
        """A metric of an answer. All that does not hang on the answer's rows is computed with everything else; the
        metric itself when they are there."""
        assert query.source is not None and isinstance(query.source.thing, Answer)
        answer, items = query.source.thing, query.source.items
        written = [repr(i) for i in items or ()]
        if answer.query is None:
            if not self.planning:
                return self._unknown(query)
            held = self._rows_held(answer.name, items)
            con = self.catalogue.connection
            earlier = judged_earlier(query, answer.name, held, self.names, self.known, con)
            return self._wait(
                query, lambda: plan_evaluation(query, earlier, self.known), lambda planned: planned.key, self._held
            )
        inner = self.ready(answer.query)
        if not inner.planned.jobs:
            return self._unknown(query)
        rows: list[pa.Table] = []
        precision = self.known.precision  # a later SET is not meant for this one

        def plan() -> PlannedQuery:
            content = digest([inner.content, written])
            found = judged(query, inner.planned, content, rows[0] if rows else None)
            return plan_evaluation(query, found, self.known)

        ready = self._wait(query, plan, lambda planned: planned.key, self._held, late=lambda: late())

        def late() -> AbstractContextManager[tuple[Plan, dict[str, Measure]]]:
            rows[:] = [self._rows_held(inner.relation, items)]
            now = (self.known.lenient, self.known.precision)
            self.known.lenient, self.known.precision = ready.planned.lenient, precision
            try:
                ready.plan_anew()
            finally:
                self.known.lenient, self.known.precision = now
            return self.computed(ready)

        return ready

    def _rows_held(self, relation: str, items: Sequence[int | str | slice] | None) -> pa.Table:
        """The rows of a relation that is made already, or of the targets selected from it."""
        chosen = self._chosen(items, relation)
        sql = f'SELECT * REPLACE (args::VARCHAR AS args) FROM {encode_name(relation)} WHERE true{chosen}'
        return fetched(self.catalogue.connection.sql(sql), self._spill)

    def _evidence(self, query: CheckedQuery) -> Ready:
        """What stands behind an answer: of a query its evidence, of a table of the catalogue the one beside it."""
        assert query.source is not None and isinstance(query.source.thing, Answer)
        answer, items = query.source.thing, query.source.items
        written = [repr(i) for i in items or ()]
        if answer.query is not None:
            inner = self.ready(answer.query)
            if not inner.planned.has_evidence:
                raise self._without_evidence(query, answer)
            return self._wait(
                query,
                lambda: PlannedQuery("EVIDENCE", inner.planned.evidence, (), (), (), inner.planned.lenient),
                lambda planned: digest([inner.content, "EVIDENCE", written]),
                lambda planned: (
                    evidence_of(self.store, planned.answers, inner.relation) + self._chosen(items, inner.relation)
                ),
            )
        held = self.tables.evidence_table(answer.name)
        if held is None:
            raise self._without_evidence(query, answer)
        key = digest([self.tables.content(answer.name), "EVIDENCE", written])
        planned = PlannedQuery("EVIDENCE", (), (), (), (), self.known.lenient)
        chosen = self._chosen(items, held)
        return self._wait(
            query, lambda: planned, lambda _: key, lambda _: f'SELECT * FROM "{held}" WHERE true{chosen}'
        )

    def _chosen(self, items: Sequence[int | str | slice] | None, relation: str) -> str:
        """The condition for the targets that are selected from an answer."""
        if items is None:
            return ""
        sql = f'SELECT DISTINCT unit, target FROM "{relation}"'
        rows = self.catalogue.connection.execute(sql).fetchall()
        targets = chosen(items, [r[0] for r in rows], [r[1] for r in rows])
        return f" AND target IN ({', '.join(map(encode_string, targets)) or 'NULL'})"

    @staticmethod
    def _without_evidence(query: CheckedQuery, answer: Answer) -> Diagnostic:
        message = f"{answer.name or answer.verb} has no evidence: only EXPLAIN and TRANSFER keep images behind rows"
        return _placed_in(Diagnostic("no-evidence", message, query.span), query.origin)

    def _wait(
        self, query: CheckedQuery, plan: Callable[[], PlannedQuery], key: Callable[[PlannedQuery], str],
        rows: Callable[[PlannedQuery], str],
        late: Callable[[], AbstractContextManager[tuple[Plan, dict[str, Measure]]]] | None = None,
    ) -> Ready:  # fmt: skip
        """Let a query wait to be computed; `late` is what computes the rest of it when its turn has come."""
        ready = Ready(query, plan, key)
        steps = self.waiting.steps
        steps.append(lambda rehearsal: rehearsal.answer(ready.relation, ready.planned.verb))
        tails = []
        for tail in query.tails:
            where, order = self._placed_if(tail.where), self._placed_if(tail.order)
            tails.append((tail, where, order))
            if where is not None or order is not None:
                sql = _sql_of(tail)
                steps.append(partial(Rehearsal.tail, relation=ready.relation, where=where, order=order, sql=sql))

        def finish() -> None:
            if late is None:
                self._materialise(ready, rows(ready.planned), tails)
                return
            with late() as (_, measures):
                ready.measures.update(measures)
                self._materialise(ready, rows(ready.planned), tails)

        self.waiting.ready.append(ready)
        self.waiting.finishes.append(finish)
        return ready

    def _placed_if(self, sql: CheckedSql | None) -> Placed | None:
        return None if sql is None else self.placed(sql)

    def _materialise(
        self, ready: Ready, rows: str, tails: Sequence[tuple[Tail, Placed | None, Placed | None]]
    ) -> None:
        """The rows of an answer after its tails, one after another, as a temporary table."""
        several = len(ready.planned.answers) > 1 or ready.planned.verb == "EVIDENCE"
        ordered = " ORDER BY " + ", ".join(f'"{c}"' for c in VERBS[ready.planned.verb].order) if several else ""
        if not tails:
            self.execute(f'CREATE OR REPLACE TEMP TABLE "{ready.relation}" AS {rows}{ordered}')
            return
        for i, (tail, where, order) in enumerate(tails):
            source = f"({rows})" if not i else f'"{ready.relation}:{i}"'
            target = ready.relation if i == len(tails) - 1 else f"{ready.relation}:{i + 1}"
            parts: list[str | Placed] = [f'CREATE OR REPLACE TEMP TABLE "{target}" AS SELECT * FROM {source}']
            if where is not None:
                parts += [" WHERE ", where]
            if order is not None:
                parts += [" ORDER BY ", order]
            elif not i:
                parts.append(ordered)
            if tail.limit is not None:
                parts.append(f" LIMIT {tail.limit}")
            self.execute(*parts, sql=_sql_of(tail))

    # ------------------------------------------------------------ SQL

    def placed(self, sql: CheckedSql, empty: bool = False) -> Placed:
        """The text for DuckDB, each query in it planned and replaced by the name of its relation.

        With `empty` nothing is planned: the relations have the right columns and no rows.
        """
        bodies = {island.span: island.body for island in sql.sql.islands}
        # Now: a later statement may give the name to something else.
        self._reads.setdefault(id(sql), (sql, list(provided(sql.sql.text, self.names))))
        holes = []
        for span, body in sql.islands:
            relation = self._empty(body) if empty else self._relation(body)
            # A query stands in parentheses, the call of a defined one as a table does.
            called = isinstance(bodies[span], ast.Call)
            holes.append((span, f'"{relation}"' if called else f'FROM "{relation}"'))
        return place(sql.sql.text, sql.span, holes)

    def _empty(self, body: CheckedBody) -> str:
        if not isinstance(body, CheckedSql):
            verb = "PLAN" if isinstance(body, CheckedPlan) else body.verb
            relation = f"clq:empty:{verb}"
            self.execute(f'CREATE TEMP TABLE IF NOT EXISTS "{relation}" ({VERBS[verb].ddl()})')
            return relation
        placed = self.placed(body, empty=True)
        relation = f"clq:empty:{_digest_of(placed, body)}"
        self.waiting.steps.append(lambda rehearsal: rehearsal.rows(relation, placed, body))
        self.waiting.finishes.append(
            lambda: self.execute(
                f'CREATE OR REPLACE TEMP TABLE "{relation}" AS FROM (', placed, ") LIMIT 0", sql=[body]
            )
        )
        return relation

    def _relation(self, body: CheckedBody) -> str:
        if isinstance(body, CheckedQuery):
            return self.ready(body).relation
        if isinstance(body, CheckedPlan):
            return self._plan_relation(body)
        placed = self.placed(body)
        relation = f"clq:{_digest_of(placed, body)}"
        self.waiting.steps.append(lambda rehearsal: rehearsal.rows(relation, placed, body))
        self.waiting.finishes.append(
            lambda: self.execute(f'CREATE OR REPLACE TEMP TABLE "{relation}" AS ', placed, sql=[body])
        )
        return relation

    def _plan_relation(self, body: CheckedPlan) -> str:
        """The rows of PLAN, made when the statements above are done: then the store has what they computed."""
        relation = f"clq:plan:{body.span.start}"
        self.waiting.steps += self.planned_only(body.body).steps
        self.waiting.steps.append(lambda rehearsal: rehearsal.answer(relation, "PLAN"))

        def finish() -> None:
            con = self.catalogue.connection
            con.register("clq_plan", self.plan_rows(body))
            try:
                con.execute(f'CREATE OR REPLACE TEMP TABLE "{relation}" AS FROM clq_plan')
            finally:
                con.unregister("clq_plan")

        self.waiting.finishes.append(finish)
        return relation

    def planned_only(self, body: CheckedQuery | CheckedSql) -> Waiting:
        """The queries behind a query or SQL, planned to be looked at; they do not wait to be computed."""
        waiting, ready = self.waiting, self._ready
        waiting.looked_at = True
        self.waiting, self._ready = Waiting(), dict(ready)
        try:
            if isinstance(body, CheckedQuery):
                self.ready(body)
            else:
                placed = self.placed(body)
                self.waiting.steps.append(lambda rehearsal: rehearsal.statement(placed, body))
            return self.waiting
        finally:
            self.waiting, self._ready = waiting, ready

    def provide(self, con: Any, sql: Sequence[CheckedSql]) -> None:
        """Make what the user's SQL reads into relations: what its names stood for where it was written."""
        for part in sql:
            _, read = self._reads.get(id(part)) or (part, list(provided(part.sql.text, self.names)))
            provide(read, con)

    def execute(self, *parts: str | Placed, sql: Sequence[CheckedSql] = ()) -> None:
        """Run a statement of ours with fragments of the user's in it, `sql`; an error is placed in their text."""
        import duckdb

        text = "".join(p if isinstance(p, str) else p.text for p in parts)
        self.provide(self.catalogue.connection, sql)
        values = {k: v for part in sql for k, v in part.values.items()}
        try:
            self.catalogue.connection.execute(text, values or None)
        except duckdb.Error as error:
            if all(isinstance(p, str) for p in parts):
                raise
            origin = next((part.origin for part in sql if part.origin is not None), None)
            raise _placed_in(diagnostic_of(error, joined(*parts)), origin) from error

    def fetch(self, con: Any, sql: CheckedSql, placed: Placed) -> pa.Table:
        """The rows of the user's SQL."""
        import duckdb
        import pyarrow as pa

        self.provide(con, [sql])
        values = dict(sql.values)
        try:
            relation = con.sql(placed.text, params=values or None)
            rows = pa.table({}) if relation is None else fetched(relation, self._spill)
        except duckdb.Error as error:
            positioned = _with_position(con, placed.text, values, error)
            raise _placed_in(diagnostic_of(positioned, placed), sql.origin) from error
        # Statements such as CREATE come back as a count, or as success without a row.
        silent = rows.column_names == ["Success"] or (rows.column_names == ["Count"] and creates(sql.sql.text))
        return pa.table({}) if silent else rows.rename_columns(_apart([_spoken(name) for name in rows.column_names]))

    def arrow(self, relation: str) -> pa.Table:
        """The rows of a relation that is made already."""
        return fetched(self.catalogue.connection.sql(f'FROM "{relation}"'), self._spill)

    @property
    def _spill(self) -> Path:
        return spill_folder(self.catalogue.path.parent)


def explains(sql: str) -> bool:
    """EXPLAIN of SQL, which runs nothing; EXPLAIN ANALYZE does."""
    words = [token.up for token in scan(sql)[:2]]
    return words[:1] == ["EXPLAIN"] and "ANALYZE" not in words


def stored_text(sql: str) -> str | None:
    """What CREATE VIEW and CREATE MACRO make, whose text is kept and not its rows; None if it is temporary."""
    words = [token.up for token in scan(sql)[:6]]
    if words[:1] != ["CREATE"] or {"TEMP", "TEMPORARY"} & set(words):
        return None
    made = next((word for word in words if word in {"TABLE", "VIEW", "MACRO", "FUNCTION"}), "TABLE")
    return None if made == "TABLE" else "view" if made == "VIEW" else "macro"


def creates(sql: str) -> bool:
    return first_word(sql) in {"CREATE", "COPY", "DROP", "ALTER", "ATTACH", "DETACH"}


def first_word(sql: str) -> str:
    """The word that a statement begins with, in upper case."""
    return next((token.up for token in scan(sql)), "")


def _apart(names: Sequence[str]) -> list[str]:
    """Column names that a join made equal are told apart as DuckDB does in a data frame: word, word_1."""
    out: list[str] = []
    for name in names:
        new, n = name, 0
        while new in out or (n and new in names):
            n += 1
            new = f"{name}_{n}"
        out.append(new)
    return out


def _spoken(column: str) -> str:
    """DuckDB calls a column that has no name after its expression; where a query stood in it there are three dots."""
    return re.sub(r'(SELECT \* )?FROM "clq:[^"]*"', "…", column)


def _sql_of(tail: Tail) -> list[CheckedSql]:
    return [part for part in (tail.where, tail.order) if part is not None]


def _digest_of(placed: Placed, sql: CheckedSql) -> str:
    return digest([placed.text, [[k, str(v)] for k, v in sorted(sql.values.items())]])[:16]


def _placed_in(problem: Diagnostic, origin: Origin | None) -> Diagnostic:
    return problem if origin is None else origin.mark(problem)


def _with_position(con: Any, sql: str, parameters: dict[str, Any], error: Exception) -> Exception:
    """The same error as `execute` words it: only that way does DuckDB say where it is."""
    import duckdb

    try:
        con.execute(sql, parameters or None).fetchall()
    except duckdb.Error as placed:
        return placed
    return error
