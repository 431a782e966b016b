"""How good the names of units are where the true names are known: CLIP-Dissect (ICLR 2023), section 4.2, tables 2-3."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from .similarity import unit_rows


@dataclass(frozen=True)
class NamingScores:
    """Shares in [0,1], ranks from 1; `auc` is NaN when all units are named right or all wrong."""

    top1: float
    top5: float
    mean_rank: float
    median_rank: int  # upper median: element n // 2 of the sorted ranks
    auc: float  # of the best score as a predictor of 'the best word is the true one'


def naming_scores(score: Tensor, true: Tensor | None = None) -> NamingScores:
    """Scores [U,M] against the true word of each unit [U] (default: word u for unit u).

    A word is ranked behind equal scores of lower index, as labels are chosen. A unit counts once, however often its
    name stands in the list (the reference counts every match). Raises ValueError without a true word per unit.
    """
    units, words = score.shape
    true = torch.arange(units) if true is None else true
    if true.shape != (units,) or not units or int(true.min()) < 0 or int(true.max()) >= words:
        raise ValueError(f"need one true word of {words} for each of {units} units")
    score = torch.where(torch.isnan(score), -torch.inf, score.double())
    own = score.gather(1, true[:, None])
    before = torch.arange(words) < true[:, None]
    rank = 1 + ((score > own) | ((score == own) & before)).sum(1)
    right = rank == 1
    ordered = rank.sort().values
    return NamingScores(
        float(right.double().mean()),
        float((rank <= 5).double().mean()),
        float(rank.double().mean()),
        int(ordered[units // 2]),
        auc(score.max(1).values, right),
    )


def auc(score: Tensor, positive: Tensor) -> float:
    """Area under the ROC curve of scores [n] for bool labels [n]; ties count one half, NaN if a class is missing."""
    hits, misses = score[positive].sort().values, score[~positive].sort().values
    if not len(hits) or not len(misses):
        return math.nan
    below = torch.searchsorted(misses, hits, right=False).double()
    until = torch.searchsorted(misses, hits, right=True).double()
    return float((below + until).sum() / (2 * len(hits) * len(misses)))


def label_cosine(predicted: Tensor, true: Tensor) -> float:
    """Mean cosine of the text vectors of predicted and true names, row by row [U,D].

    Has a high floor in CLIP's space (.6 for unrelated words): report a random and a constant word beside it. Rows are
    scaled here; the reference relies on its sentence encoder for that.
    """
    if predicted.shape != true.shape or not len(predicted):
        raise ValueError(f"vectors do not pair: {tuple(predicted.shape)} and {tuple(true.shape)}")
    return float((unit_rows(predicted.double()) * unit_rows(true.double())).sum(1).mean())
