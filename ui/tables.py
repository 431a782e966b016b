"""Answers on their way into the catalogue: gathered while a script runs, put there in one commit."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..engine.catalogue import Catalogue, Rebuilt
from ..engine.operator import Operator, Source, digest
from ..engine.plan import graph_of, ordered
from ..engine.records import Notes, look, note_nodes
from ..engine.resources import Resources
from ..engine.store import Store
from ..lang.ast import Span
from ..lang.checked import Answer, Table, Tail
from ..lang.diagnostic import Diagnostic
from ..lang.verbs import VERBS
from ..stdlib.datasets.readable import left_out
from .citing import citations_of
from .planning import PlannedQuery
from .relations import is_temporary


@dataclass(frozen=True)
class Pending:
    """A finished answer: the table it becomes, a digest of what is in it, and where its rows are until then."""

    name: str
    content: str
    relation: str
    planned: PlannedQuery
    statement: str
    script: str = ""
    parameters: str = "{}"

    @property
    def evidence(self) -> str | None:
        return f"{self.name}_evidence" if self.planned.evidence else None


class Tables:
    """The tables of one session that are not committed yet; until they are, they are views of the same names."""

    def __init__(self, catalogue: Catalogue, store: Store, resources: Resources) -> None:
        self.catalogue, self.store, self.resources = catalogue, store, resources
        self._pending: list[Pending] = []
        self._known: frozenset[str] | None = None
        self._owned: dict[str, str] | None = None

    def forget(self) -> None:
        """Tables may have come or gone: look again when asked next."""
        self._known = self._owned = None

    def has(self, name: str) -> bool:
        """Whether DuckDB knows a table or view of this name, in any case; cheap to ask often."""
        if self._known is None:
            sql = "SELECT DISTINCT lower(table_name) FROM duckdb_columns() WHERE NOT internal"
            self._known = frozenset(row[0] for row in self.catalogue.connection.execute(sql).fetchall())
        return name.lower() in self._known

    def release(self, name: str) -> None:
        """What waits under a name goes into the catalogue now: something else is to be called so."""
        if any(name.lower() in {p.name.lower(), (p.evidence or p.name).lower()} for p in self._pending):
            self.commit()

    def add(self, pending: Pending) -> None:
        """Make an answer's rows readable under its name, and its evidence beside it."""
        con = self.catalogue.connection
        self.refuse_hidden(pending.name)
        con.execute(f'CREATE OR REPLACE TEMP VIEW "{pending.name}" AS FROM "{pending.relation}"')
        if pending.evidence:
            behind = evidence_of(self.store, pending.planned.evidence, pending.relation)
            con.execute(f'CREATE OR REPLACE TEMP TABLE "{pending.relation}:evidence" AS {behind}')
            con.execute(f'CREATE OR REPLACE TEMP VIEW "{pending.evidence}" AS FROM "{pending.relation}:evidence"')
        self._pending.append(pending)

    def commit(self) -> None:
        """Put all tables into the catalogue; one whose content is there already is left alone."""
        pending, self._pending = self._pending, []
        if not pending:
            return
        con = self.catalogue.connection
        try:
            for p in pending:
                self.refuse_foreign(p.name, bool(p.evidence))
            fresh = [p for p in pending if self.content(p.name) != p.content or not self.verb_of(p.name)]
            if fresh:
                names = [name for p in fresh for name in (p.name, p.evidence) if name]
                self.catalogue.commit(lambda con: self._write(con, fresh), names)
                for p in fresh:
                    self.resources.telling.answer_kept(p.name, [answer.key for answer in p.planned.answers])
        finally:
            self.forget()
            for p in pending:  # from here on the name is the catalogue's table
                for name in filter(None, (p.name, p.evidence)):
                    con.execute(f'DROP VIEW IF EXISTS temp.main."{name}"')

    def rebuild(self) -> Rebuilt:
        """Make the catalogue again from its Parquet files."""
        made = self.catalogue.rebuild()
        verbs = dict(
            self.catalogue.connection.execute(
                "SELECT DISTINCT t.name, r.verb FROM clq.meta.tables AS t, clq.meta.runs AS r "
                "WHERE list_contains(t.runs, r.run)"
            ).fetchall()
        )

        def mend(con: Any) -> None:
            for name in made.names:
                verb = verbs.get(name) or ("EVIDENCE" if name.removesuffix("_evidence") in verbs else None)
                if verb is not None:
                    con.execute(f'ALTER TABLE clq.main."{name}" ALTER args TYPE JSON')
                    _comment(con, name, verb, "")

        self.catalogue.commit(mend)
        self.forget()
        return made

    def verb_of(self, name: str) -> str | None:
        """The verb whose answer a table of the catalogue holds; None for other tables."""
        if self._owned is None:
            # Whoever makes a table anew under the name of one of ours has no comment of ours on it.
            sql = """
                WITH answers AS (
                    SELECT lower(t.name) AS name, any_value(r.verb) AS verb
                    FROM clq.meta.tables AS t, clq.meta.runs AS r WHERE list_contains(t.runs, r.run) GROUP BY ALL
                ), owned AS (FROM answers UNION ALL SELECT name || '_evidence', 'EVIDENCE' FROM answers)
                SELECT o.name, o.verb FROM owned AS o, duckdb_tables() AS s
                WHERE o.name = lower(s.table_name) AND (s.database_name, s.schema_name) = ('clq', 'main')
                    AND s.comment IS NOT NULL
            """
            self._owned = dict(self.catalogue.connection.execute(sql).fetchall())
        return self._owned.get(name.lower())

    def evidence_table(self, name: str) -> str | None:
        """The table that holds the evidence of a table of the catalogue, if there is one."""
        found = f"{name}_evidence"
        return found if self.verb_of(found) == "EVIDENCE" else None

    def content(self, name: str) -> str:
        """The digest of what a table of the catalogue holds."""
        sql = "SELECT content FROM clq.meta.tables WHERE lower(name) = lower(?)"
        found = self.catalogue.connection.execute(sql, [name]).fetchall()
        return str(found[0][0]) if found else ""

    def columns_of(self, name: str) -> tuple[str, ...] | None:
        """The columns of a table or view that DuckDB knows by this name; None if it knows none."""
        sql = (
            "SELECT column_name FROM duckdb_columns() WHERE lower(table_name) = lower(?) AND "
            "(database_name, schema_name) IN (('clq', 'main'), ('memory', 'main'), ('temp', 'main')) "
            "ORDER BY column_index"
        )
        found = self.catalogue.connection.execute(sql, [name]).fetchall()
        return tuple(row[0] for row in found) or None

    def things(self) -> dict[str, Answer | Table]:
        """Every table of the catalogue under its name: an answer if clq made it, else rows of the user's."""
        sql = """
            SELECT table_name, list(column_name ORDER BY column_index) FROM duckdb_columns()
            WHERE database_name = 'clq' AND schema_name = 'main' GROUP BY ALL
        """
        found = self.catalogue.connection.execute(sql).fetchall()
        verbs = {name: self.verb_of(name) for name, _ in found}
        return {n: Answer(n, v) if (v := verbs[n]) else Table(n, held=tuple(columns)) for n, columns in found}

    def refuse_foreign(self, name: str, evidence: bool, span: Span | None = None) -> None:
        """Raise Diagnostic 'table-exists' where an answer or its evidence would take the place of what is the user's
        own: INTO replaces only what clq made."""
        sql = (
            "SELECT table_name, table_type FROM information_schema.tables WHERE lower(table_name) = lower(?) "
            "AND table_catalog = 'clq' AND table_schema = 'main'"
        )
        con = self.catalogue.connection
        for one, is_answer in ((name, True), (f"{name}_evidence", False))[: 1 + evidence]:
            for there, kind in con.execute(sql, [one]).fetchall():
                if self.verb_of(there) is None or bool(self.content(there)) != is_answer:
                    what = "view" if kind == "VIEW" else "table"
                    whose = "holds evidence" if self.verb_of(there) else "was not made by a query of clq"
                    raise Diagnostic(
                        "table-exists", f"the {what} {there} exists and {whose}", span,
                        hint=f"choose another name after INTO, or drop the {what}",
                    )  # fmt: skip

    def refuse_hidden(self, name: str, span: Span | None = None) -> None:
        """Raise Diagnostic 'table-exists' if a temporary table of the user's would hide an answer of this name."""
        own = {p.name.lower() for p in self._pending}
        if name.lower() not in own and is_temporary(name, self.catalogue.connection):
            raise Diagnostic(
                "table-exists", f"{name} is a temporary table or view, which would hide the table", span,
                hint="choose another name after INTO, or drop it",
            )  # fmt: skip

    def _write(self, con: Any, fresh: Sequence[Pending]) -> None:
        now, notes = time.strftime("%Y-%m-%d %H:%M:%S"), Notes()
        con.execute("BEGIN")
        for p in fresh:
            for name in filter(None, (p.name, p.evidence)):
                rows = f"{p.relation}:evidence" if name == p.evidence else p.relation
                con.execute(f'CREATE OR REPLACE TABLE clq.main."{name}" AS FROM temp.main."{rows}"')
                _comment(con, name, "EVIDENCE" if name == p.evidence else p.planned.verb, p.statement)
            con.execute("DELETE FROM clq.meta.tables WHERE lower(name) = lower(?)", [p.name])
            runs = [answer.key for answer in p.planned.answers]
            con.execute(
                "INSERT INTO clq.meta.tables (name, content, runs, made, script, parameters) VALUES (?, ?, ?, ?, ?, ?)",
                [p.name, p.content, runs, now, p.script, p.parameters],
            )
            for answer in p.planned.answers:
                self._note_run(notes, con, answer, p, now)
        notes.put(con)
        look(con, self.store.root)
        con.execute("COMMIT")

    def _note_run(self, notes: Notes, con: Any, answer: Operator, p: Pending, now: str) -> None:
        """How the rows with this `run` came to be: the statement, the work of the session so far, and every
        operator."""
        run, counts = answer.key, self.resources.counts
        behind = ordered(graph_of([answer]))
        sources = [o for o in behind if isinstance(o, Source)]
        made = [o for o in behind if not isinstance(o, Source)]
        work = (p.statement, p.planned.verb, now, counts["rounds"], counts["decoded"], self.resources.device)
        missed = sum(len(s.spec.reasons) for s in left_out([answer]))
        notes.note("runs", run, [(*work, missed, self.resources.most_held())])
        notes.note("citations", run, citations_of(answer, sources))
        notes.note("sources", run, ((s.kind, s.name, s.fingerprint, _facts(s), s.key) for s in sources))
        with self.store.glance():
            self.store.expect(o.key for o in made)
        note_nodes(notes, con, run, made, self.store)


def _facts(source: Source) -> str:
    return json.dumps(source.spec.describe() if hasattr(source.spec, "describe") else {})


def _comment(con: Any, name: str, verb: str, statement: str) -> None:
    """What the table and its columns are, for whoever opens the file with another tool."""
    table = f'clq.main."{name}"'

    def quoted(text: str) -> str:
        return "'" + text.replace("'", "''") + "'"

    columns = (f'COLUMN {table}."{c.name}" IS {quoted(c.meaning)}' for c in VERBS[verb].columns)
    comments = [f"TABLE {table} IS {quoted(f'{VERBS[verb].summary} {statement}')}", *columns]
    con.execute("; ".join(f"COMMENT ON {comment}" for comment in comments))


def evidence_of(store: Store, evidence: Sequence[Operator], relation: str) -> str:
    """The query for the evidence of those targets that an answer's relation holds."""
    rows = f"SELECT * REPLACE (args::JSON AS args) FROM read_parquet({parquet(store, evidence)})"
    return f'{rows} WHERE target IN (SELECT target FROM "{relation}")'


def parquet(store: Store, operators: Sequence[Any]) -> str:
    """The Parquet files of answers, as DuckDB's list of texts."""
    held = [store.find(o) for o in operators]
    files = [str(path) for artifact in held if artifact is not None for path in artifact.files]
    return "[" + ", ".join("'" + f.replace("'", "''") + "'" for f in dict.fromkeys(files)) + "]"


def content_of(key: str, tails: Sequence[Tail]) -> str:
    """A digest of what an answer's table holds: the work, the canonical tails, and the values bound in them."""
    text = " ".join(tail.text for tail in tails)
    values = {k: v for tail in tails for part in (tail.where, tail.order) if part for k, v in part.values.items()}
    return digest([key, text, [[k, str(v)] for k, v in sorted(values.items())]])
