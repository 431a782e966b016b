"""Rounds as the process that runs the plan sees them: which shards are lacking, how far they are, what they took."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from .inputs import Reading
from .measure import Measure, Rates, decode_rate, pass_rate, scan_rate
from .operator import Scan
from .plan import Round
from .resources import Resources
from .reuse import remember
from .schedule import Task
from .shards import Made, Share, Work, earlier_rows, identities_of, row_ids, shard_of, shares_of, union
from .store import rows_of
from .unread import Unreadable, keep_readable


class OpenRound:
    """A round from the moment that its inputs are there until its artifacts are declared whole."""

    def __init__(self, round_: Round, reading: Reading) -> None:
        self.round, self.reading, self.began = round_, reading, time.perf_counter()
        self.images = len(reading.opened(round_.dataset))
        self.shares: Sequence[Share] = shares_of(round_, self.images, reading)
        self.work = [Work() for _ in self.shares]
        self.seconds, self.decoded = 0.0, 0
        self.unread: dict[int, Exception] = {}
        self.files: dict[str, dict[range, tuple[str, int]]] = {}
        for share in self.shares:
            for scan in share.scans:
                there = reading.store.shards(scan)
                self.files[scan.key] = {shard: (path.name, rows_of(path)) for shard, path in there.items()}

        if reading.resources.spread.backend != "inline":
            self._keep_known()

    def _keep_known(self) -> None:
        """Workers elsewhere take rows from earlier artifacts in many tasks: the lease of this process keeps these."""
        ids = identities_of(self.round, self.images)
        if ids is not None and any(True for _ in self.todo()):
            for share in self.shares:
                for scan in share.scans:
                    earlier_rows(scan, share, ids, self.reading)

    @property
    def total(self) -> int:
        """How many images the round is about."""
        import numpy as np

        some = [s.chosen for s in self.shares if s.chosen is not None]
        return len(np.unique(np.concatenate(some))) if len(some) == len(self.shares) else self.images

    def needed(self, shard: range) -> int:
        """How many images of a shard the round is about."""
        return len(union(self.shares, shard))

    def shard(self, number: int) -> range:
        return shard_of(number, self.reading.resources.shard, self.images)

    @property
    def shards(self) -> int:
        """How many there are."""
        return len(self._numbers)

    def todo(self) -> Iterator[int]:
        """The shards that are not there, or not of every scan."""
        for number in self._numbers:
            shard = self.shard(number)
            if any(
                shard not in self.files[scan.key] and share.many(shard)
                for share in self.shares for scan in share.scans
            ):  # fmt: skip
                yield number

    def add(self, number: int, made: Made) -> None:
        """Take note of a shard."""
        for key, file in made.files.items():
            self.files[key][self.shard(number)] = file
        self.seconds += made.seconds
        self.decoded += made.decoded
        self.unread.update(made.unread)
        for mine, its in zip(self.work, made.work, strict=True):
            mine.seconds += its.seconds
            mine.images += its.images

    def finish(self, rates: Rates) -> dict[str, Measure]:
        """Declare what the round made, share its time out, and learn from it what an image costs.

        A pass's own time is divided among its scans; what is left (decoding, writing) among all scans of the round.
        Raises Unreadable if images were left out.
        """
        store, device = self.reading.store, self.reading.resources.device
        self._leave_rows()
        if self.unread:
            raise Unreadable(self.round.dataset, self.unread)
        left = max(0.0, self.seconds - sum(w.seconds for w in self.work)) / len(self.files)
        measures = {}
        for share, work in zip(self.shares, self.work, strict=True):
            each = work.seconds / len(share.scans) + left
            for scan in share.scans:
                held = store.find(scan) or store.finish(scan, self._paths(scan), self._rows(scan), each, {})
                measures[scan.key] = Measure(each, held.rows, held.bytes, work.images)
                rates.learn(scan_rate(scan, device), work.seconds, work.images)
            rates.learn(pass_rate(share.scans[0], device), work.seconds, work.images)
        if self.decoded == max(w.images for w in self.work):
            rates.learn(decode_rate(self.round.dataset), left * len(self.files), self.decoded)
        return measures

    def _leave_rows(self) -> None:
        """Let later work on the same images find what was made of them."""
        import numpy as np

        ids, store = identities_of(self.round, self.images), self.reading.store
        if ids is None:
            return
        unread = np.array(sorted(self.unread), np.int64)
        for share in self.shares:
            for scan in share.scans:
                found = row_ids(scan, share, ids, self.reading)
                if found is not None and not len(unread):
                    remember(store, scan, found[1])
                elif found is not None:
                    keep_readable(store, scan, self._paths(scan), found[1][~np.isin(found[0], unread)])

    def _paths(self, scan: Scan) -> list[Path]:
        """The files of a scan, in the order of the images."""
        have, folder = self.files[scan.key], self.reading.store.folder(scan.key)
        return [folder / have[shard][0] for number in self._numbers if (shard := self.shard(number)) in have]

    def _rows(self, scan: Scan) -> int:
        have = self.files[scan.key]
        return sum(have[shard][1] for number in self._numbers if (shard := self.shard(number)) in have)

    @property
    def _numbers(self) -> range:
        return range(-(-self.images // self.reading.resources.shard))


@dataclass
class Shown:
    """Progress over rounds that may overlap: one is shown at a time, the others catch up when it is their turn."""

    resources: Resources
    rounds: dict[int, tuple[str, int]] = field(default_factory=dict)
    done: dict[int, int] = field(default_factory=dict)
    told: dict[Task, int] = field(default_factory=dict)
    shown: int | None = None
    bar: ExitStack = field(default_factory=ExitStack)

    def open(self, step: int, title: str, total: int) -> None:
        self.rounds[step], self.done[step] = (title, total), 0
        self._show()

    def advance(self, step: int, images: int) -> None:
        """Some images of a round are done."""
        self.done[step] += images
        if step == self.shown and images:
            self.resources.progress.advance(images)

    def tell(self, task: Task, images: int) -> None:
        """Some images of a shard that is not done yet."""
        self.told[task] = self.told.get(task, 0) + images
        self.advance(task.step, images)

    def complete(self, task: Task, images: int) -> None:
        """A shard of so many images is done."""
        self.advance(task.step, images - self.told.pop(task, 0))

    def close(self, step: int) -> None:
        del self.rounds[step]
        if step == self.shown:
            self.end()
        self._show()

    def end(self) -> None:
        """Nothing is shown any more, whatever was done."""
        self.shown = None
        self.bar.close()

    def _show(self) -> None:
        if self.shown is None and self.rounds:
            self.shown = min(self.rounds)
            progress = self.bar.enter_context(self.resources.showing(*self.rounds[self.shown]))
            if self.done[self.shown]:
                progress.advance(self.done[self.shown])
