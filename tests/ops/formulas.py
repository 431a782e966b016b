"""The five similarities of CLIP-Dissect as their formulas read, in numpy and float64: no blocks, no streams, no torch.

P [N,M] are image-word cosines, A [N,U] activations; scores come out as [U,M]. Oikarinen and Weng 2023, section 3 and
appendix; what has no value is NaN.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def top(a: Array, k: int) -> NDArray[np.int64]:
    """[U,k]: images by descending activation, of equal ones the lowest first."""
    return np.argsort(-a, axis=0, kind="stable")[:k].T


def softmax(x: Array) -> Array:
    e = np.exp(x - x.max(1, keepdims=True))
    return np.asarray(e / e.sum(1, keepdims=True))


def less_prior(logs: Array, lam: float) -> Array:
    most = logs.max(0)
    prior = most + np.log(np.exp(logs - most).sum(0))
    return np.asarray(logs - lam * (prior - np.log(len(logs))))


def soft_wpmi(
    p: Array, a: Array, top_k: int = 100, a_softmax: float = 10, lam: float = 1, min_prob: float = 1e-7,
    p_start: float = 0.998, p_end: float = 0.97,
) -> Array:  # fmt: skip
    images = top(a, top_k)
    k = images.shape[1]
    s, seen = softmax(a_softmax * p), (p_start - np.arange(k) / k * (p_start - p_end))[:, None]
    return less_prior(np.array([np.log((1 - seen) + min_prob + seen * s[i]).sum(0) for i in images]), lam)


def wpmi(p: Array, a: Array, top_k: int = 28, a_softmax: float = 2, lam: float = 0.6, min_prob: float = 1e-7) -> Array:
    s = softmax(a_softmax * p)
    return less_prior(np.array([np.log(s[i] + min_prob).sum(0) for i in top(a, top_k)]), lam)


def cos_similarity(p: Array, a: Array) -> Array:
    norms = np.linalg.norm(a, axis=0)[:, None] * np.linalg.norm(p, axis=0)
    return np.asarray(np.divide(a.T @ p, norms, out=np.zeros(norms.shape), where=norms > 0))


def cos_similarity_cubed(p: Array, a: Array, min_norm: float = 1e-3) -> Array:
    def scaled(x: Array) -> Array:
        cubes = (x - x.mean(0)) ** 3
        return np.asarray(cubes / np.maximum(np.linalg.norm(cubes, axis=0), min_norm))

    return scaled(a).T @ scaled(p)


def rank_reorder(
    p: Array, a: Array, top_share: float = 0.05, power: float = 3, scale_power: float = 0.5,
    permutations: NDArray[np.int64] | None = None,
) -> Array:  # fmt: skip
    out = np.full((a.shape[1], p.shape[1]), np.nan)
    for u, images in enumerate(top(a, int(np.floor(top_share * len(a))))):
        d = a[images, u]
        s = d[::-1]
        pairs = s[:, None] - (s[None, :] if permutations is None else s[permutations[u]].T)
        base = (np.abs(pairs) ** power).mean()
        for m in range(p.shape[1]):
            q = p[images, m]
            rank = np.empty(len(q), np.int64)
            rank[np.lexsort((images, q))] = np.arange(len(q))
            if base > 0 and q.mean() > 0:
                out[u, m] = -(np.abs(d - s[rank]) ** power).mean() / base / q.mean() ** scale_power
    return out
