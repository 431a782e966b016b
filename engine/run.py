"""Carrying out a plan: rounds over images, shard by shard, and the global operators between them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .artifact import Artifact
from .operator import Consumer, Operator, Scan, Source
from .plan import Compute, Pass, Plan, Round, naive
from .reader import batches
from .resources import Batch, Resources
from .rules import RULES, Rule
from .store import Store

if TYPE_CHECKING:
    import numpy as np

    Rows = dict[str, np.ndarray]


def optimize(roots: Iterable[Operator], store: Store, rules: Sequence[Rule] = RULES) -> Plan:
    """The plan for `roots` after all rules."""
    plan = naive(roots)
    for rule in rules:
        plan = rule(plan, store)
    return plan


@dataclass
class Reading:
    """What operators read from: the store for artifacts, the resources for opened sources."""

    store: Store
    resources: Resources

    def artifact(self, operator: Operator) -> Artifact:
        found = self.store.find(operator)
        if found is None:
            raise LookupError(f"{operator.label()} has not been computed")
        return found

    def opened(self, source: Source) -> Any:
        return self.resources.open(source)


def run(plan: Plan, store: Store, resources: Resources) -> None:
    """Carry out every step; afterwards the store has the artifact of each root.

    A run that was killed is taken up after the last whole shard. Raises Diagnostic for what the user can mend.
    """
    reading = Reading(store, resources)
    total = len(plan.rounds)
    for step in plan.steps:
        if isinstance(step, Round):
            resources.counts["rounds"] += 1
            _run_round(step, f"round {resources.counts['rounds']}/{total}", reading)
        else:
            began = time.perf_counter()
            result = step.operator.compute(reading, resources)  # type: ignore[attr-defined]
            store.put(step.operator, result, time.perf_counter() - began)


@dataclass
class _Started:
    """A pass under way: its consumer, what its scans need of the images, and which of their shards exist."""

    work: Pass
    consumer: Consumer
    wanted: np.ndarray | None
    shards: list[dict[int, Any]]
    rows: list[int]

    def lacks(self, shard: int) -> bool:
        return any(shard not in have for have in self.shards)


def _start(work: Pass, reading: Reading) -> _Started:
    import numpy as np

    scans = work.scans
    consumer = type(scans[0]).start(scans, reading, reading.resources)
    selections = [s.selected(reading) for s in scans]
    wanted = None
    if all(s is not None for s in selections):
        wanted = np.unique(np.concatenate([s for s in selections if s is not None]))
    return _Started(work, consumer, wanted, [reading.store.shards(s) for s in scans], [0] * len(scans))


def _run_round(round_: Round, title: str, reading: Reading) -> None:
    import numpy as np

    resources, store = reading.resources, reading.store
    images = reading.opened(round_.dataset)
    began = time.perf_counter()
    passes = [_start(p, reading) for p in round_.passes]
    everything = np.arange(len(images))
    wanted = everything
    if all(p.wanted is not None for p in passes):
        wanted = np.unique(np.concatenate([p.wanted for p in passes if p.wanted is not None]))
    names = ", ".join(p.work.label for p in passes)
    with resources.showing(f"{title} {round_.dataset.name}: {names}", len(wanted)) as progress:
        for shard, first in enumerate(range(0, len(images), resources.shard)):
            block = wanted[(wanted >= first) & (wanted < first + resources.shard)]
            active = [p for p in passes if p.lacks(shard)]
            if len(block) and active:
                _fill_shard(shard, block, active, images, store, resources, progress.advance)
            elif len(block):
                progress.advance(len(block))
    seconds = time.perf_counter() - began
    for p in passes:
        for scan, have in zip(p.work.scans, p.shards, strict=True):
            files = [have[n] for n in sorted(have)]
            store.finish(scan, files, len(images) if p.wanted is None else len(p.wanted), seconds, {})


def _fill_shard(
    shard: int,
    block: np.ndarray,
    active: Sequence[_Started],
    images: Any,
    store: Store,
    resources: Resources,
    tell: Any,
) -> None:
    """Read the images of one shard once and store what every pass makes of them."""
    import numpy as np

    parts: list[list[list[Rows]]] = [[[] for _ in p.work.scans] for p in active]
    for batch in batches(images, block, resources):
        for p, held in zip(active, parts, strict=True):
            part = _restricted(batch, p.wanted)
            if len(part.indices):
                for rows, out in zip(p.consumer.consume(part), held, strict=True):
                    out.append(rows)
        tell(len(batch.indices))
    for p, held in zip(active, parts, strict=True):
        for place, (scan, gathered) in enumerate(zip(p.work.scans, held, strict=True)):
            if gathered and shard not in p.shards[place]:
                joined = {name: np.concatenate([rows[name] for rows in gathered]) for name in gathered[0]}
                p.shards[place][shard] = store.put_shard(scan, shard, joined)


def _restricted(batch: Batch, wanted: np.ndarray | None) -> Batch:
    import numpy as np

    return batch if wanted is None else batch.only(np.isin(batch.indices, wanted))


__all__ = ["Compute", "Reading", "Scan", "optimize", "run"]
