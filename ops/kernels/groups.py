"""Which units of a layer fire together: the published groups, and groups merged from units that belong together.

Both read the same firings: unit j fires on image i where Z[i,j] >= the layer's threshold (FALCON, section 3.1). They
are held as a sparse matrix, 5 bytes a firing, so memory grows with what fires and not with images x units.

`published`: images gathered by the identical set. It shatters where much fires: with the threshold lowered, hardly two
images have the same set. `merged` (ours): begin with single units; merge the pair of groups that stand together on more
images than chance allows, the most informative first; an image's firings are split among groups, each in one.
Informative is the mutual information of the two groups' presence over the images, N I(x;y) in nats, less what it costs
to say which pair (ln of the number of pairs) and how strongly (half ln N): the two-part code of Rissanen, "Modeling by
shortest data description", Automatica 14, 1978. Where units are independent no pair pays, so no group of several is
made of chance.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from itertools import count, pairwise
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Units = tuple[int, ...]
Membership = Literal["exact", "superset"]


class Firings:
    """Which units fire on which images, gathered block by block in the order of the images."""

    def __init__(self, threshold: float, among: NDArray[np.bool_] | None = None) -> None:
        """`among` [D]: only these units count."""
        self.threshold, self.among = threshold, among
        self._ends, self._units, self._shape = [np.zeros(1, np.int64)], list[NDArray[np.int32]](), 0

    def update(self, z: NDArray[Any]) -> None:
        """Unit-norm activations [n,D] of the next images."""
        fires = z >= self.threshold if self.among is None else (z >= self.threshold) & self.among
        image, unit = fires.nonzero()
        self._units.append(unit.astype(np.int32))
        self._ends.append(self._ends[-1][-1:] + np.bincount(image, minlength=len(z)).cumsum())
        self._shape = z.shape[1]

    def matrix(self) -> sparse.csr_matrix:
        """[N,D], True where a unit fires; the units of an image ascending."""
        ends = np.concatenate([self._ends[0], *self._ends[1:]])
        units = np.concatenate([np.zeros(0, np.int32), *self._units])
        return sparse.csr_matrix((np.ones(len(units), np.bool_), units, ends), (len(ends) - 1, self._shape))


def published(fires: sparse.csr_matrix, least: int) -> list[Units]:
    """The sets of units that are the whole set of at least `least` images of `fires` [N,D]; sorted.

    FALCON, section 3.2. The reference asks for more than ten images: least = 11.
    """
    sets: dict[bytes, int] = {}
    for units in _rows(fires):
        sets[units.tobytes()] = sets.get(units.tobytes(), 0) + 1
    kept = (np.frombuffer(key, np.int32) for key, images in sets.items() if key and images >= least)
    return sorted(tuple(units.tolist()) for units in kept)


def merged(fires: sparse.csr_matrix, least: int) -> list[Units]:
    """The groups that merging leaves on at least `least` images of `fires` [N,D] each; sorted. See the module.

    Exact greedy merging with a heap of pairs. Work grows with the firings and with merges x groups, memory with the
    firings and with the pairs that stand together on `least` images. Equal gains go to the lowest numbers, so the
    result does not depend on chance.
    """
    work = _Merging(fires, max(least, 2))
    while work.step():
        pass
    left: dict[Units, int] = {}
    for units, images in zip(work.groups, work.images, strict=True):
        left[units] = left.get(units, 0) + len(images)
    return sorted(units for units, images in left.items() if images >= least)


class _Merging:
    """Groups so far, the images that each explains, and how many images each two explain together."""

    def __init__(self, fires: sparse.csr_matrix, least: int) -> None:
        self.least, self.total = least, fires.shape[0]
        self.starts, self.held = fires.indptr, fires.indices.astype(np.int32)  # the groups of each image; -1: merged
        columns = fires.tocsc()
        self.groups: list[Units] = [(unit,) for unit in range(fires.shape[1])]
        self.images = [columns.indices[a:b].astype(np.int64) for a, b in _spans(columns.indptr)]
        self.together: list[dict[int, int]] = [{} for _ in self.groups]
        self.heap: list[tuple[float, int, int, int]] = []  # less gain, pair, when it was counted
        self.counted: dict[tuple[int, int], int] = {}
        self.clock = count()
        number = fires.astype(np.int32)
        pairs = sparse.triu(number.T @ number, 1).tocoo()
        common = pairs.data >= least
        counted = np.column_stack([pairs.row, pairs.col, pairs.data])[common].tolist()
        for x, y, n in counted:
            self.together[x][y] = self.together[y][x] = n
        for x in range(len(self.groups)):
            self._count(x, [y for y in self.together[x] if y > x])

    def step(self) -> bool:
        """Merge the pair that says most; False if none says more than it costs."""
        k = len(self.groups)
        cost = np.log(k * (k - 1) / 2) + np.log(self.total) / 2 if k > 1 else np.inf
        while self.heap:
            less, x, y, when = heapq.heappop(self.heap)
            if self.counted.get((x, y)) != when:
                continue
            if -less <= cost:
                return False
            self._merge(x, y)
            return True
        return False

    def _merge(self, x: int, y: int) -> None:
        both = np.intersect1d(self.images[x], self.images[y], assume_unique=True)
        places = _ranges(self.starts[both], self.starts[both + 1])
        held, new = self.held[places], len(self.groups)
        beside = np.bincount(held[held >= 0], minlength=new)
        self.held[places[held == x]], self.held[places[held == y]] = new, -1
        for old in (x, y):
            self.images[old] = np.setdiff1d(self.images[old], both, assume_unique=True)
        self.groups.append(tuple(sorted(self.groups[x] + self.groups[y])))
        self.images.append(both)
        self.together.append({})
        beside[[x, y]] = 0
        for other in np.flatnonzero(beside).tolist():
            for old in (x, y):
                self._set(old, other, self.together[old].get(other, 0) - int(beside[other]))
            self._set(new, other, int(beside[other]))
        self._set(x, y, 0)
        for changed in (x, y, new):
            self._count(changed, list(self.together[changed]))

    def _set(self, x: int, y: int, n: int) -> None:
        """How often two groups stand together. It never grows again, so what is under `least` can be forgotten."""
        if n >= self.least:
            self.together[x][y] = self.together[y][x] = n
        elif y in self.together[x]:
            del self.together[x][y], self.together[y][x]
            self.counted.pop((min(x, y), max(x, y)), None)

    def _count(self, x: int, others: Sequence[int]) -> None:
        """What merging x with each of the others would say now."""
        if not others:
            return
        n = np.array([self.together[x][y] for y in others], np.float64)
        with_y = np.array([len(self.images[y]) for y in others], np.float64)
        gains = association(n, float(len(self.images[x])), with_y, float(self.total))
        for y, gain in zip(others, gains.tolist(), strict=True):
            pair = (min(x, y), max(x, y))
            self.counted[pair] = when = next(self.clock)
            if gain > 0:
                heapq.heappush(self.heap, (-gain, *pair, when))


def association(n: NDArray[Any], x: Any, y: NDArray[Any], total: float) -> NDArray[np.float64]:
    """N I in nats for things that stand together on n [p] of N images, and alone on x and y [p] in all; 0 where they
    meet no more often than chance."""

    def xlogx(v: Any) -> Any:
        return v * np.log(np.where(v > 0, v, 1.0))

    table = xlogx(n) + xlogx(x - n) + xlogx(y - n) + xlogx(total - x - y + n) + xlogx(np.float64(total))
    gain = table - xlogx(np.float64(x)) - xlogx(total - x) - xlogx(y) - xlogx(total - y)
    return np.where(n * total > x * y, np.maximum(gain, 0.0), 0.0)


def indicator(groups: Sequence[Units], units: int) -> sparse.csr_matrix:
    """[units, G], 1 where a unit belongs to a group."""
    rows = np.array([unit for group in groups for unit in group], np.int64)
    columns = np.repeat(np.arange(len(groups)), [len(group) for group in groups])
    return sparse.csr_matrix((np.ones(len(rows), np.float32), (rows, columns)), (units, len(groups)))


def members(fires: sparse.csr_matrix, groups: Sequence[Units], membership: Membership) -> sparse.csr_matrix:
    """[n,G], True where an image of `fires` [n,D] belongs to a group: all its units fire, under 'exact' no other."""
    sizes = np.array([len(group) for group in groups], np.int64)
    counts = (fires.astype(np.float32) @ indicator(groups, fires.shape[1])).tocoo()
    inside = counts.data == sizes[counts.col]
    if membership == "exact":
        inside &= np.diff(fires.indptr)[counts.row] == sizes[counts.col]
    found = (np.ones(int(inside.sum()), np.bool_), (counts.row[inside], counts.col[inside]))
    return sparse.csr_matrix(found, counts.shape)


def _rows(fires: sparse.csr_matrix) -> Iterator[NDArray[np.int32]]:
    indices = fires.indices.astype(np.int32)
    return (indices[a:b] for a, b in _spans(fires.indptr))


def _spans(ends: Iterable[Any]) -> Iterator[tuple[int, int]]:
    values = [int(v) for v in ends]
    return pairwise(values)


def _ranges(starts: NDArray[Any], stops: NDArray[Any]) -> NDArray[np.int64]:
    """All numbers of several ranges, one after another."""
    lengths = (stops - starts).astype(np.int64)
    before = np.repeat(starts.astype(np.int64) - np.concatenate([[0], lengths.cumsum()[:-1]]), lengths)
    return before + np.arange(int(lengths.sum()), dtype=np.int64)
