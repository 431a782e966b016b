"""Carrying out a plan: rounds over images, shard by shard, and the global operators between them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .artifact import Artifact
from .operator import Consumer, Operator, Scan, Source
from .plan import Pass, Plan, Round, naive
from .reader import batches
from .resources import Resources
from .rules import RULES, Rule
from .store import Store, rows_of

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
    if plan.steps:
        store.check_writable()
    number = 0
    for step in plan.steps:
        if isinstance(step, Round):
            number += 1
            resources.counts["rounds"] += 1
            _run_round(step, f"round {number}/{len(plan.rounds)}", reading)
        else:
            began = time.perf_counter()
            result = step.operator.compute(reading, resources)
            store.put(step.operator, result, time.perf_counter() - began)


@dataclass
class _Started:
    """Scans of a pass that need the same images: their consumer, these images, and which shards of each scan exist."""

    label: str
    scans: tuple[Scan, ...]
    consumer: Consumer
    wanted: np.ndarray
    shards: list[dict[range, Path]]

    def missing(self, shard: range) -> np.ndarray:
        """The images of a shard that must be read: none if every scan has it."""
        if all(shard in have for have in self.shards):
            return self.wanted[:0]
        return self.within(shard)

    def within(self, shard: range) -> np.ndarray:
        return self.wanted[(self.wanted >= shard.start) & (self.wanted < shard.stop)]


def _start(work: Pass, images: int, reading: Reading) -> list[_Started]:
    """A pass, started once for each selection of images among its scans: fusing must not change what a scan sees."""
    import numpy as np

    groups: dict[bytes, tuple[np.ndarray, list[Scan]]] = {}
    for scan in work.scans:
        chosen = scan.selected(reading)
        wanted = np.arange(images) if chosen is None else np.asarray(chosen, np.int64)
        groups.setdefault(wanted.tobytes(), (wanted, []))[1].append(scan)
    return [
        _Started(
            work.label, tuple(scans), type(scans[0]).start(scans, reading, reading.resources), wanted,
            [reading.store.shards(s) for s in scans],
        )
        for wanted, scans in groups.values()
    ]  # fmt: skip


def _run_round(round_: Round, title: str, reading: Reading) -> None:
    import numpy as np

    resources, store = reading.resources, reading.store
    images = reading.opened(round_.dataset)
    began = time.perf_counter()
    passes = [started for p in round_.passes for started in _start(p, len(images), reading)]
    total = len(np.unique(np.concatenate([p.wanted for p in passes])))
    names = ", ".join(dict.fromkeys(p.label for p in passes))
    whole = [range(n, min(n + resources.shard, len(images))) for n in range(0, len(images), resources.shard)]
    with resources.showing(f"{title} {round_.dataset.name}: {names}", total) as progress:
        for shard in whole:
            needed = np.unique(np.concatenate([p.within(shard) for p in passes]))
            active = [p for p in passes if len(p.missing(shard))]
            block = np.unique(np.concatenate([needed[:0], *(p.missing(shard) for p in active)]))
            if len(block) < len(needed):
                progress.advance(len(needed) - len(block))
            if active:
                _fill_shard(shard, block, active, images, store, resources, progress.advance)
    seconds = time.perf_counter() - began
    for p in passes:
        for scan, have in zip(p.scans, p.shards, strict=True):
            files = [have[shard] for shard in whole if shard in have]
            store.finish(scan, files, sum(map(rows_of, files)), seconds, {})


def _fill_shard(
    shard: range, block: np.ndarray, active: Sequence[_Started], images: Any, store: Store, resources: Resources,
    tell: Callable[[int], None],
) -> None:  # fmt: skip
    """Read the images of one shard once and store what every pass makes of them."""
    import numpy as np

    parts: list[list[list[dict[str, np.ndarray]]]] = [[[] for _ in p.scans] for p in active]
    for batch in batches(images, block, resources):
        for p, held in zip(active, parts, strict=True):
            part = batch.only(np.isin(batch.indices, p.wanted))
            if len(part.indices):
                for rows, out in zip(p.consumer.consume(part), held, strict=True):
                    out.append(rows)
        tell(len(batch.indices))
    for p, held in zip(active, parts, strict=True):
        for scan, have, made in zip(p.scans, p.shards, held, strict=True):
            if made and shard not in have:
                joined = {name: np.concatenate([m[name] for m in made]) for name in made[0]}
                have[shard] = store.put_shard(scan, shard, joined)
