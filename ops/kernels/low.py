"""FALCON's low images, found while activations and vectors stream past: memory does not grow with their number.

What `falcon.silent_images`, `nearest_silent` and `low_published` say in one formula, block by block. The blocks come in
the order of the images.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from .similarity import TopK, unit_rows


def silence(nth_high: Tensor, minimum: Tensor, ratio: float) -> Tensor:
    """Activation [u] below which units are silent, from their n-th highest and their lowest activation [u].

    As `falcon.silent_images`: a share of the n-th highest, or of the way up from the lowest where that is not positive.
    """
    low = torch.where(nth_high <= 0, minimum, torch.zeros_like(minimum)).double()
    return low + ratio * (nth_high.double() - low)


@dataclass
class Best:
    """The k best images for each of several questions, among those that each allows; ties to the lowest image."""

    k: int
    seen: int = 0
    _top: TopK | None = None

    def update(self, values: Tensor, allowed: Tensor | None = None) -> None:
        """Values [n,Q] of the next n images; `allowed` bool [n,Q], None for all."""
        values = values.double() if allowed is None else values.double().masked_fill(~allowed, -math.inf)
        self._top = self._top or TopK(self.k)
        self._top.update(values, self.seen)
        self.seen += len(values)

    def result(self) -> list[list[int]]:
        """For each question its images, best first; fewer than k where fewer are allowed."""
        if self._top is None:
            return []
        values, index = self._top.result()
        rows = zip(values.tolist(), index.tolist(), strict=True)
        return [[i for v, i in zip(value, image, strict=True) if v > -math.inf] for value, image in rows]


class NearestSilent:
    """For each word the n images nearest to it among those on which its unit is silent."""

    def __init__(self, words: Tensor, unit: Tensor, below: Tensor | None, n: int) -> None:
        """`words` [W,D] belong to the units numbered `unit` [W]; `below` [u] is their silence, None: all images."""
        self.words, self.unit, self.below, self.best = unit_rows(words.double()), unit, below, Best(n)

    def update(self, vectors: Tensor, activations: Tensor | None = None) -> None:
        """The next images: judge vectors [n,D], and activations [n,u] of the units unless all images count."""
        silent = None
        if self.below is not None and activations is not None:
            silent = (activations.double() < self.below)[:, self.unit]
        self.best.update(unit_rows(vectors.double()) @ self.words.T, silent)


class DrawnSilent:
    """For each unit n of the images on which it is silent, by lot; a larger n holds the smaller."""

    def __init__(self, below: Tensor, n: int, seed: int) -> None:
        self.below, self.seed, self.best = below, seed, Best(n)

    def update(self, activations: Tensor) -> None:
        """Activations [n,u] of the next images."""
        lot = lots(self.seed, self.best.seen, len(activations))
        silent = activations.double() < self.below
        self.best.update(torch.from_numpy(lot)[:, None].expand(silent.shape), silent)


def lots(seed: int, start: int, count: int) -> np.ndarray:
    """A lot in [0, 1) for each of the images start .. start + count - 1, from seed and number alone.

    The finalizer of SplitMix64 (Steele, Lea, Flood 2014), of which 53 bits are kept.
    """
    with np.errstate(over="ignore"):
        x = np.arange(start, start + count, dtype=np.uint64) + np.uint64(1)
        x = (x + np.uint64(seed % 2**64) * np.uint64(0xD1342543DE82EF95)) * np.uint64(0x9E3779B97F4A7C15)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        x ^= x >> np.uint64(31)
    return np.asarray((x >> np.uint64(11)).astype(np.float64) / float(1 << 53))


class LookAlikes:
    """For each group the images most like its high ones but for the group itself: `falcon.low_published` streamed."""

    def __init__(self, high: Tensor, groups: Sequence[Sequence[int]], mean: float, least: float, most: int) -> None:
        """`high` [g,U]: for each of the groups of units the mean of Z over its high images; `mean` of all of Z."""
        self.group = torch.tensor([g for g, units in enumerate(groups) for _ in units])
        self.units = torch.tensor([unit for units in groups for unit in units])
        self.high = high.double().clone()
        self.high[self.group, self.units] = 0.0  # without the group's own columns
        self.groups, self.mean, self.least, self.best = len(groups), mean, least, Best(most)

    def update(self, z: Tensor) -> None:
        """Unit-norm activations [n,U] of the next images. Every unit of a group must be below the mean."""
        z = z.double()
        alike = z @ self.high.T
        loud = (z[:, self.units] >= self.mean).double()
        none = torch.zeros(len(z), self.groups, dtype=torch.float64).index_add_(1, self.group, loud) == 0
        self.best.update(alike, none & (alike >= self.least))
