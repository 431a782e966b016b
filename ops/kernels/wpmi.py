"""Soft WPMI and WPMI of CLIP-Dissect: how much more a word belongs to one unit's top images than to the layer's.

Scores couple units (the marginal runs over the layer), words (the softmax over the vocabulary), images and k
(which images, and p_r over the ranks). None of the four may be sliced before these kernels; the vectors, the
activations and the selection of images may. It follows from the marginal that scores of two layers do not compare,
that with lam = 1 no score exceeds ln U, and that a layer of one unit scores exactly 0 everywhere.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .best import BestWords, Ranking
from .cosines import Block, Cosines
from .native import compiled, in_parts

CACHE = 12 << 20  # bytes of a block of S: what a processor's last cache can hold, as units read its rows out of order
RANGE = 600.0  # how far a product of factors may go, as a logarithm, within the range of float64 (709)


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
    p, rest = presence(top_index.shape[-1], p_start, p_end, min_prob)
    return _blocks(cosines, top_index, p, rest, a=a, lam=lam, n=n, floor=floor, full=full, budget=budget)


def wpmi_blocks(
    cosines: Cosines,
    top_index: Tensor,
    *,
    a: float = 2.0,
    lam: float = 0.6,
    min_prob: float = 1e-7,
    n: int = 5,
    floor: float | None = None,
    full: bool = False,
    budget: int = 256 << 20,
) -> BestWords:
    """As soft_wpmi_blocks with L = sum over the top images of ln(S + min_prob): every one of them counts fully.

    Source: CLIP-Dissect, eq. 3. Couples units, words, images, k.
    """
    k = top_index.shape[-1]
    if min_prob <= 0:
        raise ValueError(f"need min_prob > 0, got {min_prob}")
    return _blocks(
        cosines, top_index, [1.0] * k, [min_prob] * k, a=a, lam=lam, n=n, floor=floor, full=full, budget=budget
    )


def presence(k: int, p_start: float, p_end: float, min_prob: float) -> tuple[list[float], list[float]]:
    """(p_r, 1 - p_r + min_prob) for r = 0..k-1 in float64; p_end itself is never reached (as in the reference)."""
    if not (0 <= p_start <= 1 and 0 <= p_end <= 1) or min_prob <= 0:
        raise ValueError(f"need p in [0, 1] and min_prob > 0, got {p_start}, {p_end}, {min_prob}")
    p = [p_start - (r / k) * (p_start - p_end) for r in range(k)]
    return p, [(1.0 - v) + min_prob for v in p]


def _blocks(
    cosines: Cosines, top_index: Tensor, p: Sequence[float], rest: Sequence[float], *, a: float, lam: float, n: int,
    floor: float | None, full: bool, budget: int,
) -> BestWords:  # fmt: skip
    if top_index.ndim != 2 or not top_index.numel() or not cosines.words:
        raise ValueError(f"nothing to score: top images {tuple(top_index.shape)}, {cosines.words} words")
    top_index = top_index.cpu()
    ranking = Ranking(cosines, top_index, n, floor, full)
    images, place = torch.unique(top_index, return_inverse=True)
    width = block_width(len(images), len(top_index), cosines.words, budget // 2)
    score = scorer(place, p, rest, lam)
    for start, s in softmax_blocks(cosines.rows(images), cosines.words, len(images), a, width, budget // 2):
        ranking.update(score(s), start)
    return ranking.result()


def block_width(images: int, units: int, words: int, budget: int) -> int:
    """How many words a block has: what the budget allows, and what a processor's cache can hold of S."""
    fits = budget // (8 * (3 * images + 6 * units))
    return max(16, min(512, words, fits, max(64, CACHE // (8 * images))))


def softmax_blocks(
    rows: Block, words: int, images: int, a: float, width: int, budget: int
) -> Iterator[tuple[int, Tensor]]:
    """(start, S[:, start:start+width]) with S the softmax over all words of a P, for the rows of `images` images.

    The norm of the softmax takes a pass over all words before; blocks of `budget` bytes are kept from it.
    """
    starts = range(0, words, width)
    kept: dict[int, Tensor] = {}
    norm = torch.full((images,), -math.inf, dtype=torch.float64)
    for start in starts:
        block = rows(start, min(start + width, words)).mul_(a)
        norm = torch.logaddexp(norm, torch.logsumexp(block, 1))
        if (len(kept) + 1) * 8 * images * width <= budget:
            kept[start] = block
    for start in starts:
        found = kept.pop(start, None)
        block = rows(start, min(start + width, words)).mul_(a) if found is None else found
        yield start, block.sub_(norm[:, None]).exp_()


def scorer(place: Tensor, p: Sequence[float], rest: Sequence[float], lam: float) -> Callable[[Tensor], Tensor]:
    """From a block of S [I,w] to the scores [U,w] of units whose top images are its rows `place` [U,k].

    sum_r ln(rest_r + p_r S) is sum_r ln rest_r plus the logarithm of a product of factors 1 + (p_r / rest_r) S, so one
    logarithm is taken and not k. Ranks are cut into runs whose products stay within the range of float64.
    """
    ratio = np.array([v / w for v, w in zip(p, rest, strict=True)])
    constant = sum(math.log(v) for v in rest)
    runs = _runs(ratio)
    index = np.ascontiguousarray(place.numpy())
    units = len(index)

    def score(s: Tensor) -> Tensor:
        products = np.empty((units, s.shape[1]))
        held = s.contiguous().numpy()
        total: Tensor | None = None
        for start, stop in runs:
            ranks, ratios = np.ascontiguousarray(index[:, start:stop]), ratio[start:stop]
            in_parts(units, lambda a, b, r=ranks, c=ratios: _products(held, r[a:b], c, products[a:b]))  # type: ignore[misc]
            product = torch.from_numpy(products)
            if len(runs) == 1:  # then the exponentials of the marginal are the products themselves
                prior = product.sum(0).log_()
                total = product.log_()
            else:
                total = product.log() if total is None else total.add_(product.log())
        assert total is not None
        if len(runs) > 1:
            prior = torch.logsumexp(total, 0)
        # With lam = 1 the constant falls out, and with it the digits it would cost.
        return total.sub_(lam * (prior - math.log(units)) - (1.0 - lam) * constant)

    return score


def _runs(ratio: NDArray[np.float64]) -> list[tuple[int, int]]:
    """Runs of ranks whose factors, at most 1 + ratio as S is at most 1, multiply to no more than exp(RANGE)."""
    runs, start, reached = [], 0, 0.0
    for r, most in enumerate(np.log1p(ratio).tolist()):
        if r > start and reached + most > RANGE:
            runs.append((start, r))
            start, reached = r, 0.0
        reached += most
    return [*runs, (start, len(ratio))]


@compiled
def _products(s: NDArray[Any], place: NDArray[Any], ratio: NDArray[Any], out: NDArray[Any]) -> None:
    """out[u,m] = product over r of 1 + ratio[r] s[place[u,r], m], in float64. Eight ranks at a time: `out` is then read
    and written once for eight rows of `s`."""
    units, k = place.shape
    words = s.shape[1]
    whole = k - k % 8
    for u in range(units):
        row = out[u]
        row[:] = 1.0
        for r in range(0, whole, 8):
            s0, s1, s2, s3 = s[place[u, r]], s[place[u, r + 1]], s[place[u, r + 2]], s[place[u, r + 3]]
            s4, s5, s6, s7 = s[place[u, r + 4]], s[place[u, r + 5]], s[place[u, r + 6]], s[place[u, r + 7]]
            c0, c1, c2, c3 = ratio[r], ratio[r + 1], ratio[r + 2], ratio[r + 3]
            c4, c5, c6, c7 = ratio[r + 4], ratio[r + 5], ratio[r + 6], ratio[r + 7]
            for m in range(words):
                one = ((1.0 + c0 * s0[m]) * (1.0 + c1 * s1[m])) * ((1.0 + c2 * s2[m]) * (1.0 + c3 * s3[m]))
                two = ((1.0 + c4 * s4[m]) * (1.0 + c5 * s5[m])) * ((1.0 + c6 * s6[m]) * (1.0 + c7 * s7[m]))
                row[m] *= one * two
        for r in range(whole, k):
            s0, c0 = s[place[u, r]], ratio[r]
            for m in range(words):
                row[m] *= 1.0 + c0 * s0[m]
