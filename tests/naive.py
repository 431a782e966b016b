"""What queries ask for, in a few lines of numpy: the answers without plans, rounds, shards, blocks or a store.

Only the loaded networks and pictures are clq's. Formulas: CLIP-Dissect (Oikarinen and Weng 2023), eq. 4-6; FALCON
(Kalibhat et al. 2023), sections 3.1, 3.3 and 3.4 on whole images.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from clq.stdlib.catalog import Catalog

Array = NDArray[np.float64]
Found = dict[str, float] | None  # the words of a unit with their scores; None if it gets none
FLOOR = Catalog().find("labclip").spec.floor


def _opened(name: str) -> Any:
    return Catalog().find(name).spec.open("cpu")


@cache
def pictures(count: int) -> NDArray[np.uint8]:
    """The first images of lab.probe [n, 64, 64, 3]."""
    data = _opened("lab.probe")
    return np.stack([data.read(i) for i in range(count)])


@cache
def activations(count: int) -> dict[str, Array]:
    """Layer of labnet -> activations [n, units], maps as their spatial mean."""
    net = _opened("labnet").module
    x = torch.from_numpy(pictures(count)).permute(0, 3, 1, 2).double() / 255
    seen: dict[str, Array] = {}
    for layer in ("layer1", "layer2", "layer3", "layer4", "fc"):
        net.get_submodule(layer).register_forward_hook(
            lambda _m, _i, out, layer=layer: seen.update({layer: out.double().flatten(2).mean(2).numpy()})
            if out.ndim == 4 else seen.update({layer: out.double().numpy()})
        )  # fmt: skip
    with torch.no_grad():
        net(((x - 0.5) / 0.27).float())
    return seen


def _unit(x: Array) -> Array:
    return x / np.linalg.norm(x, axis=1, keepdims=True)


@cache
def image_vectors(count: int) -> Array:
    """labclip's vectors of the first images [n, D], of norm 1."""
    judge = _opened("labclip")
    with torch.no_grad():
        return _unit(judge.encode_images(judge.prepare(list(pictures(count)))).double().numpy())


@cache
def text_vectors(texts: tuple[str, ...]) -> Array:
    with torch.no_grad():
        return _unit(_opened("labclip").encode_texts(texts).double().numpy())


def _softmax(x: Array) -> Array:
    e = np.exp(x - x.max(1, keepdims=True))
    return np.asarray(e / e.sum(1, keepdims=True))


def clip_dissect(acts: Array, image: Array, words: Sequence[str], *, top_k: int, a: float) -> list[Found]:
    """For each unit its words, by soft WPMI with lambda 1."""
    cosine = image @ text_vectors(tuple(words)).T
    s, k = _softmax(a * cosine), min(top_k, len(acts))
    p = 0.998 - np.arange(k) / k * (0.998 - 0.97)
    varied = np.flatnonzero(np.ptp(acts, axis=0) > 0)
    best = {u: np.argsort(-acts[:, u], kind="stable")[:k] for u in varied}
    logs = np.array([np.log(1 - p[:, None] + 1e-7 + p[:, None] * s[i]).sum(0) for i in best.values()])
    scores = logs - np.log(np.exp(logs).mean(0)) if len(varied) else logs
    found: list[Found] = [None] * acts.shape[1]
    for row, unit in zip(scores, varied, strict=True):
        near = cosine[best[unit]].mean(0)
        kept = {w: float(v) for w, v, c in zip(words, row, near, strict=True) if c >= FLOOR}
        found[unit] = kept or None
    return found


def falcon(
    acts: Array, image: Array, words: Sequence[str], captions: Sequence[str], *, images: int, threshold: float | None,
    least: int, k: int, published: bool,
) -> list[Found]:  # fmt: skip
    """For each unit the words of the captions nearest to its top images, seen whole."""
    z = acts / np.maximum(np.linalg.norm(acts, axis=1, keepdims=True), 1e-300)
    cosine = image @ text_vectors(tuple(captions)).T
    share = _softmax(float(_opened("labclip").scale) * cosine)
    bags = [{w for w in words if w in caption.split()} for caption in captions]
    corpus = {w: float(np.mean([w in bag for bag in bags])) for w in words}
    found: list[Found] = []
    for unit in range(acts.shape[1]):
        value = acts[:, unit] if threshold is None else z[:, unit]
        high = np.argsort(-value, kind="stable")
        if threshold is not None:
            high = high[value[high] >= z.mean() + threshold * z.std(ddof=1)]
        if (np.ptp(acts[:, unit]) == 0) if threshold is None else len(high) < least:
            found.append(None)
            continue
        near = [np.argsort(-cosine[i], kind="stable")[:k] for i in high[:images]]
        if published:
            best = [{w: max(share[i, c] for c in n if w in bags[c]) for w in set().union(*(bags[c] for c in n))}
                    for i, n in zip(high[:images], near, strict=True)]  # fmt: skip
            scores = {w: sum(b.get(w, 0.0) for b in best) / len(best) for w in set().union(*best)}
        else:
            told = [bags[c] for n in near for c in n]
            scores = {w: sum(w in bag for bag in told) / len(told) - corpus[w] for w in set().union(*told)}
        found.append({w: float(v) for w, v in scores.items()} or None)
    return found
