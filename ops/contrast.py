"""FALCON's contrast: a word that silent images bring back as well does not say what the unit responds to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from ..engine.artifact import Artifact, Result
from ..engine.operator import Axis, Global, Inputs, Operator, Source
from ..engine.resources import Resources
from .activations import PooledActivations
from .embeddings import texts_of
from .falcon import LOOKED_UP, POOLED, DistinctTexts, Rule, WordScores, tensor
from .groups import groups_of, summed
from .words import shares_of

if TYPE_CHECKING:
    import torch

    from .kernels.contrast import Contrast

BLOCK = 512  # images at a time


@dataclass(frozen=True, eq=False)
class ContrastedWords(Global):
    """A table 'unit', 'text', 'score', 'low', 'kept', 'why': the scored words after a contrast.

    `against`: 'low' takes silent images of the probe, 'random' some of them by `seed`, 'images' those of another set.
    Rule 'per_word' compares, for each of the `candidates` best words, with the `silent` images nearest to that word;
    rule 'published' with the `low_images` images most like the unit's own, and cuts at `cut`.
    """

    version: ClassVar[int] = 3
    couples: ClassVar[frozenset[Axis]] = frozenset({"units", "images", "k"})
    scores: WordScores
    activations: PooledActivations
    image_vectors: Operator
    caption_vectors: Operator
    candidate_words: DistinctTexts
    word_vectors: Operator
    judge: Source
    against: Literal["low", "random", "images"]
    given_vectors: Operator | None
    rule: Rule
    candidates: int
    silent: int
    ratio: float
    low_images: int
    least: float
    cut: float
    seed: int

    def label(self) -> str:
        return f"contrast with {self.against} images, {self.rule}"

    def compute(self, inputs: Inputs, resources: Resources) -> Result:
        import pyarrow as pa

        work = _Work(self, inputs)
        rows: list[dict[str, Any]] = []
        for unit, high in work.high.items():
            result = work.contrast(unit, high)
            rows += [
                {"unit": unit, "text": k.word, "score": k.score, "low": None, "kept": True, "why": None}
                for k in result.kept
            ]
            rows += [
                {"unit": unit, "text": r.word, "score": r.score, "low": r.low, "kept": False, "why": r.why}
                for r in result.removed
            ]
        schema = pa.schema(
            [("unit", pa.int32()), ("text", pa.string()), ("score", pa.float64()), ("low", pa.float64()),
             ("kept", pa.bool_()), ("why", pa.string())]
        )  # fmt: skip
        return Result(table=pa.Table.from_pylist(rows, schema=schema))


class _Work:
    """What all units of one contrast share. The low images of all units come from one reading of what is stored."""

    def __init__(self, op: ContrastedWords, inputs: Inputs) -> None:
        self.op, self.inputs = op, inputs
        self.high: dict[int, dict[str, float]] = {}
        for row in inputs.artifact(op.scores).table().to_pylist():
            self.high.setdefault(row["unit"], {})[row["text"]] = row["score"]
        self.units = list(self.high)
        groups = groups_of(inputs.artifact(op.scores.crops.high))
        self.members = [(unit,) if groups is None else groups[unit] for unit in self.units]
        self.tested = {unit: self._tested(high) for unit, high in self.high.items()}
        self.low = self._low_images() if self.units else {}
        self.near = self._captions()
        self.bags = op.scores.words_of(inputs, (caption for found, _ in self.near.values() for caption in found))
        self.corpus = shares_of(inputs.artifact(op.scores.corpus)) if op.rule == "per_word" else {}

    def _tested(self, high: dict[str, float]) -> list[str]:
        """The words that are tested one by one; the published rule tests none, but the unit as a whole."""
        from .kernels.contrast import candidates

        return [] if self.op.rule == "published" else candidates(high, most=self.op.candidates)

    def contrast(self, unit: int, high: dict[str, float]) -> Contrast:
        from .kernels.contrast import per_word, published_cut, published_scores, returned_shares

        low = self.low.get(unit, [])
        if self.op.rule == "published":
            images = low[0] if low else []
            found = [self.near[i] for i in images]
            scores = published_scores([n[0] for n in found], [n[1] for n in found], self.bags) if found else {}
            return published_cut(high, scores, cut=self.op.cut)
        words = self.tested[unit]
        index = [[self.near[i][0] for i in images] for images in low]
        back = returned_shares(words, index, self.bags, self.corpus)
        return per_word({w: high[w] for w in words}, back)

    # ------------------------------------------------------------ low images

    @property
    def pool(self) -> Artifact:
        """The judge's vectors of the images that low ones are chosen from."""
        return self.inputs.artifact(self.op.given_vectors or self.op.image_vectors)

    def _low_images(self) -> dict[int, list[list[int]]]:
        """For each unit the images that each of its tested words is tested on; by the published rule one list."""
        op = self.op
        if op.rule == "published":
            return {unit: [images] for unit, images in self._published().items()}
        if op.against == "random":
            return {unit: [images] * len(self.tested[unit]) for unit, images in self._drawn(op.silent).items()}
        return self._nearest()

    def _silence(self) -> torch.Tensor:
        """For each unit the activation below which it is silent."""
        import numpy as np
        import torch

        from .kernels.low import silence

        held = self.inputs.artifact(self.op.scores.crops.high)
        high = np.nanmin(held.load("value")[self.units], axis=1)
        return silence(torch.from_numpy(high), torch.from_numpy(held.load("minimum")[self.units]), self.op.ratio)

    def _nearest(self) -> dict[int, list[list[int]]]:
        import torch

        from .kernels.low import NearestSilent

        op = self.op
        place = {w: i for i, w in enumerate(texts_of(op.candidate_words, self.inputs))}
        words = [place[w] for unit in self.units for w in self.tested[unit]]
        if not words:
            return {}
        owner = torch.tensor([n for n, unit in enumerate(self.units) for _ in self.tested[unit]])
        below = None if op.against == "images" else self._silence()
        nearest = NearestSilent(tensor(self.inputs, op.word_vectors)[words], owner, below, op.silent)
        vectors = (torch.from_numpy(v) for v in self.pool.blocks("vectors", BLOCK))
        if below is None:
            for block in vectors:
                nearest.update(block)
        else:
            for block, activations in zip(vectors, self._activations(), strict=True):
                nearest.update(block, summed(activations, self.members))
        found = iter(nearest.best.result())
        return {unit: [next(found) for _ in self.tested[unit]] for unit in self.units}

    def _drawn(self, n: int) -> dict[int, list[int]]:
        from .kernels.low import DrawnSilent

        drawn = DrawnSilent(self._silence(), n, self.op.seed)
        for activations in self._activations():
            drawn.update(summed(activations, self.members))
        return dict(zip(self.units, drawn.best.result(), strict=True))

    def _published(self) -> dict[int, list[int]]:
        from .kernels.falcon import Moments
        from .kernels.low import LookAlikes
        from .kernels.similarity import unit_rows

        op = self.op
        if op.against == "images":
            return {unit: list(range(self.pool.rows)) for unit in self.units}
        if op.against == "random":
            return self._drawn(op.low_images)
        moments = Moments()
        for activations in self._activations():
            moments.update(unit_rows(activations))
        alike = LookAlikes(self._high_means(), self.members, moments.mean, op.least, op.low_images)
        for activations in self._activations():
            alike.update(unit_rows(activations))
        return dict(zip(self.units, alike.best.result(), strict=True))

    def _high_means(self) -> torch.Tensor:
        """For each unit [u] the mean of Z [u, units of the layer] over its high images."""
        import torch

        from .kernels.similarity import unit_rows

        index = self.inputs.artifact(self.op.scores.crops.high).load("index")
        held = self.inputs.artifact(self.op.activations)
        means = []
        for unit in self.units:
            rows = held.take("activations", index[unit][index[unit] >= 0])
            means.append(unit_rows(torch.from_numpy(rows)).double().mean(0))
        return torch.stack(means)

    def _activations(self) -> Iterator[torch.Tensor]:
        import torch

        held = self.inputs.artifact(self.op.activations)
        return (torch.from_numpy(block) for block in held.blocks("activations", BLOCK))

    # ------------------------------------------------------------ their captions

    def _captions(self) -> dict[int, tuple[list[int], list[float]]]:
        """The captions nearest to each low image, whole, and their scores; each is looked up once."""
        import numpy as np
        import torch

        from .kernels.falcon import retrieve

        op = self.op
        images = sorted({i for low in self.low.values() for some in low for i in some})
        if not images:
            return {}
        vectors = torch.from_numpy(self.pool.take("vectors", np.asarray(images)))
        captions = self.inputs.artifact(op.caption_vectors)
        scale = op.scores.retrieved.temperature or self.inputs.opened(op.judge).scale
        found: dict[int, tuple[list[int], list[float]]] = {}
        for start in range(0, len(images), LOOKED_UP):
            pool = (torch.from_numpy(block) for block in captions.blocks("vectors", POOLED))
            near = retrieve(vectors[start : start + LOOKED_UP], pool, k=op.scores.retrieved.k, temperature=scale)
            rows = zip(near.index.tolist(), near.score.tolist(), strict=True)
            found.update(zip(images[start : start + LOOKED_UP], rows, strict=True))
        return found
