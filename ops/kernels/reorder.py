"""CLIP-Dissect's rank_reorder: how well the order in which a word ranks a unit's top images reorders its activations.

It couples images and k; a unit's scores depend on no other unit and a word's on no other word.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .best import BestWords, Ranking
from .cosines import Cosines
from .native import compiled, in_parts

WHOLE = range(1, 9)  # powers whose running sums keep their digits


def rank_reorder_blocks(
    cosines: Cosines,
    values: Tensor,
    top_index: Tensor,
    *,
    power: float = 3.0,
    scale_power: float = 0.5,
    permutations: Tensor | None = None,
    n: int = 5,
    floor: float | None = None,
    full: bool = False,
    budget: int = 256 << 20,
) -> BestWords:
    """The n best words of each unit; 0 would be a perfect order, all scores are negative.

    `values` and `top_index` [U,t]: each unit's top activations d, descending, and their images. With s the activations
    ascending and r the rank of an image's cosine with the word among them: score = -(mean |d - s[r]|^power / base) /
    (mean cosine)^scale_power. `base` is the same mean for a random order, taken as its expectation (mean over all
    ordered pairs), or over given `permutations` [U,R,t].

    A word's cosines, compared as float32, are sorted once for all units; a unit's ranks are then counts of bits before
    a place. Of equal cosines the image of the lower number comes first. Entries without a value, for a word of mean
    cosine <= 0 or a unit constant over its top images, get no place: every true score is at most 0, so a 0 would win.

    Source: CLIP-Dissect, appendix (rank reorder). Defects avoided: a baseline from an unseeded generator, NaN under the
    root, division by a zero base. Raises ValueError if t < 2: one image has no order.
    """
    if top_index.ndim != 2 or top_index.shape != values.shape or not top_index.numel() or not cosines.words:
        raise ValueError(f"nothing to score: top images {tuple(top_index.shape)}, {cosines.words} words")
    if top_index.shape[1] < 2:
        raise ValueError("rank_reorder compares the order of top images: one image has none")
    images, place = torch.unique(top_index, return_inverse=True)
    ascending = values.double().flip(1).contiguous()
    base = baseline(ascending, power, permutations).numpy()
    rows, means = cosines.rows(images), cosines.means(top_index)
    ranking = Ranking(cosines, top_index, n, floor, full)
    numbers, s = place.to(torch.int32).contiguous().numpy(), ascending.numpy()
    width = max(1, min(512, cosines.words, budget // (28 * len(images) + 40 * len(s))))
    for start in range(0, cosines.words, width):
        stop = min(start + width, cosines.words)
        order = sorted_images(rows(start, stop))
        wrong = np.empty((stop - start, len(s)))
        in_parts(
            stop - start,
            lambda a, b, order=order, wrong=wrong: _distances(order[a:b], numbers, s, power, wrong[a:b]),  # type: ignore[misc]
        )
        mean = means(start, stop)
        score = -torch.from_numpy(wrong.T / np.where(base > 0, base, 1.0)[:, None])
        score = score / mean.clamp(min=0).pow(scale_power)
        defined = (mean > 0) & torch.from_numpy(base > 0)[:, None]
        ranking.update(torch.where(defined, score, -torch.inf), start)
    return ranking.result()


def baseline(s: Tensor, power: float, permutations: Tensor | None = None) -> Tensor:
    """[U]: mean |s_i - s_j|^power over all ordered pairs of ascending activations [U,t], or over permutations [U,R,t].

    For whole powers the mean over pairs comes from running sums of powers, for others pair by pair.
    """
    if permutations is not None:
        each = zip(s, permutations, strict=True)
        return torch.stack([(row - row[some.long()]).abs().pow(power).mean() for row, some in each])
    if power not in WHOLE:
        total = np.empty(len(s))
        rows = s.contiguous().numpy()
        in_parts(len(s), lambda a, b: _pairs(rows[a:b], power, total[a:b]))
        return torch.from_numpy(total)
    p, t = int(power), s.shape[1]
    centre = s.mean(1, keepdim=True)
    far = (s - centre).abs().amax(1, keepdim=True)
    z = (s - centre) / torch.where(far > 0, far, 1.0)
    found = torch.zeros(len(s), dtype=torch.float64)
    for k in range(p + 1):  # (z_j - z_i)^p over i < j, by the binomial theorem
        before = torch.cumsum(z**k, 1) - z**k
        found += math.comb(p, k) * (-1) ** k * (z ** (p - k) * before).sum(1)
    varied = s[:, -1] > s[:, 0]
    return torch.where(varied, 2 * found / t**2 * far[:, 0] ** p, 0.0)


def sorted_images(p: Tensor) -> NDArray[np.int64]:
    """[w,I]: the rows of cosines [I,w] by each column, ascending, compared as float32; equal ones by their number.

    One sort of whole numbers: the float's bits, turned so that they order as the float does, above the row's number.
    """
    bits = p.T.contiguous().float().add_(0.0).numpy().view(np.int32)  # -0 + 0 is +0: they are equal
    keys: NDArray[np.int64] = np.where(bits < 0, bits ^ 0x7FFFFFFF, bits).astype(np.int64)
    keys <<= 32
    keys |= np.arange(p.shape[0], dtype=np.int64)
    keys.sort(axis=1)
    keys &= 0xFFFFFFFF
    return keys


@compiled
def _distances(order: NDArray[Any], place: NDArray[Any], s: NDArray[Any], power: float, out: NDArray[Any]) -> None:
    """out[w,u] = mean over i of |d_i - s[rank]|^power, d the activations of unit u descending, and rank that of its
    image place[u,i] among the unit's images in the order of word w.

    A bit is set at the place of each of the unit's images; the rank is the number of bits below it.
    """
    words, images = order.shape
    units, t = place.shape
    blocks = images // 64 + 1
    one, m1, m2 = np.uint64(1), np.uint64(0x5555555555555555), np.uint64(0x3333333333333333)
    m4, h01 = np.uint64(0x0F0F0F0F0F0F0F0F), np.uint64(0x0101010101010101)
    at = np.empty(images, np.int32)
    bits, below = np.empty(blocks, np.uint64), np.empty(blocks, np.int32)
    for w in range(words):
        for i in range(images):
            at[order[w, i]] = i
        for u in range(units):
            bits[:] = 0
            for i in range(t):
                q = at[place[u, i]]
                bits[q >> 6] |= one << np.uint64(q & 63)
            count = np.int64(0)
            for b in range(blocks):
                below[b] = count
                x = bits[b]  # counting the ones of a word of 64 bits, which compilers know as one instruction
                x -= (x >> one) & m1
                x = (x & m2) + ((x >> np.uint64(2)) & m2)
                x = (x + (x >> np.uint64(4))) & m4
                count += np.int64((x * h01) >> np.uint64(56))
            total = 0.0
            for i in range(t):
                q = at[place[u, i]]
                x = bits[q >> 6] & ((one << np.uint64(q & 63)) - one)
                x -= (x >> one) & m1
                x = (x & m2) + ((x >> np.uint64(2)) & m2)
                x = (x + (x >> np.uint64(4))) & m4
                rank = below[q >> 6] + np.int64((x * h01) >> np.uint64(56))
                far = abs(s[u, t - 1 - i] - s[u, rank])
                if power == 3.0:
                    total += far * far * far
                elif power == 2.0:
                    total += far * far
                else:
                    total += far**power
            out[w, u] = total / t


@compiled
def _pairs(s: NDArray[Any], power: float, out: NDArray[Any]) -> None:
    """out[u] = mean of |s_i - s_j|^power over all ordered pairs."""
    units, t = s.shape
    for u in range(units):
        total = 0.0
        for i in range(t):
            for j in range(i):
                total += abs(s[u, i] - s[u, j]) ** power
        out[u] = 2.0 * total / (t * t)
