"""Carrying out a plan: rounds over images, shard by shard, and the global operators between them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import debug
from .artifact import Artifact
from .interrupt import stop_if_asked
from .measure import Measure, Rates, decode_rate, global_rate, pass_rate, scan_rate
from .memory import consumed
from .operator import Consumer, Global, Operator, Rowwise, Scan, Source
from .plan import Pass, Plan, Round, naive
from .reader import batches
from .resources import Resources
from .reuse import Known, computed_rows, ids_of, known_rows, remember
from .rules import RULES, Rule
from .store import Store, rows_of
from .unread import Unreadable, keep_readable

if TYPE_CHECKING:
    import numpy as np

    Rows = dict[str, np.ndarray]


def optimize(roots: Iterable[Operator], store: Store, rules: Sequence[Rule] = RULES) -> Plan:
    """The plan for `roots` after all rules."""
    plan = naive(roots)
    talk = debug.level()
    for rule in rules:
        plan = rule(plan, store)
        if talk >= 3:
            debug.show_plan(f"after {rule.__name__}", plan)
    if talk:
        debug.show_plan("plan", plan)
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


def run(plan: Plan, store: Store, resources: Resources) -> dict[str, Measure]:
    """Carry out every step; afterwards the store has the artifact of each root. What each node took, by its key.

    A run that was killed is taken up after the last whole shard. Raises Diagnostic for what the user can mend.
    """
    talk, measures, rates = debug.level(), {}, Rates.load(store.root)
    reading = Reading(store, resources)
    if plan.steps:
        store.check_writable()
    number = 0
    for step in plan.steps:
        stop_if_asked()
        if isinstance(step, Round):
            number += 1
            resources.counts["rounds"] += 1
            what = f"round {number} over {step.dataset.name}"
            with resources.traced(what, "round"):
                made = _run_round(step, f"round {number}/{len(plan.rounds)}", reading, rates)
        else:
            what = step.operator.label()
            with resources.traced(what, "operator", key=step.operator.key):
                made = {step.operator.key: _compute(step.operator, reading, rates)}
        measures.update(made)
        if talk >= 2:
            debug.show_step(what, sum(m.seconds for m in made.values()), made)
    rates.save()
    return measures


def _compute(operator: Global, reading: Reading, rates: Rates) -> Measure:
    began = time.perf_counter()
    if isinstance(operator, Rowwise):
        result = computed_rows(operator, reading, reading.store, reading.resources)
    else:
        result = operator.compute(reading, reading.resources)
    seconds = time.perf_counter() - began
    held = reading.store.put(operator, result, seconds)
    if debug.level() >= 4:
        read = [a for i in operator.inputs if (a := reading.store.find(i)) is not None]
        debug.show_call(operator, read, result, reading.resources.device)
    name = global_rate(operator, reading.resources.device)
    rates.learn(name, seconds, max(held.rows, 1))
    rates.learn(f"rows of {name}", float(max(held.rows, 1)), 1)
    return Measure(time.perf_counter() - began, held.rows, held.bytes)


@dataclass
class _Started:
    """Scans of a pass that need the same images: their consumer, these images, and which shards of each scan exist."""

    label: str
    scans: tuple[Scan, ...]
    consumer: Consumer
    wanted: np.ndarray
    shards: list[dict[range, Path]]
    known: list[Known | None]
    seconds: float = 0.0
    images: int = 0

    def lacks(self, shard: range) -> bool:
        """Whether there are images in a shard, and a scan without it."""
        return len(self.within(shard)) > 0 and not all(shard in have for have in self.shards)

    def missing(self, shard: range) -> np.ndarray:
        """The images of a shard that must be read: those for which a scan without the shard knows no row either."""
        inside = self.within(shard)
        if not self.lacks(shard):
            return inside[:0]
        lacking = [k for have, k in zip(self.shards, self.known, strict=True) if shard not in have]
        if any(k is None for k in lacking):
            return inside
        there = sum(k.has(inside).astype(int) for k in lacking if k is not None)
        return inside[there < len(lacking)]

    def within(self, shard: range) -> np.ndarray:
        return self.wanted[(self.wanted >= shard.start) & (self.wanted < shard.stop)]


def _start(work: Pass, images: int, ids: np.ndarray | None, reading: Reading) -> list[_Started]:
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
            [None if ids is None or not s.rowwise else known_rows(reading.store, s, ids) for s in scans],
        )
        for wanted, scans in groups.values()
    ]  # fmt: skip


def _run_round(round_: Round, title: str, reading: Reading, rates: Rates) -> dict[str, Measure]:
    import numpy as np

    resources, store = reading.resources, reading.store
    images = reading.opened(round_.dataset)
    began = time.perf_counter()
    ids = _ids(round_, len(images))
    passes = [started for p in round_.passes for started in _start(p, len(images), ids, reading)]
    total = len(np.unique(np.concatenate([p.wanted for p in passes])))
    names = ", ".join(dict.fromkeys(p.label for p in passes))
    whole = [range(n, min(n + resources.shard, len(images))) for n in range(0, len(images), resources.shard)]
    decoded = resources.counts["decoded"]
    unread: dict[int, Exception] | None = {} if resources.lenient and round_.dataset.identities is not None else None
    with resources.showing(f"{title} {round_.dataset.name}: {names}", total) as progress:
        for shard in whole:
            needed = np.unique(np.concatenate([p.within(shard) for p in passes]))
            active = [p for p in passes if p.lacks(shard)]
            block = np.unique(np.concatenate([needed[:0], *(p.missing(shard) for p in active)]))
            if len(block) < len(needed):
                progress.advance(len(needed) - len(block))
            if active:
                _fill_shard(shard, block, active, images, store, resources, progress.advance, unread)
    decoded = resources.counts["decoded"] - decoded
    if ids is not None:
        _leave_rows(passes, whole, ids, np.array(sorted(unread or ()), np.int64), store)
    if unread:
        raise Unreadable(round_.dataset, unread)
    return _finish(round_, passes, whole, time.perf_counter() - began, decoded, reading, rates)


def _leave_rows(
    passes: Sequence[_Started], whole: Sequence[range], ids: np.ndarray, unread: np.ndarray, store: Store
) -> None:
    """Let later work on the same images find what was made of them."""
    import numpy as np

    for p in passes:
        for scan, have in zip(p.scans, p.shards, strict=True):
            if scan.rowwise and not len(unread):
                remember(store, scan, ids[p.wanted])
            elif scan.rowwise:
                readable = ids[p.wanted[~np.isin(p.wanted, unread)]]
                keep_readable(store, scan, [have[shard] for shard in whole if shard in have], readable)


def _ids(round_: Round, count: int) -> np.ndarray | None:
    """What each image is, if the data set can tell and a scan could make use of it."""
    identities = round_.dataset.identities
    if identities is None or not any(s.rowwise for s in round_.scans):
        return None
    found = identities()
    if len(found) != count:
        raise ValueError(f"{round_.dataset.name} has {count} images and {len(found)} identities")
    return ids_of(found)


def _finish(
    round_: Round, passes: Sequence[_Started], whole: Sequence[range], seconds: float, decoded: int, reading: Reading,
    rates: Rates,
) -> dict[str, Measure]:  # fmt: skip
    """Declare what a round made, share its time out, and learn from it what an image costs.

    A pass's own time is divided among its scans; what is left (decoding, writing) among all scans of the round.
    """
    device = reading.resources.device
    left = max(0.0, seconds - sum(p.seconds for p in passes)) / sum(len(p.scans) for p in passes)
    made = {}
    for p in passes:
        each = p.seconds / len(p.scans) + left
        for scan, have in zip(p.scans, p.shards, strict=True):
            files = [have[shard] for shard in whole if shard in have]
            held = reading.store.finish(scan, files, sum(map(rows_of, files)), each, {})
            made[scan.key] = Measure(each, held.rows, held.bytes, p.images)
            rates.learn(scan_rate(scan, device), p.seconds, p.images)
        rates.learn(pass_rate(p.scans[0], device), p.seconds, p.images)
    if decoded == max(p.images for p in passes):
        rates.learn(decode_rate(round_.dataset), max(0.0, seconds - sum(p.seconds for p in passes)), decoded)
    return made


def _fill_shard(
    shard: range, block: np.ndarray, active: Sequence[_Started], images: Any, store: Store, resources: Resources,
    tell: Callable[[int], None], unread: dict[int, Exception] | None,
) -> None:  # fmt: skip
    """Read the images of one shard once and store what every pass makes of them.

    Where unreadable images are left out, a shard that lacks some is stored as a part.
    """
    import numpy as np

    parts: list[list[list[dict[str, np.ndarray]]]] = [[[] for _ in p.scans] for p in active]
    todo = [p.missing(shard) for p in active]
    coming = batches(images, block, resources, unread)
    while True:
        with resources.traced("wait for decoded images", "decode"):
            batch = next(coming, None)
        if batch is None:
            break
        stop_if_asked()
        for p, needed, held in zip(active, todo, parts, strict=True):
            part = batch.only(np.isin(batch.indices, needed))
            if len(part.indices):
                began = time.perf_counter()
                with resources.traced(p.label, "pass", images=len(part.indices)):
                    made = consumed(p.consumer, part, resources)
                p.seconds += time.perf_counter() - began
                p.images += len(part.indices)
                for rows, out in zip(made, held, strict=True):
                    out += rows
        tell(len(batch.indices))
    bad = np.array(sorted(unread or ()), np.int64)
    for p, needed, held in zip(active, todo, parts, strict=True):
        put = store.put_part if np.isin(needed, bad).any() else store.put_shard
        for scan, have, known, pieces in zip(p.scans, p.shards, p.known, held, strict=True):
            if shard not in have:
                joined = {name: np.concatenate([m[name] for m in pieces]) for name in pieces[0]} if pieces else {}
                inside = p.within(shard)
                whole = _with_known(joined, needed[~np.isin(needed, bad)], inside[~np.isin(inside, bad)], known)
                if whole:
                    with resources.traced(f"write {scan.label()}", "write"):
                        have[shard] = put(scan, shard, whole)


def _with_known(made: Rows, needed: np.ndarray, inside: np.ndarray, known: Known | None) -> Rows:
    """The rows of all images of a shard: those computed now, and those that earlier artifacts have."""
    import numpy as np

    if known is None or len(needed) == len(inside):
        return made
    others = inside[~np.isin(inside, needed)]
    taken = known.take(others)
    order = np.argsort(np.concatenate([needed, others]), kind="stable")
    return {k: np.concatenate([made[k], v])[order] if made else v for k, v in taken.items()}
