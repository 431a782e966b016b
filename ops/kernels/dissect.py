"""The three CLIP-Dissect similarities that compare activations with cosines directly, and the best words of a score.

Each takes P [N,M] (image-word cosines) and activations [N,U] and gives scores [U,M] in float64. They couple images;
a unit's row depends on no other unit and a word's column on no other word.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from .similarity import top_images


def cos_similarity(p: Tensor, activations: Tensor) -> Tensor:
    """Cosine of each activation column with each cosine column, not centred; 0 where a column is all zero.

    CLIP-Dissect, table of similarity functions. The reference divides by zero and lets the NaN win the argmax.
    """
    a, q = _columns(p, activations)
    return _scaled(a, 0.0).T @ _scaled(q, 0.0)


def cos_similarity_cubed(p: Tensor, activations: Tensor, *, floor: float = 1e-3) -> Tensor:
    """Columns centred, cubed, divided by max(2-norm, floor), then multiplied: large values weigh most.

    The floor also bites for legitimately tiny activations, whose scores then shrink.
    """
    a, q = _columns(p, activations)
    return _scaled((a - a.mean(0)) ** 3, floor).T @ _scaled((q - q.mean(0)) ** 3, floor)


def rank_reorder(
    p: Tensor,
    activations: Tensor,
    *,
    top_fraction: float = 0.05,
    power: float = 3.0,
    scale_power: float = 0.5,
    permutations: Tensor | None = None,
) -> Tensor:
    """How well a word's ranking of a unit's top images reorders its activations; 0 is perfect, others negative.

    n = floor(top_fraction N) images, d their activations descending, s ascending, r the rank of their cosine with the
    word: score = -(mean |d - s[r]|^power / base) / (mean cosine)^scale_power. `base` is the same mean for a random
    order, taken as its expectation (mean over all ordered pairs), or over given `permutations` [U,R,n].

    Entries that have no value, for a word of mean cosine <= 0 or a unit constant over its top images, are -inf: every
    true score is at most 0, so a 0 would win. Defects avoided: baseline from an unseeded generator, NaN under the root,
    division by a zero base. Tied cosines keep the order of activation. Raises ValueError if n < 2.
    """
    _columns(p, activations)
    n = math.floor(top_fraction * p.shape[0])
    if n < 2:
        need = math.ceil(2 / top_fraction)
        raise ValueError(
            f"rank_reorder compares the top {top_fraction:.0%} of {p.shape[0]} images: give {need} or more"
        )
    values, top = top_images(activations.double(), n)
    out = torch.empty(top.shape[0], p.shape[1], dtype=torch.float64)
    for unit, (d, images) in enumerate(zip(values, top, strict=True)):
        q, s = p[images].double(), d.flip(0)
        rank = q.argsort(dim=0, stable=True).argsort(dim=0)
        wrong = (d[:, None] - s[rank]).abs().pow(power).mean(0)
        other = s[None, :] if permutations is None else s[permutations[unit].long()]
        base = (s[:, None] - other if permutations is None else s - other).abs().pow(power).mean()
        mean = q.mean(0)
        score = -(wrong / base) / mean.clamp(min=0).pow(scale_power)
        out[unit] = torch.where((mean > 0) & (base > 0), score, -torch.inf)
    return out


def best_words(score: Tensor, n: int) -> tuple[Tensor, Tensor]:
    """(index [U,n] int64, score [U,n]) of scores [U,M], best first, equal ones by the lowest word.

    NaN and -inf never win: places without a value hold index -1 and NaN. n is clamped to M.
    """
    key = torch.where(torch.isnan(score), -torch.inf, score)
    order = key.sort(dim=1, descending=True, stable=True).indices[:, :n]
    best = key.gather(1, order)
    filled = best > -torch.inf
    return order.masked_fill(~filled, -1), best.masked_fill(~filled, math.nan)


def _columns(p: Tensor, activations: Tensor) -> tuple[Tensor, Tensor]:
    if p.ndim != 2 or activations.ndim != 2 or p.shape[0] != activations.shape[0]:
        raise ValueError(
            f"cosines {tuple(p.shape)} and activations {tuple(activations.shape)} are not of the same images"
        )
    if not bool(torch.isfinite(activations).all()) or not bool(torch.isfinite(p).all()):
        raise ValueError("activations or cosines hold NaN or infinity")
    return activations.double(), p.double()


def _scaled(x: Tensor, floor: float) -> Tensor:
    norm = x.norm(dim=0).clamp(min=floor)
    return x / torch.where(norm > 0, norm, 1.0)
