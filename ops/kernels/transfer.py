"""Linear maps between two spaces of activations on the same images, and how well they carry what is known of one.

Features y [E] of a space nobody has named are mapped to those x [D] of one that is explained, x ~ W y + b (FALCON,
Kalibhat et al., ICML 2023, "concept transfer"; Moayeri et al., Text-To-Concept (and Back) via Cross-Model Alignment,
ICML 2023, section 2). A concept that is a direction a [D] there, its activation a . x, is then the direction W^T a [E]
here. Everything a map needs of the images are sums over them: the images are dealt to folds, the sums of a fold are
gathered in one reading, and to leave folds out is to leave their sums out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import combinations
from typing import Literal

import numpy as np
import scipy.linalg
import torch
from numpy.typing import NDArray

from .similarity import TopK

Floats = NDArray[np.float64]
Kind = Literal["linear", "ridge", "procrustes"]
# Of the variance of a standardised unit, in tens: from next to none to a map that shrinks everything away.
STRENGTHS = tuple(10.0**k for k in range(-6, 3))
# Float32 values that deviate by less than this share of their mean are one value and its rounding.
STILL = 1e-7
NORMAL = 1.96  # standard errors to either side: 95 in 100 of a normal distribution


def folds_of(lots: NDArray[np.float64], folds: int) -> NDArray[np.int64]:
    """Deal images [N] to folds of equal size, give or take one, in the order of their lots [N]."""
    place = np.empty(len(lots), np.int64)
    place[np.argsort(lots, kind="stable")] = np.arange(len(lots))
    return place % folds


@dataclass
class Gram:
    """Of each fold [F]: how many images, the sum of their features 'total' [F,E] and of their products 'product'
    [F,E,E]; features less `centre` [E], that large means do not eat the digits of small deviations."""

    centre: Floats
    count: Floats
    total: Floats
    product: Floats

    @staticmethod
    def start(first: NDArray[np.float32], folds: int) -> Gram:
        """From the first block of features [n,E], which says what to centre by."""
        width = first.shape[1]
        return Gram(
            first.mean(0, dtype=np.float64), np.zeros(folds), np.zeros((folds, width)), np.zeros((folds, width, width))
        )

    def update(self, y: NDArray[np.float32], fold: NDArray[np.int64]) -> None:
        """The next images: features [n,E] and the fold [n] of each."""
        for f in np.unique(fold).tolist():
            own = y[fold == f] - self.centre
            self.count[f] += len(own)
            self.total[f] += own.sum(0)
            self.product[f] += own.T @ own


@dataclass
class Cross:
    """Of each fold: sums of the goals 'total' [F,D], of their squares 'square' [F,D] and of features times goals
    'product' [F,E,D]; both less what they are centred by."""

    centre: Floats
    total: Floats
    square: Floats
    product: Floats

    @staticmethod
    def start(first: NDArray[np.float32], features: int, folds: int) -> Cross:
        width = first.shape[1]
        return Cross(
            first.mean(0, dtype=np.float64), np.zeros((folds, width)), np.zeros((folds, width)),
            np.zeros((folds, features, width)),
        )  # fmt: skip

    def update(
        self, y: NDArray[np.float32], x: NDArray[np.float32], fold: NDArray[np.int64], centre: Floats
    ) -> None:
        """The next images: features [n,E] less `centre`, goals [n,D] and the fold [n] of each."""
        for f in np.unique(fold).tolist():
            here = fold == f
            own, goal = y[here] - centre, x[here] - self.centre
            self.total[f] += goal.sum(0)
            self.square[f] += (goal**2).sum(0)
            self.product[f] += own.T @ goal


@dataclass(frozen=True)
class Moments:
    """Of n images: means of features [E] and goals [D], less what both are centred by, and sums of products about these
    means: features with features [E,E], with goals [E,D], goals with themselves [D]. `moves` [E]: features that are not
    constant."""

    n: float
    y: Floats
    x: Floats
    yy: Floats
    yx: Floats
    xx: Floats
    moves: NDArray[np.bool_]

    @property
    def deviation(self) -> Floats:
        """The standard deviation [E] of the features."""
        found: Floats = np.sqrt(np.maximum(np.diag(self.yy), 0.0) / self.n)
        return found


def moments_of(gram: Gram, cross: Cross, folds: Iterable[int]) -> Moments:
    """The images of some folds taken together."""
    some = list(folds)
    n = float(gram.count[some].sum())
    y, x = gram.total[some].sum(0) / n, cross.total[some].sum(0) / n
    yy, yx = reduce(np.add, (gram.product[f] for f in some)), reduce(np.add, (cross.product[f] for f in some))
    yy = yy - n * np.outer(y, y)
    moves = np.diag(yy) > n * (STILL * (gram.centre + y)) ** 2
    return Moments(n, y, x, yy, yx - n * np.outer(y, x), spread_of(gram, cross, some), moves)


def spread_of(gram: Gram, cross: Cross, folds: Iterable[int]) -> Floats:
    """Sums of squares [D] of the goals about their means over the images of some folds."""
    some = list(folds)
    n = float(gram.count[some].sum())
    found: Floats = np.maximum(cross.square[some].sum(0) - cross.total[some].sum(0) ** 2 / n, 0.0)
    return found


def least_squares(of: Moments) -> Floats:
    """W [D,E] of the smallest error, and among those the smallest. Directions whose variance is under the rounding of
    float64 do not count: float32 features hold nothing there."""
    inverse: Floats = scipy.linalg.pinvh(of.yy)
    weight: Floats = (inverse @ of.yx).T
    return weight


def procrustes(of: Moments) -> Floats:
    """W [D,E] that only turns, mirrors and scales the whole (Schoenemann, Psychometrika 31, 1966); spaces of different
    width are filled up with zeros, and of the smaller's directions none is lost. Directions that the two do not share
    go to zero."""
    left, shared, right = scipy.linalg.svd(of.yx, full_matrices=False)
    kept = shared > max(of.yx.shape) * np.finfo(np.float64).eps * (shared[0] if len(shared) else 0.0)
    turn = left[:, kept] @ right[kept]
    moved = float((turn * (of.yy @ turn)).sum())
    weight: Floats = (shared[kept].sum() / moved * turn).T if moved > 0 else np.zeros_like(turn).T
    return weight


class Spectrum:
    """Ridge regression on some images at any strength, from one eigendecomposition.

    Features are divided by their standard deviation before, so the strength means the same for each; constant ones get
    no weight. A strength of 1 is as much as the variance of one standardised unit.
    """

    def __init__(self, of: Moments) -> None:
        self.of = of
        self.scale = np.where(of.moves, 1 / np.where(of.moves, of.deviation, 1.0), 0.0)
        self.values, vectors = scipy.linalg.eigh(of.yy * np.outer(self.scale, self.scale) / of.n)
        self.vectors: Floats = vectors
        self.goal: Floats = vectors.T @ (of.yx * self.scale[:, None] / of.n)

    def weight(self, strength: float) -> Floats:
        """W [D,E]."""
        shrunk = self.goal / (np.maximum(self.values, 0.0) + strength)[:, None]
        weight: Floats = ((self.vectors @ shrunk) * self.scale[:, None]).T
        return weight

    def errors(self, held: Moments, strengths: Sequence[float], weight: Floats) -> Floats:
        """Squared errors on images left out, summed over them and, each goal by its `weight` [D], over the goals
        [strengths]. Written out in the eigenvectors, a further strength costs E x E operations and not E x E x D."""
        turned, off_x = self.vectors * self.scale[:, None], held.x - self.of.x
        off_y = turned.T @ (held.y - self.of.y)
        yy = turned.T @ held.yy @ turned + held.n * np.outer(off_y, off_y)
        yx = turned.T @ held.yx + held.n * np.outer(off_y, off_x)
        fixed = float((held.xx + held.n * off_x**2) @ weight)
        crossed, squared = (self.goal * yx) @ weight, yy * ((self.goal * weight) @ self.goal.T)
        out = []
        for strength in strengths:
            shrunk = 1 / (np.maximum(self.values, 0.0) + strength)
            out.append(fixed - 2 * float(shrunk @ crossed) + float(shrunk @ squared @ shrunk))
        return np.array(out)


@dataclass(frozen=True)
class Maps:
    """Maps x ~ W y + b fitted without each fold, and on all images: 'weight' [F+1,D,E], 'bias' [F+1,D], and under ridge
    the 'strength' [F+1] of each."""

    weight: Floats
    bias: Floats
    strength: Floats


def fitted(gram: Gram, cross: Cross, kind: Kind, strength: float | None) -> Maps:
    """The maps of all folds."""
    every = range(len(gram.count))
    if kind == "ridge":
        weights, strengths = _ridges(gram, cross, strength)
    else:
        fit = least_squares if kind == "linear" else procrustes
        weights = [fit(moments_of(gram, cross, _but(every, f))) for f in (*every, None)]
        strengths = np.full(len(weights), np.nan)
    bias = []
    for w, f in zip(weights, (*every, None), strict=True):
        some = _but(every, f)
        n = gram.count[some].sum()
        y, x = gram.total[some].sum(0) / n, cross.total[some].sum(0) / n
        bias.append(cross.centre + x - w @ (gram.centre + y))
    return Maps(np.stack(weights), np.stack(bias), strengths)


def _but(every: Iterable[int], *without: int | None) -> list[int]:
    return [f for f in every if f not in without]


def _ridges(gram: Gram, cross: Cross, strength: float | None) -> tuple[list[Floats], Floats]:
    """Maps without each fold and of all, and their strengths.

    One that is not given is that of the least error over the goals, each as a share of its variance, on folds left out
    among those that the map is fitted on: what a fold says of its own map has then had no part in it. One decomposition
    is held at a time, of which that without two folds serves the maps of both.
    """
    every = range(len(gram.count))
    error = np.zeros((len(every) + 1, len(STRENGTHS)))  # of the map without each fold; last of that of all

    def add(to: int, spectrum: Spectrum, held: int) -> None:
        """What a decomposition without fold `held` errs on it counts for the map without fold `to`."""
        spread = spread_of(gram, cross, _but(every, to))
        share = np.where(spread > 0, 1 / np.where(spread > 0, spread, 1.0), 0.0)
        error[to] += spectrum.errors(moments_of(gram, cross, [held]), STRENGTHS, share)

    if strength is None:
        for f, g in combinations(every, 2):
            spectrum = Spectrum(moments_of(gram, cross, _but(every, f, g)))
            add(f, spectrum, g)
            add(g, spectrum, f)
    used = np.full(len(every) + 1, np.nan if strength is None else strength)
    weights = []
    for f in (*every, len(every)):  # there is no fold of the last number: all images
        spectrum = Spectrum(moments_of(gram, cross, _but(every, f)))
        if strength is None:
            used[f] = STRENGTHS[int(error[f].argmin())]
            if f in every:
                add(len(every), spectrum, f)
        weights.append(spectrum.weight(float(used[f])))
    return weights, used


def correlations(gram: Gram, cross: Cross, direction: Floats, deviation: Floats) -> Floats:
    """Correlation [K,E] of K directions of the goals [K,D], whose values deviate by `deviation` [K], with each feature,
    over all images. -inf where either is constant, so that no such feature is the nearest."""
    of = moments_of(gram, cross, range(len(gram.count)))
    with np.errstate(divide="ignore", invalid="ignore"):
        found: Floats = direction @ of.yx.T / of.n / np.outer(deviation, of.deviation)
    return np.where(np.outer(deviation > 0, of.moves), found, -np.inf)


@dataclass(frozen=True)
class Carried:
    """For K concepts: held-out R2 'fit' with its 95 % interval 'low' to 'high', 'correlation' of carried with true
    values, 'deviation' of the true ones, Jaccard 'overlap' of the images where either is highest. NaN for a concept
    that is constant, whose deviation is 0.

    'told' and 'images' [K]: of the images that are labelled so, on how many this concept is carried highest of all, and
    how many there are.
    """

    fit: Floats
    low: Floats
    high: Floats
    correlation: Floats
    deviation: Floats
    overlap: Floats
    told: NDArray[np.int64]
    images: NDArray[np.int64]


class Carrying:
    """Compares concepts as they are with what the map makes of the other space, image by image, each under the map that
    was fitted without its fold. Memory: concepts x features x folds, and k images of each concept."""

    def __init__(self, maps: Maps, direction: Floats, mean: Floats, k: int) -> None:
        """`direction` [K,D]; `mean` [D] of the goals over all images; `k` images are the highest of a concept."""
        self.direction = direction
        self.weight, self.bias = direction @ maps.weight, maps.bias @ direction.T
        self.mean = direction @ mean
        self.sums = np.zeros((9, len(direction)))
        self.true, self.carried = TopK(k), TopK(k)
        self.told, self.images = np.zeros(len(direction), np.int64), np.zeros(len(direction), np.int64)
        self.seen = 0

    def update(
        self, y: NDArray[np.float32], x: NDArray[np.float32], fold: NDArray[np.int64], label: NDArray[np.int64]
    ) -> None:
        """The next images: features [n,E], goals [n,D], folds [n], and the concept [n] that each is labelled with, -1
        for none."""
        true = x.astype(np.float64) @ self.direction.T
        carried = np.empty_like(true)
        for f in np.unique(fold).tolist():
            here = fold == f
            carried[here] = y[here].astype(np.float64) @ self.weight[f].T + self.bias[f]
        a, p = true - self.mean, carried - self.mean
        error, spread = (a - p) ** 2, a**2
        parts = (a, p, p**2, a * p, error, spread, error**2, error * spread, spread**2)
        self.sums += np.stack([part.sum(0) for part in parts])
        self.true.update(torch.from_numpy(true), self.seen)
        self.carried.update(torch.from_numpy(carried), self.seen)
        known = label >= 0
        right = known.copy()
        right[known] = carried[known].argmax(1) == label[known]
        self.images += np.bincount(label[known], minlength=len(self.mean))
        self.told += np.bincount(label[right], minlength=len(self.mean))
        self.seen += len(y)

    def result(self) -> Carried:
        """R2 is 1 - mean squared error / variance; its interval that of a ratio of means over images (delta method),
        the maps taken as they are."""
        a, p, pp, ap, error, spread, error2, both, spread2 = self.sums / self.seen
        deviation = np.sqrt(np.maximum(spread - a**2, 0.0))
        deviation = np.where(deviation > STILL * np.abs(self.mean), deviation, 0.0)
        (_, index), (_, truly) = self.carried.result(), self.true.result()
        shared = [len(np.intersect1d(u, v)) for u, v in zip(index.numpy(), truly.numpy(), strict=True)]
        k = index.shape[1]
        with np.errstate(divide="ignore", invalid="ignore"):
            moves = np.where(deviation > 0, 1.0, np.nan)
            ratio = error / spread * moves
            off = np.sqrt(np.maximum(error2 - 2 * ratio * both + ratio**2 * spread2, 0.0) / self.seen) / spread
            against = np.sqrt(np.maximum(pp - p**2, 0.0))
            correlation = np.where(against > 0, (ap - a * p) / (deviation * against), 0.0) * moves
        return Carried(
            1 - ratio, 1 - ratio - NORMAL * off, np.minimum(1 - ratio + NORMAL * off, 1.0), correlation, deviation,
            np.array(shared) / (2 * k - np.array(shared)) * moves, self.told, self.images,
        )  # fmt: skip
