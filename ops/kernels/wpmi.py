"""Soft WPMI and WPMI of CLIP-Dissect: how much more a word belongs to one unit's top images than to the layer's.

Scores couple units (the marginal runs over the layer), words (the softmax over the vocabulary), images and k
(which images, and p_r over the ranks). None of the four may be sliced before these kernels; the vectors, the
activations and the selection of images may. It follows from the marginal that scores of two layers do not compare,
that with lam = 1 no score exceeds ln U, and that a layer of one unit scores exactly 0 everywhere.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .similarity import top_images, unit_rows

Block = Callable[[int, int], Tensor]
TIE = 9  # decimals: order below this is rounding noise (saturated and duplicate words), so the lowest word wins


class Cosines(Protocol):
    """Image-word cosines P [N,M], read in blocks of words so that P never has to exist."""

    @property
    def words(self) -> int:
        """M, the number of words."""

    def rows(self, images: Tensor) -> Block:
        """Prepare these images [I]; the block (start, stop) is P[images, start:stop] in float64."""

    def means(self, groups: Tensor) -> Block:
        """Prepare groups of images [U,k]; the block is the mean cosine [U, stop-start] over each group."""


class VectorCosines:
    """Cosines of image vectors [N,D] with text vectors [M,D]; tensors, arrays or memory maps, any float type."""

    def __init__(self, image: Tensor | NDArray[Any], text: Tensor | NDArray[Any]) -> None:
        if image.ndim != 2 or text.ndim != 2 or image.shape[1] != text.shape[1]:
            raise ValueError(f"vectors do not meet: images {tuple(image.shape)}, texts {tuple(text.shape)}")
        self.image, self.text = image, text

    @property
    def words(self) -> int:
        return int(self.text.shape[0])

    def _images(self, index: Tensor) -> Tensor:
        picked = self.image[index] if isinstance(self.image, Tensor) else self.image[index.numpy()]
        return unit_rows(_float64(picked))

    def _texts(self, start: int, stop: int) -> Tensor:
        return unit_rows(_float64(self.text[start:stop]))

    def rows(self, images: Tensor) -> Block:
        vectors = self._images(images)
        return lambda start, stop: vectors @ self._texts(start, stop).T

    def means(self, groups: Tensor) -> Block:
        vectors = torch.stack([self._images(group).mean(0) for group in groups])
        return lambda start, stop: vectors @ self._texts(start, stop).T


class MatrixCosines:
    """Cosines that are already a matrix P [N,M]."""

    def __init__(self, p: Tensor | NDArray[Any]) -> None:
        if p.ndim != 2:
            raise ValueError(f"expected cosines [images, words], got shape {tuple(p.shape)}")
        self.p = p

    @property
    def words(self) -> int:
        return int(self.p.shape[1])

    def rows(self, images: Tensor) -> Block:
        index = images if isinstance(self.p, Tensor) else images.numpy()
        return lambda start, stop: _float64(self.p[index, start:stop])

    def means(self, groups: Tensor) -> Block:
        blocks = [self.rows(group) for group in groups]
        return lambda start, stop: torch.stack([block(start, stop).mean(0) for block in blocks])


@dataclass(frozen=True)
class BestWords:
    """The n best words of each unit; places that no eligible word fills hold index -1 and NaN."""

    index: Tensor  # [U,n] int64, word
    score: Tensor  # [U,n] float64
    mean_cosine: Tensor  # [U,n] float64, over the unit's top images
    matrix: Tensor | None = None  # [U,M] float64, on request


def soft_wpmi_blocks(
    cosines: Cosines,
    top_index: Tensor,
    *,
    a: float = 10.0,
    lam: float = 1.0,
    min_prob: float = 1e-7,
    p_start: float = 0.998,
    p_end: float = 0.97,
    n: int = 5,
    floor: float | None = None,
    full: bool = False,
    budget: int = 256 << 20,
) -> BestWords:
    """The n best words by soft WPMI for every unit of one layer, in memory bounded by `budget` bytes.

    `top_index` [U,k] int64: each unit's top images, highest first (TopK). S is the softmax over all words of a P;
    L[u,m] = sum_r ln((1-p_r) + min_prob + p_r S[i_r,m]), p_r = p_start - (p_start-p_end) r/k; score = L - lam
    (logsumexp_u L - ln U). Words whose mean cosine over the unit's top images is below `floor` are not eligible.
    Beyond the budget: the vectors of the selected images in float64 and, if `full`, the matrix [U,M].

    Source: CLIP-Dissect, section 3.3 and appendix (SoftWPMI). Defects avoided: 1 + p (S-1) cancels in float32 (1e-4
    in the score); top_k above N fails (here p_r spreads over the k that exist); equal scores go to the lowest word.
    Couples units, words, images, k. Raises ValueError on an empty selection or vocabulary and on p outside [0, 1].
    """
    if top_index.ndim != 2 or not top_index.numel() or not cosines.words:
        raise ValueError(f"nothing to score: top images {tuple(top_index.shape)}, {cosines.words} words")
    if n < 1:
        raise ValueError(f"n must be at least 1, got {n}")
    units, k = top_index.shape
    top_index = top_index.cpu()
    p, rest = presence(k, p_start, p_end, min_prob)
    images, place = torch.unique(top_index, return_inverse=True)
    width = max(16, min(512, cosines.words, budget // (8 * (3 * len(images) + 6 * units))))
    starts = range(0, cosines.words, width)
    rows, means = cosines.rows(images), cosines.means(top_index)

    norm = torch.full((len(images),), -math.inf, dtype=torch.float64)
    for start in starts:
        norm = torch.logaddexp(norm, torch.logsumexp(a * rows(start, min(start + width, cosines.words)), 1))

    best = _Best(units, n)
    matrix = torch.empty(units, cosines.words, dtype=torch.float64) if full else None
    for start in starts:
        stop = min(start + width, cosines.words)
        s = rows(start, stop).mul_(a).sub_(norm[:, None]).exp_()
        score = marginal(_log_product(s, place, p, rest), lam)
        if matrix is not None:
            matrix[:, start:stop] = score
        best.update(score, means(start, stop), start, floor)
    return BestWords(best.index, best.score, best.mean, matrix)


def presence(k: int, p_start: float, p_end: float, min_prob: float) -> tuple[list[float], list[float]]:
    """(p_r, 1 - p_r + min_prob) for r = 0..k-1 in float64; p_end itself is never reached (as in the reference)."""
    if not (0 <= p_start <= 1 and 0 <= p_end <= 1) or min_prob <= 0:
        raise ValueError(f"need p in [0, 1] and min_prob > 0, got {p_start}, {p_end}, {min_prob}")
    p = [p_start - (r / k) * (p_start - p_end) for r in range(k)]
    return p, [(1.0 - v) + min_prob for v in p]


def marginal(log_likelihood: Tensor, lam: float) -> Tensor:
    """L [U,M] -> L - lam (logsumexp over units - ln U): what the layer's other units explain as well is taken off."""
    return log_likelihood - lam * (torch.logsumexp(log_likelihood, 0) - math.log(log_likelihood.shape[0]))


def _log_product(s: Tensor, place: Tensor, p: list[float], rest: list[float]) -> Tensor:
    """sum_r ln(rest_r + p_r S[place[:, r]]) as logarithms of products, which spares k-1 of k logarithms."""
    total = torch.zeros(place.shape[0], s.shape[1], dtype=torch.float64)
    product, term = torch.ones_like(total), torch.empty_like(total)
    smallest = 0.0
    for r, (p_r, rest_r) in enumerate(zip(p, rest, strict=True)):
        smallest += math.log(rest_r)
        if smallest < -600:  # the product could leave the range of normal float64 numbers
            total += product.log()
            product.fill_(1.0)
            smallest = math.log(rest_r)
        torch.index_select(s, 0, place[:, r], out=term)
        product.mul_(term.mul_(p_r).add_(rest_r))
    return total.add_(product.log_())


class _Best:
    """Running n best words of each unit; words come in ascending order, so only a strictly better one enters."""

    def __init__(self, units: int, n: int) -> None:
        self.score = torch.full((units, n), math.nan, dtype=torch.float64)
        self.mean = self.score.clone()
        self.index = torch.full((units, n), -1, dtype=torch.int64)
        self._key = torch.full((units, n), -math.inf, dtype=torch.float64)

    def update(self, score: Tensor, mean: Tensor, start: int, floor: float | None) -> None:
        key = torch.round(score, decimals=TIE)
        if floor is not None:
            key = key.masked_fill(mean < floor, -math.inf)
        columns = (key > self._key[:, -1:]).any(0).nonzero()[:, 0]
        if not len(columns):
            return
        units, n = self._key.shape
        key = torch.cat([self._key, key[:, columns]], 1)
        order = key.sort(dim=1, descending=True, stable=True).indices[:, :n]
        self._key = key.gather(1, order)
        filled = self._key > -math.inf
        index = torch.cat([self.index, (columns + start).expand(units, -1)], 1).gather(1, order)
        self.index = index.masked_fill(~filled, -1)
        self.score = torch.cat([self.score, score[:, columns]], 1).gather(1, order).masked_fill(~filled, math.nan)
        self.mean = torch.cat([self.mean, mean[:, columns]], 1).gather(1, order).masked_fill(~filled, math.nan)


def soft_wpmi(
    p: Tensor,
    activations: Tensor,
    *,
    top_k: int = 100,
    a: float = 10.0,
    lam: float = 1.0,
    min_prob: float = 1e-7,
    p_start: float = 0.998,
    p_end: float = 0.97,
) -> Tensor:
    """Score [U,M] float64 of P [N,M] and activations [N,U] in memory; the formula of soft_wpmi_blocks written out."""
    _, top = top_images(activations, top_k)
    share, rest = presence(top.shape[1], p_start, p_end, min_prob)
    weight = torch.tensor(share, dtype=torch.float64)[:, None]
    other = torch.tensor(rest, dtype=torch.float64)[:, None]
    s = torch.softmax(a * p.double(), 1)
    return marginal(torch.stack([(other + weight * s[images]).log().sum(0) for images in top]), lam)


def wpmi(
    p: Tensor, activations: Tensor, *, top_k: int = 28, a: float = 2.0, lam: float = 0.6, min_prob: float = 1e-7
) -> Tensor:
    """Score [U,M] float64: as soft_wpmi with L = sum over the top_k images of ln(S + min_prob). CLIP-Dissect, eq. 3."""
    _, top = top_images(activations, top_k)
    log_s = (torch.softmax(a * p.double(), 1) + min_prob).log()
    return marginal(torch.stack([log_s[images].sum(0) for images in top]), lam)


def _float64(x: Tensor | NDArray[Any]) -> Tensor:
    return x.double() if isinstance(x, Tensor) else torch.from_numpy(np.asarray(x, dtype=np.float64))
