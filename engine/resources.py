"""What running needs and no key may know: device, batch size, opened things, progress, and counts of the work done."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from . import footprint
from .operator import Source
from .telling import Telling

if TYPE_CHECKING:
    import numpy as np


@dataclass
class Batch:
    """Some images of a data set, decoded once: `indices` [n] in the data set, `images` n arrays uint8 [H, W, 3]."""

    indices: np.ndarray
    images: list[np.ndarray]
    _made: dict[Hashable, Any] = field(default_factory=dict)

    def derived(self, key: Hashable, make: Callable[[list[np.ndarray]], Any]) -> Any:
        """Something made of the images (a preprocessed tensor), made once for all consumers that name the same key."""
        if key not in self._made:
            self._made[key] = make(self.images)
        return self._made[key]

    def only(self, keep: np.ndarray) -> Batch:
        """The images whose place in the batch is True in `keep` [n]."""
        if bool(keep.all()):
            return self
        return Batch(self.indices[keep], [image for image, k in zip(self.images, keep, strict=True) if k])


class Progress(Protocol):
    """Told about each round: a bar in a terminal, a callback in a notebook, nothing in a pipe."""

    def start(self, title: str, total: int) -> None: ...
    def advance(self, images: int) -> None: ...
    def finish(self) -> None: ...


class Silent:
    """No progress shown."""

    def start(self, title: str, total: int) -> None: ...
    def advance(self, images: int) -> None: ...
    def finish(self) -> None: ...


class Bar:
    """A tqdm bar for each round: images per second and time left."""

    def __init__(self) -> None:
        self._bar: Any = None

    def start(self, title: str, total: int) -> None:
        from tqdm import tqdm

        self._bar = tqdm(total=total, desc=title, unit=" images", leave=False, dynamic_ncols=True)

    def advance(self, images: int) -> None:
        self._bar.update(images)

    def finish(self) -> None:
        self._bar.close()


@dataclass
class Callback:
    """Calls `tell(title, done, total)` as a round goes on."""

    tell: Callable[[str, int, int], None]
    title: str = ""
    done: int = 0
    total: int = 0

    def start(self, title: str, total: int) -> None:
        self.title, self.done, self.total = title, 0, total
        self.tell(title, 0, total)

    def advance(self, images: int) -> None:
        self.done += images
        self.tell(self.title, self.done, self.total)

    def finish(self) -> None: ...


@dataclass(frozen=True)
class Spread:
    """Who computes: `inline`, this process; `processes`, others of this machine; `dask`, a cluster of this machine, or
    that at an address (`tcp://…`). `workers`: how many; None: one for each core, or all that the cluster has."""

    backend: str = "inline"
    workers: int | None = None

    @property
    def processes(self) -> int:
        """How many processes share this machine's memory: this one, and the workers that are here."""
        return 1 if self.backend == "inline" or "://" in self.backend else 1 + (self.workers or cores())


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass
class Resources:
    """`counts` tells how often what was done: 'decoded' images, 'forward <model>' images, 'rounds'."""

    device: str = "cpu"
    batch: int = 64
    workers: int = 2
    shard: int = 512
    limit: int | None = None  # bytes that all processes of this machine may hold together (engine.footprint)
    peak: int = 0  # the most bytes that a worker in another process has held
    lenient: bool = False  # unreadable images are left out, and told by Unreadable at the end of a round
    spread: Spread = Spread()
    progress: Progress = field(default_factory=Silent)
    counts: Counter[str] = field(default_factory=Counter)
    telling: Telling = field(default_factory=Telling)
    _opened: dict[tuple[str, str], Any] = field(default_factory=dict)
    _shown: bool = False

    def settings(self) -> dict[str, Any]:
        """What a worker in another process must be told of these."""
        return {"device": self.device, "batch": self.batch, "workers": self.workers, "shard": self.shard,
                "limit": self.own_limit, "lenient": self.lenient}  # fmt: skip

    @property
    def memory(self) -> int:
        """Bytes of arrays that an operator may hold at once."""
        return footprint.share(self.own_limit)

    @property
    def own_limit(self) -> int | None:
        """Bytes that one process may hold."""
        return None if self.limit is None else self.limit // self.spread.processes

    def most_held(self) -> int:
        """The most bytes that any process of the run has held."""
        return max(self.peak, footprint.peak())

    def open(self, source: Source) -> Any:
        """The thing a source stands for, loaded once on each device."""
        place = (source.key, self.device)
        if place not in self._opened:
            with self.telling.span(f"open {source.label()}", "open"):
                self._opened[place] = source.spec.open(self.device)
        return self._opened[place]

    @contextmanager
    def showing(self, title: str, total: int) -> Iterator[Progress]:
        """Progress over a stretch of work, closed however it ends. Within another stretch nothing is shown."""
        if self._shown:
            yield Silent()
            return
        self._shown = True
        self.progress.start(title, total)
        try:
            yield self.progress
        finally:
            self.progress.finish()
            self._shown = False


# What torch and the system say, on a CPU and on accelerators, in errors of several types.
_SIGNS = ("out of memory", "can't allocate memory", "cannot allocate memory", "not enough memory", "alloc_failed")


def ran_out(error: Exception) -> bool:
    """Whether an error says that memory ran out."""
    text = str(error).lower()
    return isinstance(error, MemoryError) or any(sign in text for sign in _SIGNS)
