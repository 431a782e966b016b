"""The shards of a round: which images each needs, and making one of them, all passes of it from one decode."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from .claims import claimed, name_of
from .inputs import Reading
from .interrupt import stop_if_asked
from .memory import consumed
from .operator import Consumer, PartialConsumer, Scan
from .plan import Round
from .reader import batches
from .reuse import Known, ids_of, ids_with, known_rows
from .store import rows_of

if TYPE_CHECKING:
    import numpy as np

    Rows = dict[str, np.ndarray]


@dataclass(frozen=True)
class Share:
    """Scans of one pass that need the same images: fusing must not change what a scan sees. Partial scans say of each
    image what they need of it, so theirs are the images of them all.

    `chosen` are these images, ascending; None for all `images` of the data set, which need no list.
    """

    label: str
    scans: tuple[Scan, ...]
    images: int
    chosen: np.ndarray | None

    @property
    def wanted(self) -> np.ndarray:
        import numpy as np

        return np.arange(self.images) if self.chosen is None else self.chosen

    def many(self, shard: range) -> int:
        """How many of its images are in a shard."""
        return len(shard) if self.chosen is None else len(self.within(shard))

    def within(self, shard: range) -> np.ndarray:
        """Its images in a shard. A round asks for every shard: what this takes may not grow with the data set."""
        import numpy as np

        if self.chosen is None:
            return np.arange(shard.start, shard.stop)
        first, stop = np.searchsorted(self.chosen, [shard.start, shard.stop])
        return self.chosen[first:stop]


def union(shares: Sequence[Share], shard: range) -> np.ndarray:
    """The images in a shard that some share needs."""
    import numpy as np

    return np.unique(np.concatenate([share.within(shard) for share in shares]))


def shares_of(round_: Round, images: int, reading: Reading) -> list[Share]:
    """The work of a round; equal rounds give equal lists in every process."""
    import numpy as np

    shares = []
    for work in round_.passes:
        groups: dict[bytes | None, tuple[np.ndarray | None, list[Scan]]] = {}
        for scan in work.scans:
            chosen = _some(scan.selected(reading), images)
            groups.setdefault(None if chosen is None else chosen.tobytes(), (chosen, []))[1].append(scan)
        if work.scans[0].partial:
            some = [chosen for chosen, _ in groups.values() if chosen is not None]
            every = _some(np.concatenate(some), images) if len(some) == len(groups) else None
            shares.append(Share(work.label, work.scans, images, every))
        else:
            shares += [Share(work.label, tuple(scans), images, chosen) for chosen, scans in groups.values()]
    return shares


def _some(chosen: np.ndarray | None, images: int) -> np.ndarray | None:
    """Chosen images, ascending; None if that is all of them."""
    import numpy as np

    found = None if chosen is None else np.unique(np.asarray(chosen, np.int64))
    return None if found is None or len(found) == images else found


def identities_of(round_: Round, images: int) -> np.ndarray | None:
    """What each image is, if the data set can tell and a scan could make use of it."""
    identities = round_.dataset.identities
    if identities is None or not any(s.rowwise or s.partial for s in round_.scans):
        return None
    found = identities()
    if len(found) != images:
        raise ValueError(f"{round_.dataset.name} has {images} images and {len(found)} identities")
    return ids_of(found)


def row_ids(scan: Scan, share: Share, ids: np.ndarray, reading: Reading) -> tuple[np.ndarray, np.ndarray] | None:
    """The rows that a scan will have, in their order: which image [rows] each is of, and what tells it apart [rows].

    `ids` are those of the images. None for a scan whose rows are not found again.
    """
    if scan.rowwise:
        return share.wanted, ids if share.chosen is None else ids[share.chosen]
    if scan.partial:
        at, tails = scan.rows(reading)
        return at, ids_with(ids[at], tails)
    return None


@dataclass
class Earlier:
    """Where earlier artifacts have the rows of a scan; `at` [rows] is the image of each row, ascending."""

    at: np.ndarray
    known: Known

    def within(self, shard: range) -> np.ndarray:
        """The numbers of the rows of a shard."""
        import numpy as np

        return np.arange(*np.searchsorted(self.at, [shard.start, shard.stop]))


def earlier_rows(scan: Scan, share: Share, ids: np.ndarray | None, reading: Reading) -> Earlier | None:
    """What earlier artifacts have of a scan; None if there are none."""
    found = None if ids is None else row_ids(scan, share, ids, reading)
    known = None if found is None else known_rows(reading.store, scan, found[1])
    return None if found is None or known is None else Earlier(found[0], known)


@dataclass
class Work:
    """What one share of a shard took."""

    seconds: float = 0.0
    images: int = 0


@dataclass
class Made:
    """One shard of a round: the file and its rows for each scan that has some, and what was done for it.

    `found`: another process has done it all. `work` is that of each share, in their order. `unread` are images that
    were left out, and why: the files are then parts of a shard.
    """

    files: dict[str, tuple[str, int]] = field(default_factory=dict)
    found: bool = False
    seconds: float = 0.0
    decoded: int = 0
    work: list[Work] = field(default_factory=list)
    unread: dict[int, Exception] = field(default_factory=dict)


class RoundWork:
    """A round as one worker does it. Models are opened with the first shard, and kept."""

    def __init__(self, round_: Round, reading: Reading, name: int) -> None:
        """`name`: which of the plan's rounds it is, from 1."""
        self.name = name
        self.reading, self.store, self.resources = reading, reading.store, reading.resources
        self.images = reading.opened(round_.dataset)
        self.shares = shares_of(round_, len(self.images), reading)
        self._ids = identities_of(round_, len(self.images))
        self._lenient = self.resources.lenient and round_.dataset.identities is not None
        self._started: dict[int, tuple[Consumer, list[Earlier | None]]] = {}

    def make(self, number: int, wait: bool, tell: Callable[[int], None]) -> Made | None:
        """One shard, unless it is there already; None if another worker is making a part of it, and `wait` is not
        asked for. `tell` hears how many images are done."""
        began, shard = time.perf_counter(), shard_of(number, self.resources.shard, len(self.images))
        there = self._there(shard)
        lacking = [s for share in self.shares for s in self._lacking(share, shard, there)]
        with claimed(self.store.root, (name_of(s, shard) for s in lacking), wait) as mine:
            if not mine:
                return None
            there = self._there(shard)  # another worker may have made it before the claim
            made = Made(work=[Work() for _ in self.shares])
            with self.resources.telling.span(f"shard {number}", "shard", first=shard.start, stop=shard.stop):
                made.found = not self._fill(shard, there, made, tell)
        made.files = {key: (path.name, rows_of(path)) for key, path in there.items()}
        made.seconds = time.perf_counter() - began
        self._told(shard, made)
        return made

    def _told(self, shard: range, made: Made) -> None:
        scans = [scan for share in self.shares for scan in share.scans if scan.key in made.files]
        self.resources.telling.shard_done(self.name, shard, len(union(self.shares, shard)), scans, made)

    def _there(self, shard: range) -> dict[str, Path]:
        found = ((s.key, self.store.shard(s, shard)) for share in self.shares for s in share.scans)
        return {key: path for key, path in found if path is not None}

    @staticmethod
    def _lacking(share: Share, shard: range, there: dict[str, Path]) -> list[Scan]:
        return [s for s in share.scans if s.key not in there] if share.many(shard) else []

    def _fill(self, shard: range, there: dict[str, Path], made: Made, tell: Callable[[int], None]) -> bool:
        """Read the images of a shard once and store what every pass makes of them. False if nothing was lacking."""
        import numpy as np

        active = [(n, share) for n, share in enumerate(self.shares) if self._lacking(share, shard, there)]
        if not active:
            return False
        todo = [self._missing(n, share, shard, there) for n, share in active]
        parts: list[list[list[Rows]]] = [[[] for _ in share.scans] for _, share in active]
        for batch in self._batches(np.unique(np.concatenate(todo)), made.unread if self._lenient else None):
            stop_if_asked()
            made.decoded += len(batch.indices)
            for (n, share), needed, held in zip(active, todo, parts, strict=True):
                part = batch.only(np.isin(batch.indices, needed))
                if len(part.indices):
                    began = time.perf_counter()
                    with self.resources.telling.span(share.label, "pass", images=len(part.indices)):
                        rows = consumed(self._start(n)[0], part, self.resources)
                    made.work[n].seconds += time.perf_counter() - began
                    made.work[n].images += len(part.indices)
                    for some, out in zip(rows, held, strict=True):
                        out += some
            tell(len(batch.indices))
        unread = np.array(sorted(made.unread), np.int64)
        for (n, share), needed, held in zip(active, todo, parts, strict=True):
            put = self.store.put_part if np.isin(needed, unread).any() else self.store.put_shard
            read = needed[~np.isin(needed, unread)]
            for scan, own, pieces in zip(share.scans, self._start(n)[1], held, strict=True):
                if scan.key not in there:
                    joined = {name: np.concatenate([m[name] for m in pieces]) for name in pieces[0]} if pieces else {}
                    whole = self._with_known(scan, joined, read, own, shard, unread)
                    if whole:
                        with self.resources.telling.span(f"write {scan.label()}", "write"):
                            there[scan.key] = put(scan, shard, whole)
        return True

    def _start(self, number: int) -> tuple[Consumer, list[Earlier | None]]:
        """The consumer of a share, and what earlier artifacts have of each of its scans."""
        if number not in self._started:
            share = self.shares[number]
            found = [earlier_rows(s, share, self._ids, self.reading) for s in share.scans]
            consumer = type(share.scans[0]).start(share.scans, self.reading, self.resources)
            if share.scans[0].partial:
                lacking = [None if own is None else own.known.lacking.nonzero()[0] for own in found]
                cast(PartialConsumer, consumer).only(lacking)
            self._started[number] = consumer, found
        return self._started[number]

    def _missing(self, number: int, share: Share, shard: range, there: dict[str, Path]) -> np.ndarray:
        """The images of a shard that must be read: those for which a scan without the shard knows no row either."""
        import numpy as np

        missing = []
        for scan, own in zip(share.scans, self._start(number)[1], strict=True):
            if scan.key not in there:
                if own is None:
                    return share.within(shard)
                inside = own.within(shard)
                missing.append(own.at[inside[own.known.lacking[inside]]])
        return np.unique(np.concatenate(missing))

    def _with_known(
        self, scan: Scan, made: Rows, read: np.ndarray, own: Earlier | None, shard: range, unread: np.ndarray
    ) -> Rows:
        """All rows of a shard: those computed now, of the images `read`, and those that earlier artifacts have."""
        import numpy as np

        if own is None:
            return made
        inside = own.within(shard)
        inside = inside[~np.isin(own.at[inside], unread)]
        computed = np.isin(own.at[inside], read)
        if scan.partial:
            computed &= own.known.lacking[inside]
        if computed.all():
            return made
        others = inside[~computed]
        order = np.argsort(np.concatenate([inside[computed], others]), kind="stable")
        taken = scan.placed(self.reading, own.known.take(others), others)
        return {k: np.concatenate([made[k], v])[order] if made else v for k, v in taken.items()}

    def _batches(self, indices: np.ndarray, unread: dict[int, Exception] | None) -> Iterator[Any]:
        coming = batches(self.images, indices, self.resources, unread)
        while True:
            with self.resources.telling.span("wait for decoded images", "decode"):
                batch = next(coming, None)
            if batch is None:
                return
            yield batch


def shard_of(number: int, size: int, images: int) -> range:
    """The images of a shard."""
    return range(number * size, min((number + 1) * size, images))
