"""Why a linear head is wrong: how much each group of features pushes it from the true class to the one it took.

FALCON's failure debugging (Kalibhat et al., section 5) ranks the features of a wrong image by their part in the logit.
With logits x W^T + b, feature j of image i adds (W[p,j] - W[t,j]) x[i,j] to the lead of the predicted class p over the
true class t; a group adds the sum over its units where it fires, nothing where it does not. What it adds on the images
of a slice is compared with what it adds, for the same pairs (t,p), on images of class t that are classified right: so a
group that any image of the class has says nothing.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Floats = NDArray[np.float64]
NORMAL = 1.96  # standard errors to either side: 95 in 100 of a normal distribution


@dataclass(frozen=True)
class Pushes:
    """For slices [S] and groups [G]: logits toward the wrong class, as means over images.

    `wrong` on the images of the slice, `deviation` their standard deviation (n - 1), `right` on rightly classified
    images of the same classes, `share` and `right_share` of either on which the group fires. NaN without an image.
    """

    wrong: Floats
    deviation: Floats
    right: Floats
    share: Floats
    right_share: Floats


class Pushing:
    """Gathers `Pushes` while features stream past. Memory: classes x units in groups, and slices x groups."""

    def __init__(self, weight: Floats, groups: Sequence[Sequence[int]], slices: sparse.csr_matrix,
                 true: NDArray[np.int64], predicted: NDArray[np.int64]) -> None:  # fmt: skip
        """`weight` [C,D]; `slices` [N,S], True where an image is in a slice; `true` and `predicted` [N] classes."""
        self.weight, self.slices, self.true, self.predicted = weight, slices, true, predicted
        self.units = np.array([unit for group in groups for unit in group], np.int64)
        self.group = np.repeat(np.arange(len(groups)), [len(group) for group in groups])
        self.sum_of = sparse.csr_matrix(
            (np.ones(len(self.units)), (np.arange(len(self.units)), self.group)), (len(self.units), len(groups))
        )
        classes, shape = len(weight), (slices.shape[1], len(groups))
        self.right, self.fires = np.zeros((classes, len(self.units))), np.zeros((classes, len(groups)))
        self.count = np.bincount(true[true == predicted], minlength=classes)
        self.total, self.squares, self.inside = np.zeros(shape), np.zeros(shape), np.zeros(shape)
        self.seen = 0

    def update(self, x: NDArray[np.float32], fires: sparse.csr_matrix) -> None:
        """Features [n,D] of the next images, and which groups fire there [n,G]."""
        here = slice(self.seen, self.seen + len(x))
        self.seen += len(x)
        true, predicted, slices = self.true[here], self.predicted[here], self.slices[here]
        member = fires.toarray()
        added = x[:, self.units].astype(np.float64) * member[:, self.group]
        right = true == predicted
        of_class = sparse.csr_matrix(
            (np.ones(int(right.sum())), (true[right], np.flatnonzero(right))), (len(self.weight), len(x))
        )
        self.right += of_class @ added
        self.fires += of_class @ member.astype(np.float64)
        some = np.flatnonzero(np.diff(slices.indptr))
        lead = (self.weight[predicted[some]] - self.weight[true[some]])[:, self.units]
        pushed, of = (added[some] * lead) @ self.sum_of, slices[some].astype(np.float64).T
        self.total += of @ pushed
        self.squares += of @ pushed**2
        self.inside += of @ member[some].astype(np.float64)

    def result(self) -> Pushes:
        size = np.asarray(self.slices.sum(0), np.float64).reshape(-1, 1)
        with np.errstate(divide="ignore", invalid="ignore"):
            wrong, share = self.total / size, self.inside / size
            deviation = np.sqrt(np.maximum(self.squares - size * wrong**2, 0.0) / (size - 1))
        right, right_share = np.zeros_like(wrong), np.zeros_like(wrong)
        each = np.maximum(self.count, 1)[:, None]
        mean, fires = self.right / each, self.fires / each
        columns = self.slices.tocsc()
        for s in range(columns.shape[1]):
            images = columns.indices[columns.indptr[s] : columns.indptr[s + 1]]
            pairs, count = np.unique(np.stack([self.true[images], self.predicted[images]]), axis=1, return_counts=True)
            for t, p, n in zip(*pairs.tolist(), count.tolist(), strict=True):
                lead = (self.weight[p] - self.weight[t])[self.units]
                right[s] += n / size[s] * ((lead * mean[t]) @ self.sum_of)
                right_share[s] += n / size[s] * fires[t]
        return Pushes(wrong, deviation, right, share, right_share)


@dataclass(frozen=True)
class Difference:
    """For slices [S] and words [W]: how much more often images of a slice bring a word than right images of the same
    classes, and the 95 % interval of that difference of means; NaN where there are no images to compare."""

    score: Floats
    low: Floats
    high: Floats


def differences(
    wrong: Sequence[Floats], true: Sequence[NDArray[np.int64]], right: Mapping[int, Floats]
) -> Difference:
    """`wrong`: for each slice the words' shares of its images' captions [n,W], `true` [n] the classes of these images;
    `right`: by class those of rightly classified images [m,W]. Classes weigh as in the slice; those that are never
    right do not count. The interval is that of a normal distribution (1.96 standard errors)."""
    rows = []
    for shares, classes in zip(wrong, true, strict=True):
        known = np.array([c for c in np.unique(classes) if len(right.get(int(c), ()))], np.int64)
        compared = np.isin(classes, known)
        if not compared.any():
            rows.append(np.full((3, shares.shape[1]), np.nan))
            continue
        shares, classes = shares[compared], classes[compared]
        score, error = shares.mean(0), _error(shares)
        for c in known.tolist():
            weight = float((classes == c).mean())
            score = score - weight * right[c].mean(0)
            error = error + weight**2 * _error(right[c])
        half = NORMAL * np.sqrt(error)
        rows.append(np.stack([score, score - half, score + half]))
    found = np.stack(rows, 1) if rows else np.zeros((3, 0, 0))
    return Difference(*found)


def _error(shares: Floats) -> Floats:
    """The squared standard error of the mean of [n,W]; infinite for one image."""
    found: Floats = shares.var(0, ddof=1) / len(shares) if len(shares) > 1 else np.full(shares.shape[1], np.inf)
    return found


def clusters(vectors: NDArray[np.float32], k: int, seed: int) -> NDArray[np.int64]:
    """The cluster [n] of vectors [n,D] of 2-norm 1 by k-means, started as by Arthur and Vassilvitskii (SODA 2007), by
    size; fewer than k where some stay empty or there are fewer vectors."""
    from scipy.cluster.vq import kmeans2

    k = min(k, len(vectors))
    if k < 2:
        return np.zeros(len(vectors), np.int64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that a cluster is empty, which is allowed
        _, found = kmeans2(vectors.astype(np.float64), k, iter=50, minit="++", seed=seed, missing="warn")
    sizes = np.bincount(found, minlength=k)
    first = np.array([np.flatnonzero(found == c)[0] if sizes[c] else len(found) for c in range(k)])
    place = np.empty(k, np.int64)
    place[np.lexsort([first, -sizes])] = np.arange(k)
    numbers: NDArray[np.int64] = place[found]
    return numbers
