"""CLIP-Dissect's score of every word for every unit of a layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..engine.artifact import Result
from ..engine.operator import Axis, Global, Inputs, Operator
from ..engine.resources import Resources
from .activations import TopImages


@dataclass(frozen=True, eq=False)
class SoftWPMI(Global):
    """The `keep` best words of each unit: 'index', 'score', 'mean_cosine' [units, keep]; index -1 where none is left.

    Everything couples: the prior runs over the units of the layer, the softmax over the words, the weights over k.
    Constant units say nothing about the prior and get no word. Words under `floor` (mean cosine over the unit's top
    images) are left out.
    """

    couples: ClassVar[frozenset[Axis]] = frozenset({"units", "words", "images", "k"})
    top: TopImages
    images: Operator
    words: Operator
    a: float
    lam: float
    min_prob: float
    p_start: float
    p_end: float
    keep: int
    floor: float | None = None

    def label(self) -> str:
        return f"soft WPMI, a={self.a:g}, top_k={self.top.k}" + (f", floor={self.floor:g}" if self.floor else "")

    def compute(self, inputs: Inputs, resources: Resources) -> Result:
        import numpy as np
        import torch

        from .kernels.wpmi import VectorCosines, soft_wpmi_blocks

        top = inputs.artifact(self.top)
        index, varied = top.load("index"), ~top.load("constant")
        units, keep = len(index), self.keep
        best = np.full((units, keep), -1, np.int64)
        score, cosine = np.full((units, keep), np.nan), np.full((units, keep), np.nan)
        if varied.any():
            seen, place = np.unique(index[varied], return_inverse=True)  # the other images say nothing here
            vectors = VectorCosines(
                inputs.artifact(self.images).take("vectors", seen), inputs.artifact(self.words).load("vectors")
            )
            found = soft_wpmi_blocks(
                vectors, torch.from_numpy(place.reshape(-1, index.shape[1])), a=self.a, lam=self.lam,
                min_prob=self.min_prob, p_start=self.p_start, p_end=self.p_end, n=keep, floor=self.floor,
                budget=resources.memory,
            )  # fmt: skip
            best[varied], score[varied], cosine[varied] = (
                found.index.numpy(), found.score.numpy(), found.mean_cosine.numpy(),
            )  # fmt: skip
        return Result({"index": best, "score": score, "mean_cosine": cosine})
