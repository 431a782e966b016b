"""CLIP-Dissect's scores of every word for every unit of a layer, one operator for each similarity.

Each leaves the `keep` best words of each unit: 'index', 'score', 'mean_cosine' [units, keep]; index -1 where none is
left. Constant units get no word. Words under `floor` (mean cosine over the unit's top images) are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from ..engine.artifact import Result
from ..engine.operator import Axis, Global, Inputs, Operator
from ..engine.resources import Resources
from .activations import TopImages

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from .kernels.best import BestWords
    from .kernels.columns import Stream
    from .kernels.cosines import VectorCosines


@dataclass(frozen=True, eq=False)
class SoftWPMI(Global):
    """Words by soft WPMI.

    Everything couples: the prior runs over the units of the layer, the softmax over the words, the weights over k.
    Constant units say nothing about the prior.
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
        return f"soft WPMI, a={self.a:g}, top_k={self.top.k}{_floored(self.floor)}"

    def compute(self, inputs: Inputs, resources: Resources) -> Result:
        from .kernels.wpmi import soft_wpmi_blocks

        return _named(
            self, inputs, lambda cosines, place, _: soft_wpmi_blocks(
                cosines, place, a=self.a, lam=self.lam, min_prob=self.min_prob, p_start=self.p_start, p_end=self.p_end,
                n=self.keep, floor=self.floor, budget=resources.memory,
            ),
        )  # fmt: skip


@dataclass(frozen=True, eq=False)
class WPMI(Global):
    """Words by WPMI, in which every top image counts fully. Everything couples but the order of the top images."""

    couples: ClassVar[frozenset[Axis]] = frozenset({"units", "words", "images", "k"})
    top: TopImages
    images: Operator
    words: Operator
    a: float
    lam: float
    min_prob: float
    keep: int
    floor: float | None = None

    def label(self) -> str:
        return f"WPMI, a={self.a:g}, top_k={self.top.k}{_floored(self.floor)}"

    def compute(self, inputs: Inputs, resources: Resources) -> Result:
        from .kernels.wpmi import wpmi_blocks

        return _named(
            self, inputs, lambda cosines, place, _: wpmi_blocks(
                cosines, place, a=self.a, lam=self.lam, min_prob=self.min_prob, n=self.keep, floor=self.floor,
                budget=resources.memory,
            ),
        )  # fmt: skip


@dataclass(frozen=True, eq=False)
class RankReorder(Global):
    """Words by how well the order of their cosines reorders a unit's top activations.

    The baseline is the expectation over random orders; with `permutations`, the mean over so many drawn by `seed`.
    """

    couples: ClassVar[frozenset[Axis]] = frozenset({"images", "k"})
    top: TopImages
    images: Operator
    words: Operator
    power: float
    scale_power: float
    keep: int
    floor: float | None = None
    permutations: int | None = None
    seed: int = 0

    def label(self) -> str:
        drawn = "" if self.permutations is None else f", {self.permutations} permutations by seed {self.seed}"
        return f"rank reorder of {self.top.k} images, power={self.power:g}{drawn}{_floored(self.floor)}"

    def compute(self, inputs: Inputs, resources: Resources) -> Result:
        import torch

        from .kernels.reorder import rank_reorder_blocks

        def scored(cosines: VectorCosines, place: Tensor, varied: np.ndarray) -> BestWords:
            values = torch.from_numpy(inputs.artifact(self.top).load("value"))
            kept = torch.from_numpy(varied)
            drawn = self._drawn(*values.shape)
            return rank_reorder_blocks(
                cosines, values[kept], place, power=self.power, scale_power=self.scale_power, n=self.keep,
                permutations=None if drawn is None else drawn[kept], floor=self.floor, budget=resources.memory,
            )  # fmt: skip

        return _named(self, inputs, scored)

    def _drawn(self, units: int, count: int) -> Tensor | None:
        """Random orders [units, permutations, count]; a unit's do not depend on which other units there are."""
        import numpy as np
        import torch

        if self.permutations is None:
            return None
        orders = np.empty((units, self.permutations, count), np.int64)
        for unit, own in enumerate(orders):
            rng = np.random.Generator(np.random.PCG64([self.seed, unit]))
            for row in own:
                row[:] = rng.permutation(count)
        return torch.from_numpy(orders)


@dataclass(frozen=True, eq=False)
class CosineSimilarity(Global):
    """Words by the cosine of a unit's activations with their cosines, over all images. Units and words are independent;
    the top images are what `floor` looks at."""

    couples: ClassVar[frozenset[Axis]] = frozenset({"images", "k"})
    activations: Operator
    top: TopImages
    images: Operator
    words: Operator
    keep: int
    floor: float | None = None

    def label(self) -> str:
        return f"cosine over all images{_floored(self.floor)}"

    def compute(self, inputs: Inputs, resources: Resources) -> Result:
        from .kernels.columns import cosine_blocks

        return _over_all(self, inputs, lambda stream: cosine_blocks(stream, budget=resources.memory))


@dataclass(frozen=True, eq=False)
class CubedCosine(Global):
    """As CosineSimilarity of centred and cubed values, in which the largest weigh most; norms count as `min_norm` at
    least."""

    couples: ClassVar[frozenset[Axis]] = frozenset({"images", "k"})
    activations: Operator
    top: TopImages
    images: Operator
    words: Operator
    min_norm: float
    keep: int
    floor: float | None = None

    def label(self) -> str:
        return f"cosine of cubes over all images{_floored(self.floor)}"

    def compute(self, inputs: Inputs, resources: Resources) -> Result:
        from .kernels.columns import cubed_blocks

        return _over_all(
            self, inputs, lambda stream: cubed_blocks(stream, min_norm=self.min_norm, budget=resources.memory)
        )


def _floored(floor: float | None) -> str:
    return f", floor={floor:g}" if floor else ""


Scored = Callable[["VectorCosines", "Tensor", "np.ndarray"], "BestWords"]


def _named(operator: Any, inputs: Inputs, scored: Scored) -> Result:
    """The result for all units of `scored(cosines, top images, varied)`, which sees those that vary, and of the images
    those that are some unit's top images."""
    import numpy as np
    import torch

    from .kernels.cosines import VectorCosines

    top = inputs.artifact(operator.top)
    index, varied = top.load("index"), ~top.load("constant")
    units, keep = len(index), operator.keep
    best = np.full((units, keep), -1, np.int64)
    score, cosine = np.full((units, keep), np.nan), np.full((units, keep), np.nan)
    if varied.any():
        seen, place = np.unique(index[varied], return_inverse=True)  # the other images say nothing here
        vectors = VectorCosines(
            inputs.artifact(operator.images).take("vectors", seen), inputs.artifact(operator.words).load("vectors")
        )
        found = scored(vectors, torch.from_numpy(place.reshape(-1, index.shape[1])), varied)
        best[varied], score[varied], cosine[varied] = (
            found.index.numpy(), found.score.numpy(), found.mean_cosine.numpy(),
        )  # fmt: skip
    return Result({"index": best, "score": score, "mean_cosine": cosine})


def _over_all(operator: Any, inputs: Inputs, scores: Callable[[Stream], Iterator[tuple[int, Tensor]]]) -> Result:
    """The result of scores that come in blocks of words and are made of all images, streamed from the store."""
    import torch

    from .kernels.best import Ranking
    from .kernels.columns import TIE, Stream

    activations, images = inputs.artifact(operator.activations), inputs.artifact(operator.images)
    texts = inputs.artifact(operator.words).load("vectors")

    def blocks(size: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        return zip(activations.blocks("activations", size), images.blocks("vectors", size), strict=True)

    def scored(cosines: VectorCosines, place: Tensor, varied: np.ndarray) -> BestWords:
        ranking, kept = Ranking(cosines, place, operator.keep, operator.floor, tie=TIE), torch.from_numpy(varied)
        for start, score in scores(Stream(blocks, texts)):
            ranking.update(score[kept], start)
        return ranking.result()

    return _named(operator, inputs, scored)
