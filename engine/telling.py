"""Where it is told what happens: once, here, for the trace, the ladder of $CLQ_DEBUG and the log alike.

The names of events and what they say of themselves are documented in docs/plans.md.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from logging import DEBUG, ERROR, INFO, WARNING
from typing import TYPE_CHECKING, Any

from ..lang.diagnostic import Diagnostic
from . import debug
from .log import Log
from .plan import Plan, Round, outputs
from .trace import Trace

if TYPE_CHECKING:
    from .artifact import Artifact, Result
    from .measure import Measure
    from .operator import Operator, Scan
    from .shards import Made


@dataclass
class Telling:
    """What one connection, or one worker, tells of its work."""

    trace: Trace | None = None
    log: Log = field(default_factory=Log)

    # ------------------------------------------------------------ a script

    @contextmanager
    def running(self, script: str, store: str) -> Iterator[None]:
        """A script runs within: all that is told meanwhile bears the name of this run."""
        before, self.log.run = self.log.run, uuid.uuid4().hex[:12]
        began = time.perf_counter()
        self.log.tell(INFO, "run_began", script=script, store=store)
        try:
            yield
        except BaseException as error:
            self._failed(error)
            raise
        finally:
            self.log.tell(INFO, "run_ended", seconds=_since(began))
            self.log.run = before

    def _failed(self, error: BaseException) -> None:
        if isinstance(error, Diagnostic):
            self.log.tell(ERROR, "failed", code=error.code, message=error.message, exit_code=error.exit_code)
        elif isinstance(error, KeyboardInterrupt):
            self.log.tell(WARNING, "interrupted")
        else:
            self.log.tell(ERROR, "failed", code=type(error).__name__, message=str(error), exit_code=1)

    # ------------------------------------------------------------ plans

    def rule_applied(self, rule: str, plan: Plan) -> None:
        if debug.level() >= 3:
            debug.show_plan(f"after {rule}", plan)

    def plan_made(self, plan: Plan) -> None:
        if debug.level() >= 1:
            debug.show_plan("plan", plan)
        passes = [p.label for r in plan.rounds for p in r.passes]
        self.log.tell(
            INFO, "plan_made", nodes=len(plan.order), cached=len(plan.cached), rounds=len(plan.rounds), passes=passes,
            lacking=sum(len(outputs(step)) for step in plan.steps),
        )  # fmt: skip

    # ------------------------------------------------------------ rounds and operators

    def round_opened(self, number: int, round_: Round, images: int, shards: int, lacking: int) -> None:
        """A round over `images` images in so many shards, of which some are `lacking`."""
        self.log.tell(
            INFO, "round_opened", round=number, dataset=round_.dataset.name, images=images, shards=shards,
            lacking=lacking, passes=[p.label for p in round_.passes],
        )  # fmt: skip

    def round_finished(
        self, number: int, round_: Round, began: float, measures: dict[str, Measure], decoded: int
    ) -> None:  # fmt: skip
        """`measures` are those of its scans, by key; `began` is of time.perf_counter()."""
        what, seconds = f"round {number} over {round_.dataset.name}", time.perf_counter() - began
        if self.trace is not None:
            self.trace.add(what, "round", began, seconds, decoded=decoded)
        for scan in round_.scans:
            self.operator_done(scan, measures[scan.key], found=False)
        self.step_done(what, measures)
        self.log.tell(
            INFO, "round_finished", round=number, dataset=round_.dataset.name, decoded=decoded,
            seconds=round(seconds, 4),
        )  # fmt: skip

    def shard_done(self, number: int, shard: range, images: int, operators: Sequence[Scan], made: Made) -> None:
        """A shard of a round, of which so many images were asked for."""
        self.log.tell(
            INFO, "shard_done", round=number, first=shard.start, stop=shard.stop, images=images, decoded=made.decoded,
            found=made.found, seconds=round(made.seconds, 4), operators=[o.label() for o in operators],
        )  # fmt: skip

    def operator_done(self, operator: Operator, measure: Measure, found: bool) -> None:
        """An artifact is whole; `found`: another process has computed it."""
        self.log.tell(
            INFO, "operator_done", key=operator.key, op=type(operator).__name__, label=operator.label(), found=found,
            seconds=measure.seconds, rows=measure.rows, bytes=measure.bytes, images=measure.images,
        )  # fmt: skip

    @staticmethod
    def step_done(what: str, measures: dict[str, Measure]) -> None:
        """A step of the plan, and what each of its operators took, by key."""
        if debug.level() >= 2:
            debug.show_step(what, sum(m.seconds for m in measures.values()), measures)

    @staticmethod
    def operator_called(
        operator: Operator, read: Iterator[Artifact], result: Result, rows: int, device: str
    ) -> None:  # fmt: skip
        """What a global operator has read and given; `read` is looked at only if somebody wants to know."""
        if debug.level() >= 4:
            debug.show_call(operator, list(read), result, rows, device)

    @contextmanager
    def span(self, name: str, kind: str, **facts: Any) -> Iterator[None]:
        """A span of the trace, if one is kept."""
        if self.trace is None:
            yield
            return
        with self.trace.span(name, kind, **facts):
            yield

    def pass_on(self, spans: Sequence[dict[str, Any]], records: Sequence[dict[str, Any]]) -> None:
        """What a worker in another process has told meanwhile."""
        if self.trace is not None:
            self.trace.events += spans
        self.log.pass_on(records)

    def gathered(self) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """In such a worker: the spans and records since this was last asked."""
        spans: list[dict[str, Any]] = []
        if self.trace is not None:
            spans, self.trace.events = self.trace.events, []
        records, self.log.kept = self.log.kept or [], []
        return spans, records

    # ------------------------------------------------------------ what went otherwise

    def batch_halved(self, images: int, batch: int, why: str) -> None:
        """A batch of so many images was too much; from now on one has `batch`."""
        self.log.tell(WARNING, "batch_halved", images=images, batch=batch, why=why)

    def worker_joined(self, worker: str) -> None:
        self.log.tell(DEBUG, "worker_joined", worker=worker)

    def worker_died(self, worker: str) -> None:
        self.log.tell(WARNING, "worker_died", worker=worker)

    # ------------------------------------------------------------ the store and the catalogue

    def artifact_stored(self, artifact: Artifact) -> None:
        facts = artifact.manifest
        self.log.tell(
            DEBUG, "artifact_stored", key=artifact.key, op=facts["op"], label=facts["label"], rows=artifact.rows,
            files=len(facts["files"]), bytes=artifact.bytes,
        )  # fmt: skip

    def artifact_damaged(self, key: str) -> None:
        self.log.tell(WARNING, "artifact_damaged", key=key)

    def artifact_uploaded(self, key: str) -> None:
        self.log.tell(DEBUG, "artifact_uploaded", key=key)

    def artifact_fetched(self, key: str) -> None:
        self.log.tell(DEBUG, "artifact_fetched", key=key)

    def settled(self, place: str, moved: Mapping[str, int], trouble: Diagnostic | None) -> None:
        """What went to and came from a store at a URL since the last time, and what kept some of it from going."""
        if trouble is not None:
            self.log.tell(WARNING, "upload_failed", place=place, code=trouble.code, message=trouble.message)
        got, put = (moved.get("got files", 0), moved.get("put files", 0))
        if got or put:
            self.log.tell(
                INFO, "remote_settled", place=place, fetched=got, fetched_bytes=moved.get("got bytes", 0), uploaded=put,
                uploaded_bytes=moved.get("put bytes", 0),
            )  # fmt: skip

    def swept(self, removed: int, leftovers: int, size: int, kept: int) -> None:
        """Artifacts and other files were removed; `size` bytes became free, `kept` are left."""
        self.log.tell(INFO, "swept", removed=removed, leftovers=leftovers, freed=size, kept=kept)

    def committed(self, size: int, seconds: float) -> None:
        """The catalogue was put in its place; the file has so many bytes."""
        self.log.tell(INFO, "committed", bytes=size, seconds=round(seconds, 4))

    def answer_kept(self, table: str, runs: Sequence[str]) -> None:
        """An answer is a table now; `runs` lead to meta.runs."""
        self.log.tell(INFO, "answer_kept", table=table, runs=list(runs))


def _since(began: float) -> float:
    return round(time.perf_counter() - began, 4)
