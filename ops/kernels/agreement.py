"""How well a label goes with a unit: its activations on images against the presence of the label on them.

x [N] are activations, s [N] is presence in [0,1] as a judge predicts it, y [N] presence that is true or false. Weights
[R,N] say how often each image counts, and a score [R] is that under each row of them: a row of ones gives the score
itself, the rows of a bootstrap its spread. NaN stands for what is not defined.

Oikarinen, Yan and Weng, Evaluating Neuron Explanations: A Unified Framework with Sanity Checks (ICML 2025), section 3;
simulation by a sigmoid of the cosine: Oikarinen and Weng, Linear Explanations for Individual Neurons (ICML 2024),
section 4. All in float64.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Whole = NDArray[np.int64]

SURE = 0.5  # presence from which a label counts as there
STILL = 1e-12  # of variances that were brought to 1: less is rounding
LEAST_NORM = 1e-9
LEAST_PRESENCE = 1e-8


def presence_of(cosine: NDArray[np.floating], slope: float, offset: float) -> Floats:
    """Presence from the cosine of an image and a text: sigmoid(slope (cosine + offset))."""
    from scipy.special import expit

    found: Floats = expit(slope * (np.asarray(cosine, np.float64) + offset))
    return found


def once(count: int) -> Floats:
    """Weights [1,N] under which every image counts once."""
    return np.ones((1, count))


def share_of(share: float, count: int) -> int:
    """So many of `count`, rounded up; but 0.07 of 100 are 7, though their product is above 7 in floating point."""
    return math.ceil(share * count - 1e-9)


def most_active(x: Floats, share: float) -> Bools:
    """[N]: the ceil(share N) images of highest activation, and those that equal the last of them; but none at the least
    activation of all: a unit that is silent on most images is not on for these (by the published formula for all)."""
    count = min(max(share_of(share, len(x)), 1), len(x))
    return np.asarray((x >= np.partition(x, len(x) - count)[len(x) - count]) & (x > x.min()))


class Curve:
    """What a score [N] finds of hits [N], from the highest down."""

    def __init__(self, score: Floats, hit: Bools) -> None:
        self.order = np.argsort(-score, kind="stable")
        self.ends = np.flatnonzero(np.append(np.diff(score[self.order]) != 0, True))  # the last of equal scores
        self.tied = len(self.ends) < len(score)
        self.hit: Floats = hit[self.order].astype(np.float64)

    def counts(self, weights: Floats) -> tuple[Floats, Floats]:
        """[R,G] at each distinct score: how many images lie there or above, and how many of these are hits."""
        drawn = weights[:, self.order]
        every, hits = drawn.cumsum(1), (drawn * self.hit).cumsum(1)
        return (every[:, self.ends], hits[:, self.ends]) if self.tied else (every, hits)

    def scores(self, weights: Floats) -> tuple[Floats, Floats]:
        """Average precision and AUC, each [R].

        The first is precision at each score weighed by the recall it adds, without interpolation; NaN without a hit.
        The second is how often a hit has the higher score than an image that is none, ties counting one half; NaN where
        all or none are hits.
        """
        every, hits = self.counts(weights)
        gained = np.diff(hits, axis=1, prepend=0.0)
        reached = np.diff(every, axis=1, prepend=0.0)
        # Where nothing is drawn yet nothing is gained, so the divisor does not matter.
        precision = (gained * hits / np.maximum(every, 1.0)).sum(1)
        found, missed = hits[:, -1], every[:, -1] - hits[:, -1]
        area = ((reached - gained) * (hits - gained / 2)).sum(1)
        return _ratio(precision, found), _ratio(area, found * missed)


@dataclass(frozen=True)
class Overlap:
    """Images that a unit is active on against those that hold its label: counts [R] of both, of either, of all.

    The unit is the detector and the label the truth (the public code has it the other way round). 0/0 is 0.
    """

    both: Floats
    active: Floats
    present: Floats
    every: Floats

    @staticmethod
    def of(active: Bools, present: Bools, weights: Floats) -> Overlap:
        return Overlap(
            weights @ (active & present).astype(float), weights @ active.astype(float),
            weights @ present.astype(float), weights.sum(1),
        )  # fmt: skip

    def by_chance(self) -> Overlap:
        """As many of each kind that have nothing to do with each other, in expectation."""
        return Overlap(self.active * self.present / self.every, self.active, self.present, self.every)

    @property
    def precision(self) -> Floats:
        return _or_0(self.both, self.active)

    @property
    def recall(self) -> Floats:
        return _or_0(self.both, self.present)

    @property
    def f1(self) -> Floats:
        return _or_0(2 * self.both, self.active + self.present)

    @property
    def iou(self) -> Floats:
        return _or_0(self.both, self.active + self.present - self.both)

    @property
    def neither(self) -> Floats:
        return self.every - self.active - self.present + self.both

    @property
    def accuracy(self) -> Floats:
        return _or_0(self.both + self.neither, self.every)

    @property
    def balanced_accuracy(self) -> Floats:
        """Mean of the shares that are told right of the images with the label and of those without."""
        return (self.recall + _or_0(self.neither, self.every - self.present)) / 2

    @property
    def balanced_simulation(self) -> Floats:
        """The same with the activity of the unit as the truth and the label as what tells it."""
        return (self.precision + _or_0(self.neither, self.every - self.active)) / 2


def correlation(x: Floats, s: Floats, weights: Floats) -> Floats:
    """[R]: Pearson's r, plain (the public code gives r (n-1)/n). NaN where either does not vary."""
    x, s = _standardised(x), _standardised(s)
    count = weights.sum(1)
    x1, s1, xs, xx, ss = ((weights @ v) / count for v in (x, s, x * s, x * x, s * s))
    spread = np.maximum(xx - x1 * x1, 0.0) * np.maximum(ss - s1 * s1, 0.0)
    r = _ratio(xs - x1 * s1, np.sqrt(np.where(spread > STILL, spread, 0.0)))
    return np.clip(r, -1.0, 1.0)


class Correlations:
    """Pearson's r of every column of x [N,U] with every column of s [N,M], from sums over blocks of images; both less
    the mean of the first block, that large means do not eat the digits of small deviations."""

    def __init__(self, x: NDArray[np.floating], s: Floats) -> None:
        self.centre = x.mean(0, dtype=np.float64), s.mean(0)
        self.count, self.products = 0, np.zeros((x.shape[1], s.shape[1]))
        self.totals = np.zeros(x.shape[1]), np.zeros(s.shape[1])
        self.squares = np.zeros(x.shape[1]), np.zeros(s.shape[1])

    def update(self, x: NDArray[np.floating], s: Floats) -> None:
        """The next images: activations [n,U] and presence [n,M]."""
        own, seen = x - self.centre[0], s - self.centre[1]
        self.count += len(own)
        self.products += own.T @ seen
        for one, total, square in zip((own, seen), self.totals, self.squares, strict=True):
            total += one.sum(0)
            square += (one * one).sum(0)

    def result(self) -> Floats:
        """[U,M]; NaN where either does not vary."""
        n = self.count
        spread = [
            np.where(q - t * t / n > STILL * (q + n * c * c), q - t * t / n, 0.0)
            for q, t, c in zip(self.squares, self.totals, self.centre, strict=True)
        ]
        about = self.products - np.outer(*self.totals) / n
        found: Floats = np.clip(_ratio(about, np.sqrt(np.outer(*spread))), -1.0, 1.0)
        return found


def ranks(values: Floats) -> Floats:
    """The rank of each value, from 1; equal values share their mean rank. The correlation of ranks is Spearman's; under
    the weights of a bootstrap they stay those of all images once."""
    return np.asarray(rankdata(values), np.float64)


def cosine(x: Floats, s: Floats, weights: Floats) -> Floats:
    """[R]: cosine of the two as they are, not centred; norms count as 1e-9 at least."""
    norms = np.sqrt(weights @ (x * x)) * np.sqrt(weights @ (s * s))
    return np.asarray((weights @ (x * s)) / np.maximum(norms, LEAST_NORM))


def mean_difference(x: Floats, y: Bools, weights: Floats) -> Floats:
    """[R]: mean activation on images with the label less that on images without. NaN where there are none."""
    there, count = weights @ y.astype(float), weights.sum(1)
    with_it, every = weights @ (x * y), weights @ x
    return _ratio(with_it, there) - _ratio(every - with_it, count - there)


def wpmi(active: Bools, s: Floats, weights: Floats) -> Floats:
    """[R]: mean of ln presence over the images that the unit is active on, less ln of its mean over all."""
    own = _ratio(weights @ (active * np.log(np.maximum(s, LEAST_PRESENCE))), weights @ active.astype(float))
    mean = (weights @ s) / weights.sum(1)
    return np.asarray(own - np.log(np.maximum(mean, LEAST_PRESENCE)))


def top_and_random(x: Floats, share: float, count: int, rng: np.random.Generator) -> Whole:
    """Images for a simulation on few: `count` of the ceil(share N) of highest activation and as many of all others, or
    all there are; each once (the public code may draw one twice)."""
    order = np.argsort(-x, kind="stable")
    highest = min(max(share_of(share, len(x)), 1), len(x))
    high = rng.permutation(order[:highest])[:count]
    return np.concatenate([high, rng.permutation(np.setdiff1d(order, high))[:count]])


def fewer_labels(y: Bools, share: float, rng: np.random.Generator) -> Bools:
    """y [N] without a share of its true values, drawn at random (rounded up: at least one of those there are)."""
    there = np.flatnonzero(y)
    found = y.copy()
    found[rng.permutation(there)[: share_of(share, len(there))]] = False
    return found


def more_labels(y: Bools, share: float, rng: np.random.Generator) -> Bools:
    """y [N] with wrong true values beside its own, a share of as many, drawn at random where it is false."""
    free = np.flatnonzero(~y)
    found = y.copy()
    found[rng.permutation(free)[: share_of(share, int(y.sum()))]] = True
    return found


def _standardised(v: Floats) -> Floats:
    """Mean 0 and standard deviation 1, so that sums of products lose no digits; what does not vary becomes 0."""
    centred = v - v.mean()
    spread = float(np.sqrt((centred * centred).mean()))
    return np.asarray(centred / spread if spread > STILL * max(1.0, float(np.abs(v).max())) else np.zeros_like(v))


def _ratio(above: Floats, below: Floats) -> Floats:
    return np.where(below > 0, above / np.where(below > 0, below, 1.0), math.nan)


def _or_0(above: Floats, below: Floats) -> Floats:
    return np.where(below > 0, above / np.where(below > 0, below, 1.0), 0.0)
