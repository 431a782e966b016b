"""The interpreter: a script is checked and planned as a whole, computed at once, answered statement by statement."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from ..engine import footprint
from ..engine.catalogue import Catalogue
from ..engine.fingerprint import Fingerprints
from ..engine.operator import Operator
from ..engine.plan import Plan
from ..engine.resources import Resources, Spread
from ..engine.sql import diagnostic_of, file_trouble
from ..engine.store import Store
from ..lang import ast, parse
from ..lang.checked import Answer, CheckedPlan, CheckedQuery, CheckedSql, Mistaken, Origin, Table
from ..lang.declare import MethodDeclaration, Rows
from ..lang.declare import Thing as NamedThing
from ..lang.diagnostic import FOLLOWS, Diagnostic, as_one
from ..lang.imports import Loader
from ..lang.literals import encode_name
from ..lang.made import tables_dropped, tables_made, would_make
from ..lang.refused import refused
from ..lang.rows import named_in
from ..lang.script import Checked, CheckedLet, CheckedNames, CheckedSet, CheckedShow, ScriptChecker, check_script
from ..lang.sizes import size_of, spoken_size
from ..ops.answers import UnitAnswer
from ..stdlib.catalog import Catalog
from .answering import Answering, Ready, Waiting, explains, stored_text
from .computing import Computing
from .files import check_file, write_rows
from .planning import PlannedQuery, texts_of
from .rehearsal import Rehearsal, Step, rehearse
from .relations import provided, put_away
from .results import Result, Results
from .tables import Pending, Tables
from .transaction import Transaction
from .where import device_of, spread_of

if TYPE_CHECKING:
    import pyarrow as pa

    from ..engine.measure import Measure
    from .render_plan import PlanView

DUCKDB_LEAST = 64 << 20  # bytes below which DuckDB cannot sort or write a table

Finish = Callable[[], "Result | None"]


class Session:
    """What one connection knows: names, settings, the store and the catalogue. Runs one script at a time.

    Without `planning` it is for `mistakes_in_sql` alone.
    """

    def __init__(self, store: Store, catalogue: Catalogue, resources: Resources, *, planning: bool = True) -> None:
        self.store, self.catalogue, self.resources = store, catalogue, resources
        self.known = Fingerprints(store.root / "fingerprints.json")
        self.names = Catalog(run_subquery=self._rows, find_table=self._table)
        self.remarks: list[str] = []
        self.ask: Callable[[PlanView], None] | None = None  # told of every plan before it runs; may raise to stop it
        # What RESET goes back to.
        self._spread = (None if resources.spread == Spread() else resources.spread.backend, resources.spread.workers)
        self._tables = Tables(catalogue, store, resources)
        self._answering = Answering(
            store, catalogue, self.names, self.known, self._tables, self._plan_rows,
            lambda ready: self._computing.computed([ready], self._what), planning,
        )  # fmt: skip
        self._computing = Computing(store, resources, self.known, self.remarks)
        self._transaction = Transaction(catalogue, self._tables)
        self._results: list[Result] = []
        self._limit, self._peak = resources.limit, 0  # the most that was held before a limit was set
        self._limit_memory(resources.limit)
        self._sized = False  # whether this script has set cache_size
        self._dropped: set[str] = set()  # tables that statements of this script drop
        self._text, self._dry, self._planning = "", not planning, planning
        self._history: list[str] = []
        self._given: dict[str, Any] = {}

    # ------------------------------------------------------------ scripts

    def run(self, text: str, path: str | None = None, parameters: Mapping[str, Any] | None = None, *,
            dry: bool = False) -> Results:  # fmt: skip
        """Run a script. With `dry`, check and plan only. Raises Diagnostic, placed in the text.

        All mistakes that can be found without running are found before anything runs, and told together.
        """
        with self.resources.telling.running(_in_one_line(text), self.store.place):
            return self._run(text, path, parameters, dry)

    def _run(self, text: str, path: str | None, parameters: Mapping[str, Any] | None, dry: bool) -> Results:
        self._results, self._text, self._dry = [], text, dry
        self.store.begin()
        self._answering.forget()
        self._dropped = set()
        self._transaction.forget()
        self.names.tables.clear()
        self._tables.forget()
        given = dict(parameters or {})
        try:
            script = parse(text, path, self.names.definitions, Loader())
            self._look(script, given)
            self.names.parameters.update(given)
            self._given = {**self._given, **{k: v for k, v in given.items() if _plain(v)}}
            self._prepare_all(script, frozenset(given))
            if dry:
                self._rehearse(self._answering.waiting.steps)
            else:
                self._flush()
                self._tables.commit()
                self.remarks += self.store.settle()
                self._tell_memory()
                self._keep_to_size()
                self.remarks += self.resources.telling.log.trouble()
                self._history += _names_made(script)
        except Diagnostic as problem:
            # What was finished before a later statement failed is kept.
            if not dry:
                with contextlib.suppress(Diagnostic):
                    self._tables.commit()
            raise self._told(problem).within(text, path) from problem.__cause__
        except Exception as error:
            trouble = file_trouble(error, str(self.catalogue.path))
            if trouble is None:
                raise
            raise trouble from error
        finally:
            with contextlib.suppress(Diagnostic):
                self.known.save()
        return Results(self._results)

    def _limit_memory(self, limit: int | None) -> None:
        """Of what all may hold, a quarter is DuckDB's; one process has the rest for everything else."""
        self.resources.limit, self._peak = limit, footprint.peak()
        self.catalogue.limit_memory(None if limit is None else max(limit // 4, DUCKDB_LEAST))

    def _tell_memory(self) -> None:
        """A remark if a run has held more than it was to."""
        limit, most = self.resources.own_limit, self.resources.most_held()
        if self._computing.made and limit is not None and most > max(limit, self._peak):
            self.remarks.append(
                f"memory: a process has held {spoken_size(most)}, more than the {spoken_size(limit)} it was to hold; "
                "Python, torch and models alone may need that much"
            )
            self._peak = most

    def _keep_to_size(self) -> None:
        """After a run that has made something, or is told a size: the store holds no more than it may."""
        if self._computing.made or self._sized:
            from ..engine.budget import kept_to

            self.remarks += kept_to(self.store, self.names.setting("cache_size"), self.catalogue.note_cleared)
        self._computing.made = self._sized = False

    def plan(self, text: str, path: str | None = None, parameters: Mapping[str, Any] | None = None) -> PlanView:
        """The plan of all queries of a script together, nothing computed."""
        self.run(text, path, parameters, dry=True)
        return self._viewed(self._answering.waiting.ready)

    def mistakes_in_sql(
        self, script: ast.Script, given: Mapping[str, Any], doubted: Iterable[str] = ()
    ) -> list[Diagnostic]:  # fmt: skip
        """What DuckDB refuses in a script before it has a row, also in one whose other mistakes have been told.

        Nothing is said of what reads the `doubted` names, and of what reads the names of statements with mistakes.
        """
        self._text = script.text
        self.names.parameters.update(given)
        checker, origin = ScriptChecker(self.names, frozenset(given)), Origin(script.text, script.path)
        found, steps = [], self._answering.waiting.steps
        steps.append(partial(Rehearsal.doubt, names=doubted))
        for statement in script.statements:
            names = [*would_make(self._source(statement.span))]
            if isinstance(statement, ast.Broken):
                checker.broken(statement, script.text)
                steps.append(partial(Rehearsal.doubt, names=names))
                continue
            try:
                checked = checker.statement(statement, origin)
            except Diagnostic:
                self.names.tables.update({n: Mistaken(n) for n in names if n not in self.names.tables})
                steps.append(partial(Rehearsal.doubt, names=names))
                continue
            try:
                self._prepare(statement, checked)
            except Diagnostic as problem:
                found += problem.every()
                steps.append(partial(Rehearsal.doubt, names=names))
        try:
            self._rehearse(steps)
        except Diagnostic as problem:
            found += problem.every()
        for one in found:
            one.also = []
            origin.mark(one)
        return found

    def known_names(self) -> Catalog:
        """All names for completion: also the tables of the store, which are otherwise looked up one by one."""
        names = self.names.fork()
        names.tables.update(self._tables.things())
        return names

    def _look(self, script: ast.Script, given: Mapping[str, Any]) -> None:
        """Raises Diagnostic with every mistake that shows before a run."""
        found = check_script(script, self.names.fork(), given)
        mistake = as_one(p for p in found if p.severity == "error")
        if mistake is not None:
            raise mistake
        # That nothing uses a name yet is no news: a later script may.
        self.remarks += [p.message for p in found if p.code == "shadowed-name"]

    @staticmethod
    def _told(problem: Diagnostic) -> Diagnostic:
        if problem.code != FOLLOWS:
            return problem
        message = f"This is {problem.message}: run the lines before it, or take the whole script"
        return Diagnostic("not-here", message, problem.span, text=problem.text, path=problem.path)

    def _prepare_all(self, script: ast.Script, given: frozenset[str]) -> None:
        checker, origin = ScriptChecker(self.names, given), Origin(script.text, script.path)
        for statement in script.statements:
            checked = checker.statement(statement, origin)
            finish = self._prepare(statement, checked)
            if finish is not None:
                self._answering.waiting.finishes.append(finish)
        self.remarks += [note.message for note in checker.notes if note.code == "not-imported"]

    def _flush(self) -> None:
        """Compute what waits, then let each statement give its result."""
        waiting = self._answering.take()
        if waiting.ready or waiting.looked_at or len(waiting.finishes) > 1:
            self._rehearse(waiting.steps)
        if not waiting.ready:
            self._finish(waiting.finishes)
            return
        ask = self.ask
        told = None if ask is None else lambda plan: ask(self._view(plan, waiting.ready))
        with self._computing.computed(waiting.ready, self._what, told):
            self._finish(waiting.finishes)

    def _rehearse(self, steps: Sequence[Step]) -> None:
        """Have DuckDB bind the script's SQL over empty relations: what it refuses is told before anything runs."""
        con = self.catalogue.connection
        rehearse(con, steps, partial(self._answering.provide, con), lambda sql: self._refused(sql.span))

    @property
    def _what(self) -> str:
        """The script in one line, for who looks at running queries."""
        return _in_one_line(self._text)

    def _finish(self, finishes: Sequence[Finish]) -> None:
        for finish in finishes:
            result = finish()
            if result is not None:
                self._results.append(result)
        self._tables.forget()

    # ------------------------------------------------------------ statements

    def _prepare(self, statement: ast.Statement, checked: Checked) -> Finish | None:
        """Plan one statement; what it returns is called when its answers are computed."""
        match checked:
            case CheckedNames():
                return _together([self._prepare(statement, part) for part in checked.parts])
            case CheckedLet():
                return self._let(checked)
            case CheckedSet() | CheckedShow() if not self._planning:
                return None
            case CheckedSet():
                if checked.setting == "device":
                    self.resources.device = device_of(str(checked.value or "cpu"), checked.span)
                if checked.setting in {"backend", "workers"}:
                    backend, workers = self._spread
                    backend = self.names.setting("backend") or backend
                    self.resources.spread = spread_of(backend, self.names.setting("workers") or workers, checked.span)
                if checked.setting == "memory":
                    self._limit_memory(self._limit if checked.value is None else size_of(checked.value))
                self._sized |= checked.setting == "cache_size"
                if checked.setting == "precision":
                    self.known.precision = str(checked.value or "float32")
                if checked.setting == "on_error":
                    self.known.lenient = checked.value == "skip"
                return None
            case CheckedShow():
                from .show import show

                rows = show(checked.statement, self)
                return lambda: Result(self._source(statement.span), rows)
            case CheckedPlan():
                return self._plan_statement(statement, checked)
            case CheckedQuery():
                return self._query(statement, checked)
            case CheckedSql():
                return self._sql(statement, checked)

    def _let(self, checked: CheckedLet) -> Finish | None:
        """An answer or rows of SQL become a view of the name."""
        name, thing = checked.name, checked.thing
        made: Callable[[], object] = int
        steps = self._answering.waiting.steps
        if isinstance(thing, Answer) and thing.query is not None:
            relation = self._answering.ready(thing.query).relation
            made = partial(self._answering.execute, f'CREATE TEMP VIEW {encode_name(name)} AS FROM "{relation}"')
            steps.append(lambda rehearsal: rehearsal.same(name, relation))
        elif isinstance(thing, Table) and thing.sql is not None:
            sql = thing.sql
            kind = "TABLE" if sql.values else "VIEW"  # a view cannot hold the values of parameters
            placed = self._answering.placed(sql)
            made = partial(self._answering.execute, f"CREATE TEMP {kind} {encode_name(name)} AS ", placed, sql=[sql])
            steps.append(lambda rehearsal: rehearsal.rows(name, placed, sql))
        else:
            steps.append(lambda rehearsal: rehearsal.forget(name))

        def finish() -> None:
            self._tables.release(name)
            put_away(name, self.catalogue.connection)
            made()

        return finish

    def _query(self, statement: ast.Statement, query: CheckedQuery) -> Finish:
        ready = self._answering.ready(query)
        into = statement.into if isinstance(statement, ast.Query) else None
        if into is not None and into.is_file:
            check_file(into)
        elif into is not None and into.name.lower() not in self._dropped:
            self._tables.refuse_hidden(into.name, into.span)
            self._tables.refuse_foreign(into.name, ready.planned.has_evidence, into.span)
        name = into.name if into is not None and not into.is_file else None
        self._answering.waiting.steps.append(partial(self._rehearsed, ready, into))
        return lambda: self._finish_query(statement, ready, name)

    def _without_rows(self, planned: PlannedQuery, methods: Sequence[MethodDeclaration]) -> list[str]:
        """A remark for each answer that has no row before WHERE, as where no groups were found."""
        told = {m.name: m.empty for m in methods if planned.verb in m.verbs and m.empty}
        empty = (a for a in planned.answers if isinstance(a, UnitAnswer) and not self._rows_of(a))
        return [f"{a.method}, {a.layer} of {a.model}: {told[a.method]}" for a in empty if a.method in told]

    def _rows_of(self, answer: Operator) -> int:
        held = self.store.find(answer)
        return 1 if held is None else held.rows

    @staticmethod
    def _rehearsed(ready: Ready, into: ast.Into | None, rehearsal: Rehearsal) -> None:
        """The tables that an answer becomes."""
        if into is not None and into.is_file:
            rehearsal.files = True
            return
        name = into.name if into is not None else _own_name(ready)
        rehearsal.answer(name, ready.planned.verb)
        if ready.planned.has_evidence:
            rehearsal.answer(f"{name}_evidence", "EVIDENCE")

    def _finish_query(self, statement: ast.Statement, ready: Ready, name: str | None) -> Result:
        rows, planned = self._answering.arrow(ready.relation), ready.planned
        methods = self.names.methods()
        remarks = (
            *planned.notes, *unnamed(rows, planned.verb, methods), *self._without_rows(planned, methods),
            *nothing_selected(ready.query), *one_word(rows, ready.query),
        )  # fmt: skip
        source = self._source(statement.span)
        if isinstance(statement, ast.Query) and statement.into is not None and statement.into.is_file:
            path = write_rows(rows, statement.into)
            return Result(source, rows, remarks=(*remarks, f"wrote {path}"))
        # Not before now: images may have been left out, and the content is another one.
        name = name or _own_name(ready)
        pending = Pending(
            name, ready.content, ready.relation, planned, source, self._whole_script(), json.dumps(self._given)
        )
        self._tables.add(pending)
        return Result(source, rows, name, pending.evidence, remarks=remarks)

    def _plan_statement(self, statement: ast.Statement, checked: CheckedPlan) -> Finish | None:
        planned = self._answering.planned_only(checked.body)
        self._answering.waiting.steps += planned.steps
        if self._dry:
            if checked.analyze:
                raise Diagnostic("not-here", "PLAN ANALYZE runs the query; PLAN only shows it", statement.span)
            self._answering.waiting.ready += planned.ready
            return None

        def finish() -> Result:
            # By now what the lines above have asked for is in the store.
            view = self._analysed(planned) if checked.analyze else self._viewed(planned.ready)
            return Result(self._source(statement.span), view.rows, text=view.text, plan=view)

        return finish

    def _plan_rows(self, checked: CheckedPlan) -> pa.Table:
        """PLAN as a relation in SQL."""
        planned = self._answering.planned_only(checked.body)
        return (self._analysed(planned) if checked.analyze else self._viewed(planned.ready)).rows

    def _viewed(self, queries: Sequence[Ready]) -> PlanView:
        with self.store.glance():
            return self._view(self._computing.optimized(queries), queries)

    def _view(self, plan: Plan, queries: Sequence[Ready], measures: Mapping[str, Measure] | None = None) -> PlanView:
        from .render_plan import view_of

        return view_of(plan, self.store, [q.planned for q in queries], self.resources, measures)

    def _analysed(self, planned: Waiting) -> PlanView:
        """The plan with what each node took: it is run, its answers go nowhere."""
        queries = planned.ready
        whole = self._computing.optimized(queries)
        with self._computing.computed(queries, self._what) as (plan, measures):
            if any(q.query.verb == "EVALUATE" for q in queries):
                # The plan is in two parts: metrics are computed when the rows they measure are there.
                self._finish(planned.finishes)
                for query in queries:
                    measures.update(query.measures)
                plan = whole
            return self._view(plan, queries, measures)

    # ------------------------------------------------------------ SQL

    def _sql(self, statement: ast.Statement, sql: CheckedSql) -> Finish:
        import duckdb

        placed = self._answering.placed(sql, empty=explains(sql.sql.text))
        try:
            self.catalogue.connection.extract_statements(placed.text)
        except duckdb.Error as error:
            raise self._refused(sql.span) or diagnostic_of(error, placed) from error
        self._refuse_lost_view(sql)
        self._dropped |= {name.lower() for name in tables_dropped(sql.sql.text)}
        self._answering.waiting.steps.append(lambda rehearsal: rehearsal.statement(placed, sql))
        source = self._source(statement.span)

        def fetch(con: Any) -> Result:
            return Result(source, self._answering.fetch(con, sql, placed))

        def finish() -> Result | None:
            try:
                return self._transaction.run(placed.text, fetch, self._results)
            except Diagnostic as problem:
                told = self._refused(sql.span) if problem.code == "sql-error" else None
                if told is not None:
                    raise told from problem.__cause__
                raise

        return finish

    def _refuse_lost_view(self, sql: CheckedSql) -> None:
        """A view or macro in the catalogue that reads what only a session has would be unreadable for ever after."""
        kind = stored_text(sql.sql.text)
        if kind is None:
            return
        lost = [name for name, _ in provided(sql.sql.text, self.names)]
        named = {name.lower() for name in named_in(sql.sql.text)}
        lost += [name for name in self.names.made if name.lower() in named]
        if lost or sql.islands:
            what = "the query in it" if sql.islands else lost[0]
            message = f"A {kind} that is kept cannot read {what}, which lives in a session only"
            short = "LET v = (SELECT …) or CREATE TEMP VIEW" if kind == "view" else "CREATE TEMP MACRO"
            hint = f"CREATE TABLE keeps the rows; {short} lasts as long as the session"
            raise Diagnostic("sql-error", message, sql.span, hint=hint)

    def _refused(self, span: ast.Span) -> Diagnostic | None:
        """What DuckDB refused because it was meant for clq, told as such."""
        known = self.catalogue.connection.sql("SELECT name FROM duckdb_settings()").fetchall()
        return refused(self._text, span, frozenset(row[0] for row in known))

    def _rows(self, body: CheckedQuery | CheckedSql) -> Rows | None:
        """The rows of a subquery in a slot: everything before it is computed first; None in a dry run that would have
        to compute something for it."""
        waiting = self._answering.waiting
        waiting.steps += self._answering.planned_only(body).steps
        if self._dry and (waiting.ready or isinstance(body, CheckedQuery) or body.islands or not self._planning):
            return None
        self._settle()
        if isinstance(body, CheckedQuery):
            ready = self._answering.ready(body)
            self._settle()
            found = self._answering.arrow(ready.relation)
        else:
            placed = self._answering.placed(body)
            self._settle()
            found = self._answering.fetch(self.catalogue.connection, body, placed)
        return {name: found[name].to_pylist() for name in found.column_names}

    def _settle(self) -> None:
        self._flush()
        self._tables.commit()

    def _table(self, name: str) -> NamedThing | None:
        """A table of the catalogue under a name: an answer if clq made it, else rows of the user's."""
        if not self._tables.has(name):
            return None
        verb = self._tables.verb_of(name)
        if verb is not None:
            return Answer(name, verb)
        columns = self._tables.columns_of(name)
        return None if columns is None else Table(name, held=columns)

    def _whole_script(self) -> str:
        """The text that makes the tables of this run again: the names that earlier runs have given, then the run."""
        return ";\n".join([*self._history, self._text.strip().rstrip(";")])

    def _source(self, span: ast.Span) -> str:
        return self._text[span.start : span.end]


def named_for_good(script: ast.Script) -> set[str]:
    """The names of tables that a script leaves other than it has found them, in small letters."""
    out: set[str] = set()
    for statement in script.statements:
        text = script.text[statement.span.start : statement.span.end]
        if isinstance(statement, ast.Let):
            continue
        made = {*would_make(text), *tables_made(text), *tables_dropped(text)}
        out |= {f"{name}{end}".lower() for name in made for end in ("", "_evidence")}
    return out


def _in_one_line(text: str) -> str:
    """The beginning of a script."""
    return " ".join(text.split())[:200]


def _own_name(ready: Ready) -> str:
    """What the table of an answer is called to which nobody gave a name."""
    return f"{ready.planned.verb.lower()}_{ready.content[:8]}"


def _names_made(script: ast.Script) -> list[str]:
    """The statements that give names, as they were written."""
    makers = (ast.Let, ast.ParamStatement, ast.SetStatement, ast.Define, ast.Import)
    return [script.text[s.span.start : s.span.end] for s in script.statements if isinstance(s, makers)]


def _plain(value: Any) -> bool:
    return value is None or isinstance(value, (str, int, float, bool, list))


def _together(finishes: Sequence[Finish | None]) -> Finish | None:
    """One finish for the statements of an imported file, which give no result."""
    todo = [finish for finish in finishes if finish is not None]

    def finish() -> None:
        for one in todo:
            one()

    return finish if todo else None


def nothing_selected(query: CheckedQuery) -> list[str]:
    """A remark for each layer of which a subquery has selected no unit."""
    empty = dict.fromkeys(f"{t.layer} of {t.model.name}" for t in query.units if t.units == ())
    return [f"no unit of {layer} was selected: the subquery gave no rows" for layer in empty]


def one_word(rows: pa.Table, query: CheckedQuery) -> list[str]:
    """A remark where one word was to be compared with others, and there are none."""
    import pyarrow.compute as pc

    words = texts_of(query.words)
    if query.verb != "EXPLAIN" or not rows.num_rows or words is None or len(words.spec.texts()) != 1:
        return []
    scores = pc.abs(rows["score"].cast("double"))
    if pc.max(scores).as_py() is None or pc.max(scores).as_py() > 1e-6:
        return []
    return ["one word alone scores 0 everywhere: these scores compare words, so give WITH several"]


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
            targets = len(set(own["target"].to_pylist()))
            what = "units" if set(own["kind"].to_pylist()) == {"unit"} else "targets"
            out.append(f"{method.name}: {none} of {targets} {what} have no concept: {method.abstains}")
    return out
