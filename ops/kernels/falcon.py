"""FALCON: which images and which groups of features to explain, and the captions nearest to them.

Kalibhat et al., "Identifying interpretable subspaces in image representations", ICML 2023 (arXiv 2307.10504). Words
and contrast rules, which need no tensors, are in `contrast`; maps and crops in `gradcam` and `boxes`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from .similarity import top_images, unit_rows


class Moments:
    """Mean and unbiased standard deviation over ALL entries of Z, gathered shard by shard (couples units, images)."""

    def __init__(self) -> None:
        self.count = 0
        self.mean = 0.0
        self._squares = 0.0

    def update(self, z: Tensor) -> None:
        """Add the entries of a shard of any shape; raises ValueError when one is not finite."""
        n = z.numel()
        if not n:
            return
        z = z.detach().double()
        mean = float(z.mean())
        if not math.isfinite(mean):
            raise ValueError("representations hold NaN or infinity")
        total, step = self.count + n, mean - self.mean
        self._squares += float(((z - mean) ** 2).sum()) + step * step * self.count * n / total
        self.mean += step * n / total
        self.count = total

    @property
    def std(self) -> float:
        """Divided by the number of entries less one; raises ValueError below two entries."""
        if self.count < 2:
            raise ValueError(f"a standard deviation needs two entries, got {self.count}")
        return math.sqrt(self._squares / (self.count - 1))

    def threshold(self, multiple: float = 5.0) -> float:
        """Mean + multiple x std: the paper's one threshold for all features of the unit-norm representation."""
        return self.mean + multiple * self.std


@dataclass(frozen=True)
class Group:
    """Features that fire together, and the images on which they do; both ascending."""

    features: tuple[int, ...]
    images: tuple[int, ...]


def groups(z: Tensor, threshold: float, *, least: int = 11, superset: bool = False) -> list[Group]:
    """Images of Z [N,D] gathered by the identical set of features with Z >= threshold, in the order of their features.

    Only groups of at least `least` images are kept (the reference says 10 and means 11); images where nothing fires
    belong to none. With `superset` an image also joins every kept group whose features are part of its own set (not
    in the paper, where a single feature's group holds only images on which nothing else fires). FALCON, section 3.1.
    Couples units and images. Raises ValueError unless Z is 2-D.
    """
    if z.ndim != 2:
        raise ValueError(f"expected representations [images, features], got shape {tuple(z.shape)}")
    sets: dict[tuple[int, ...], list[int]] = {}
    fires = z >= threshold
    for image, row in enumerate(fires):
        if features := tuple(row.nonzero()[:, 0].tolist()):
            sets.setdefault(features, []).append(image)
    if superset:
        sets = {f: fires[:, list(f)].all(1).nonzero()[:, 0].tolist() for f in sets}
    return [Group(f, tuple(images)) for f, images in sorted(sets.items()) if len(images) >= least]


def high_top(activation: Tensor, n: int) -> tuple[Tensor, Tensor]:
    """(values [n], index [n]) of one unit's n highest activations [N], ties to the lowest image; n clamped to N."""
    values, index = top_images(activation[:, None], n)
    return values[0], index[0]


@dataclass(frozen=True)
class Coherence:
    """Mean cosine over all pairs of a group's crops: with the diagonal (the published test, > .8) and without."""

    with_diagonal: float
    off_diagonal: float  # NaN for a single image: it has no pair


def coherence(vectors: Tensor) -> Coherence:
    """How alike a group's crops [n,D] are to the judge. FALCON, section 3.2.

    The published mean counts each crop's cosine of 1 with itself, so small groups pass too easily: at n = 11 a true
    mean of .78 does. Raises ValueError without vectors.
    """
    n = vectors.shape[0]
    if not n:
        raise ValueError("no crops to compare")
    x = unit_rows(vectors.double())
    pairs = x @ x.T
    total = float(pairs.sum())
    apart = (total - float(pairs.diagonal().sum())) / (n * (n - 1)) if n > 1 else math.nan
    return Coherence(total / (n * n), apart)


def low_published(
    z: Tensor, high: Tensor, features: Tensor, mean: float, *, least: float = 0.3, most: int = 10
) -> tuple[Tensor, Tensor]:
    """(index [L], similarity [L]) of images that look like the high ones except for the group, best first.

    Z [N,D] unit-norm rows, `high` [n] images, `features` [g] of the group. Every feature of the group must be below
    `mean` (of all of Z); ranked by the dot product of Z without the group's columns with the mean of the high images'
    Z without them; at least `least`, at most `most`, ties to the lowest image. FALCON, section 3.4. Couples all.
    """
    z = z.double()
    rest = torch.ones(z.shape[1], dtype=torch.bool)
    rest[features] = False
    silent = (z[:, features] < mean).all(1).nonzero()[:, 0]
    alike = z[silent][:, rest] @ z[high][:, rest].mean(0)
    order = alike.sort(descending=True, stable=True).indices
    order = order[alike[order] >= least][:most]
    return silent[order], alike[order]


def silent_images(activation: Tensor, nth_high: float, *, ratio: float = 0.3) -> Tensor:
    """Index [S] of the images [N] on which a unit does not fire: activation < ratio x its n-th highest activation.

    Relative to the firing images and not below the median: a shortcut's images lie above the median. Where the n-th
    highest is not positive (a unit of negative outputs), the same share of the way up from the lowest activation.
    """
    low = float(activation.min()) if nth_high <= 0 else 0.0
    return (activation.double() < low + ratio * (nth_high - low)).nonzero()[:, 0]


def nearest_silent(words: Tensor, images: Tensor, silent: Tensor, *, n: int = 20) -> Tensor:
    """Index [W,n] of the n silent images nearest to each candidate word, best first, ties to the lowest image.

    `words` [W,D] and `images` [N,D] in the judge's space, `silent` [S] (n is clamped to S). Choosing low images for
    each word, and not by likeness to the high images, is what brings back a shortcut (water without the boat) instead
    of look-alike objects. The input of the rule `contrast.per_word`. Couples images; words are independent.
    """
    silent = silent.sort().values
    p = unit_rows(words.double()) @ unit_rows(images[silent].double()).T
    order = p.sort(dim=1, descending=True, stable=True).indices[:, :n]
    return silent[order]


def first_best(x: Tensor, k: int) -> Tensor:
    """Places [I,k] of the k highest of each row of x [I,M], highest first, ties to the lowest place.

    `topk` alone chooses arbitrarily among equal values; sorting whole rows would cost twenty times as much. So rows are
    sorted only where the k-th value stands beyond the k-th place as well.
    """
    k = min(k, x.shape[1])
    value, place = x.topk(k, dim=1)
    tied = ((x >= value[:, -1:]).sum(1) > k).nonzero()[:, 0]
    if len(tied):
        place[tied] = x[tied].sort(dim=1, descending=True, stable=True).indices[:, :k]
    place = place.sort(dim=1).values
    return place.gather(1, x.gather(1, place).sort(dim=1, descending=True, stable=True).indices)


@dataclass(frozen=True)
class Retrieved:
    """The k best captions of each image, best first, and their share of one softmax over the whole pool."""

    index: Tensor  # [I,k] int64 position in the pool
    score: Tensor  # [I,k] float64
    cosine: Tensor  # [I,k] float64


def retrieve(
    images: Tensor, captions: Iterable[Tensor], *, k: int = 5, temperature: float = 100.0, normalise: bool = True
) -> Retrieved:
    """The k captions nearest to each image [I,D], from blocks [c,D] of a pool that need not fit in memory.

    score = softmax over the whole pool of temperature x cosine, by a running logsumexp in float64, so it does not
    depend on how the pool is cut (the reference normalises inside each shard, in float16, and needs 5 captions a
    shard). Ties go to the first caption; k is clamped to the pool. `normalise=False` takes vectors as they are, for a
    pool already of unit norm whose half-precision rounding should count. FALCON, section 3.3. Couples words (the
    pool); each image stands for itself. Raises ValueError on an empty pool or vectors that do not meet.
    """
    if isinstance(captions, Tensor):
        captions = [captions]
    x = unit_rows(images.double()) if normalise else images.double()
    norm = torch.full((x.shape[0],), -math.inf, dtype=torch.float64)
    best = torch.empty(x.shape[0], 0, dtype=torch.float64)
    index = torch.empty(x.shape[0], 0, dtype=torch.int64)
    seen = 0
    for block in captions:
        if not block.shape[0]:
            continue
        if block.ndim != 2 or block.shape[1] != x.shape[1]:
            raise ValueError(f"caption vectors {tuple(block.shape)} do not meet image vectors {tuple(x.shape)}")
        p = x @ (unit_rows(block.double()) if normalise else block.double()).T
        norm = torch.logaddexp(norm, torch.logsumexp(temperature * p, 1))
        order = first_best(p, k)
        both, places = torch.cat([best, p.gather(1, order)], 1), torch.cat([index, order + seen], 1)
        keep = both.sort(dim=1, descending=True, stable=True).indices[:, :k]
        best, index = both.gather(1, keep), places.gather(1, keep)
        seen += block.shape[0]
    if not seen:
        raise ValueError("the caption pool is empty")
    return Retrieved(index, (temperature * best - norm[:, None]).exp(), best)
