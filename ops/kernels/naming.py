"""How good the names of units are where the true names are known: CLIP-Dissect (ICLR 2023), section 4.2, tables 2-3."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]


@dataclass(frozen=True)
class NamingScores:
    """Shares in [0,1], ranks from 1; NaN for what cannot be said. `auc` is NaN when all units are named right or all
    wrong; ranks when the true name of a unit is not among its words."""

    top1: float
    top5: float
    mean_rank: float
    median_rank: float  # upper median: element n // 2 of the sorted ranks
    auc: float  # of the best score as a predictor of 'the best word is the true one'


def naming_scores(score: ArrayLike, true: ArrayLike | None = None) -> NamingScores:
    """Scores [U,M] against the true word of each unit [U] (default: word u for unit u).

    A word is ranked behind equal scores of lower index, as labels are chosen. A unit counts once, however often its
    name stands in the list (the reference counts every match). Raises ValueError without a true word per unit.
    """
    found = np.asarray(score, np.float64)
    units, words = found.shape
    own_word = np.arange(units) if true is None else np.asarray(true)
    if own_word.shape != (units,) or not units or own_word.min() < 0 or own_word.max() >= words:
        raise ValueError(f"need one true word of {words} for each of {units} units")
    found = np.where(np.isnan(found), -np.inf, found)
    own = found[np.arange(units), own_word][:, None]
    before = np.arange(words) < own_word[:, None]
    rank = 1 + ((found > own) | ((found == own) & before)).sum(1)
    return scores_of_ranks(rank, found.max(1))


def scores_of_ranks(rank: Whole, best: Floats, listed: int | None = None) -> NamingScores:
    """Scores from each unit's rank of its true name [U], 0 where the name is not listed, and its best score [U].

    `listed` is how many words each unit lists; None: all there are. With fewer than five, top5 is NaN.
    """
    right = rank == 1
    ordered = np.sort(np.where(rank == 0, np.iinfo(np.int64).max, rank))
    middle = int(ordered[len(rank) // 2])
    return NamingScores(
        float(right.mean()),
        math.nan if listed is not None and listed < 5 else float(((rank >= 1) & (rank <= 5)).mean()),
        float(rank.mean()) if (rank > 0).all() else math.nan,
        math.nan if middle == np.iinfo(np.int64).max else middle,
        auc(best, right),
    )


def auc(score: ArrayLike, positive: ArrayLike) -> float:
    """Area under the ROC curve of scores [n] for bool labels [n]; ties count one half, NaN if a class is missing."""
    found, hit = np.asarray(score, np.float64), np.asarray(positive, bool)
    hits, misses = found[hit], np.sort(found[~hit])
    if not len(hits) or not len(misses):
        return math.nan
    below, until = np.searchsorted(misses, hits, "left"), np.searchsorted(misses, hits, "right")
    return float((below + until).sum() / (2 * len(hits) * len(misses)))


def label_cosine(predicted: ArrayLike, true: ArrayLike) -> float:
    """Mean cosine of the text vectors of predicted and true names, row by row [U,D].

    Has a high floor in CLIP's space (.6 for unrelated words): report a random and a constant word beside it. Rows are
    scaled here; the reference relies on its sentence encoder for that.
    """
    one, two = np.asarray(predicted, np.float64), np.asarray(true, np.float64)
    if one.shape != two.shape or not len(one):
        raise ValueError(f"vectors do not pair: {one.shape} and {two.shape}")
    return float((unit_length(one) * unit_length(two)).sum(1).mean())


def unit_length(rows: Floats) -> Floats:
    """Rows [n,D] divided by their 2-norm; a zero row stays zero."""
    norm = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.where(norm > 0, norm, 1.0))
