"""Percentile bootstrap: how far a score would move with other units, images or repeats of the same kind.

Efron and Tibshirani, An Introduction to the Bootstrap (1993), section 13.3. Draws come from PCG64 and a seed, so they
are the same everywhere and do not depend on what else is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Interval = tuple[float, float]
NONE: Interval = (float("nan"), float("nan"))
BLOCK = 1 << 22  # entries of a block of weights
IN_CACHE = 1 << 17  # of one that is read many times: a megabyte in float64


@dataclass(frozen=True)
class Bootstrap:
    """`resamples` draws with replacement; intervals hold a share `level` of them, the same on both sides."""

    level: float = 0.95
    resamples: int = 1000
    seed: int = 0

    def weights(self, count: int, stream: int = 0, beside: int = 0) -> Iterator[NDArray[np.int64]]:
        """How often each of `count` things is drawn, in blocks [resamples, count]; each row sums to `count`.

        `stream` tells draws apart that must be independent of each other. Of several kinds of things that are drawn
        side by side, `beside` is how many there are in all: their blocks are then of one length.
        """
        rng = np.random.Generator(np.random.PCG64([self.seed, stream]))
        step = max(1, BLOCK // max(count, beside, 1))
        for start in range(0, self.resamples, step):
            rows = min(step, self.resamples - start)
            drawn = rng.integers(0, count, (rows, count)) + np.arange(rows)[:, None] * count
            yield np.bincount(drawn.ravel(), minlength=rows * count).reshape(rows, count)

    def interval(self, draws: Floats) -> Interval:
        """The interval of a score from its value in each draw [resamples]; draws in which it is undefined (NaN) are
        left out, and NaN, NaN where that leaves none."""
        known = draws[~np.isnan(draws)]
        if not len(known):
            return NONE
        low, high = np.quantile(known, [(1 - self.level) / 2, (1 + self.level) / 2])
        return float(low), float(high)

    def of_mean(self, values: Floats) -> Interval:
        """The interval of the mean of values [n]; NaN, NaN for fewer than two: they say nothing about their spread."""
        return self.of(lambda w: (w @ values) / len(values), len(values))

    def of(self, score: Callable[[NDArray[np.int64]], Floats], count: int, stream: int = 0) -> Interval:
        """The interval of a score of `count` things, which gives its values [rows] under weights [rows, count]."""
        if count < 2:
            return NONE
        return self.interval(np.concatenate([score(w) for w in self.weights(count, stream)]))

    def of_each(self, scored: Sequence[Callable[[Floats], Floats]], count: int) -> list[list[Interval]]:
        """The intervals of several scores of the same `count` things: each call gives some [rows, scores] under weights
        [rows, count] in float64. Each draw is made once for all of them."""
        if count < 2:
            return [[NONE] * scores(np.ones((1, count))).shape[1] for scores in scored]
        drawn: list[list[Floats]] = [[] for _ in scored]
        for block in self.weights(count, beside=BLOCK // IN_CACHE * count):
            weights = block.astype(np.float64)
            for scores, found in zip(scored, drawn, strict=True):
                found.append(scores(weights))
        return [[self.interval(column) for column in np.concatenate(found).T] for found in drawn]
