"""What EVALUATE measures: the jobs behind an answer of this script, or behind a table that an earlier one made."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ..engine.fingerprint import Fingerprints
from ..engine.operator import digest
from ..lang.checked import CheckedQuery, GroupTarget, UnitTarget
from ..lang.diagnostic import Diagnostic
from ..lang.targets import written_targets
from ..ops.judged import JudgedRows
from ..stdlib.catalog import Catalog
from ..stdlib.job import Judged
from ..stdlib.things import Dataset, Judge, Model
from .planning import PlannedQuery

if TYPE_CHECKING:
    import pyarrow as pa


def judged(query: CheckedQuery, planned: PlannedQuery, content: str, rows: pa.Table | None) -> list[Judged]:
    """One for each job of a planned query, which `query` measures. `content` names its rows, which may not be there
    yet; jobs that have no row left are not measured. Raises Diagnostic 'empty-data' if none has."""
    found = []
    for job, answer in zip(planned.jobs, planned.answers, strict=True):
        own = None if rows is None else _of_run(rows, answer.key)
        if own is None or own.num_rows:
            kept = JudgedRows(answer, content, answer.key, own)
            looked_at = (job.images, job.judge)
            found.append(Judged(kept, job.method, job.args, job.kind, job.model, job.layer, *looked_at, answer))
    if not found:
        raise _nothing_left(query)
    return found


def judged_earlier(
    query: CheckedQuery, name: str, rows: pa.Table, names: Catalog, known: Fingerprints, con: Any
) -> list[Judged]:
    """One for each run whose rows are in a table of the catalogue: its model is that of its targets, its images and
    judge are those that the run is recorded with, if they still go by their names. Raises Diagnostic."""
    assert query.source is not None
    span = query.source.span
    found = []
    for run in dict.fromkeys(rows["run"].to_pylist()):
        own = _of_run(rows, run)
        first = {column: own[column][0].as_py() for column in ("target", "layer", "method", "args", "kind")}
        (target,) = written_targets([first["target"]], span, names)
        if not isinstance(target, (UnitTarget, GroupTarget)) or not isinstance(target.model, Model):
            message = f"EVALUATE measures units and groups of them; {name} has rows about {first['target']}"
            raise Diagnostic("wrong-kind", message, span)
        content = digest([[str(v) for v in column] for column in own.to_pydict().values()])
        kept = JudgedRows(None, content, run, own)
        read = list(_recorded(run, names, known, con))
        found.append(
            Judged(
                kept, first["method"], first["args"] or "{}", "unit" if isinstance(target, UnitTarget) else "groups",
                target.model, target.layer, next((t for t in read if isinstance(t, Dataset)), None),
                next((t for t in read if isinstance(t, Judge)), None),
            )
        )  # fmt: skip
    if not found:
        raise _nothing_left(query)
    return found


def _recorded(run: str, names: Catalog, known: Fingerprints, con: Any) -> Iterator[Dataset | Judge]:
    """The images and the judge that a run read, where it read one alone and that is still what its name stands for."""
    sql = """
        SELECT kind, any_value(name), any_value(fingerprint) FROM clq.meta.sources
        WHERE run = ? AND kind IN ('dataset', 'judge') GROUP BY kind HAVING count(DISTINCT name) = 1
    """
    for _, name, fingerprint in con.execute(sql, [run]).fetchall():
        thing = names.find(name)
        if isinstance(thing, (Dataset, Judge)) and thing.spec.fingerprint(known) == fingerprint:
            yield thing


def _of_run(rows: pa.Table, run: str) -> pa.Table:
    import pyarrow.compute as pc

    return rows.filter(pc.equal(rows["run"], run))


def _nothing_left(query: CheckedQuery) -> Diagnostic:
    assert query.source is not None
    problem = Diagnostic("empty-data", "No rows are left here: there is nothing to measure", query.source.span)
    return problem if query.origin is None else query.origin.mark(problem)
