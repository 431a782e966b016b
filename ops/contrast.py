"""FALCON's contrast: a word that silent images bring back as well does not say what the unit responds to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from ..engine.artifact import Result
from ..engine.operator import Axis, Global, Inputs, Operator, Source
from ..engine.resources import Resources
from .activations import PooledActivations
from .embeddings import texts_of
from .falcon import DistinctTexts, Rule, WordScores, corpus_of, let_through, rows_by_unit, tensor
from .words import bags_of

if TYPE_CHECKING:
    import torch

    from .kernels.contrast import Contrast


@dataclass(frozen=True, eq=False)
class ContrastedWords(Global):
    """A table 'unit', 'text', 'score', 'low', 'kept', 'why': the scored words after a contrast.

    `against`: 'low' takes silent images of the probe, 'random' some of them by `seed`, 'images' those of another set.
    Rule 'per_word' compares, for each of the `candidates` best words, with the `silent` images nearest to that word;
    rule 'published' with the `low_images` images most like the unit's own, and cuts at `cut`.
    """

    version: ClassVar[int] = 2
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
    """What all units of one contrast share: vectors, captions, and the captions of low images retrieved so far."""

    def __init__(self, op: ContrastedWords, inputs: Inputs) -> None:
        import torch

        self.op = op
        bags = bags_of(inputs.artifact(op.scores.bags))
        words = op.scores.words
        if words is not None:
            allowed = let_through(texts_of(words, inputs), inputs, op.scores.bags)
            bags = [[w for w in bag if w in allowed] for bag in bags]
        self.bags, self.corpus = bags, corpus_of(bags)
        self.acts = tensor(inputs, op.activations, "activations")
        self.image = tensor(inputs, op.image_vectors)
        self.low_pool = self.image if op.given_vectors is None else tensor(inputs, op.given_vectors)
        self.captions = tensor(inputs, op.caption_vectors)
        self.word = tensor(inputs, op.word_vectors)
        self.place = {w: i for i, w in enumerate(texts_of(op.candidate_words, inputs))}
        self.scale = op.scores.retrieved.temperature or inputs.opened(op.judge).scale
        crops = inputs.artifact(op.scores.crops)
        images: list[int] = crops.load("image").tolist() if crops.files else []
        self.high_images = {
            u: torch.tensor([images[p] for p in places]) for u, places in rows_by_unit(inputs, op.scores.crops).items()
        }
        self.high: dict[int, dict[str, float]] = {}
        for row in inputs.artifact(op.scores).table().to_pylist():
            self.high.setdefault(row["unit"], {})[row["text"]] = row["score"]
        self._near: dict[int, tuple[list[int], list[float]]] = {}
        self._mean: float | None = None
        self._z: torch.Tensor | None = None

    def contrast(self, unit: int, high: dict[str, float]) -> Contrast:
        from .kernels.contrast import candidates, per_word, published_cut, returned_shares

        op = self.op
        if op.rule == "published":
            return published_cut(high, self._published_low(unit), cut=op.cut)
        words = candidates(high, most=op.candidates)
        low = self._low_images(unit, words)
        index = [[self.near(i)[0] for i in images] for images in low]
        back = returned_shares(words, index, self.bags, self.corpus)
        return per_word({w: high[w] for w in words}, back)

    def _low_images(self, unit: int, words: Sequence[str]) -> list[list[int]]:
        """For each word the images that it is tested on."""
        import torch

        from .kernels.falcon import nearest_silent

        if not words:
            return []
        op = self.op
        if op.against == "images":
            silent = torch.arange(len(self.low_pool))
        else:
            silent = self._silent(unit)
            if op.against == "random":
                generator = torch.Generator().manual_seed(op.seed)
                some = silent[torch.randperm(len(silent), generator=generator)[: op.silent]]
                return [some.tolist() for _ in words]
        if not len(silent):
            return [[] for _ in words]
        vectors = self.word[[self.place[w] for w in words]]
        found: list[list[int]] = nearest_silent(vectors, self.low_pool, silent, n=op.silent).tolist()
        return found

    def _silent(self, unit: int) -> torch.Tensor:
        from .kernels.falcon import silent_images

        column = self.acts[:, unit]
        return silent_images(column, float(column[self.high_images[unit]].min()), ratio=self.op.ratio)

    def _published_low(self, unit: int) -> dict[str, float]:
        import torch

        from .kernels.contrast import published_scores
        from .kernels.falcon import low_published
        from .kernels.similarity import unit_rows

        op = self.op
        if op.against == "images":
            low = list(range(len(self.low_pool)))
        elif op.against == "random":
            silent = self._silent(unit)
            generator = torch.Generator().manual_seed(op.seed)
            low = silent[torch.randperm(len(silent), generator=generator)[: op.low_images]].tolist()
        else:
            if self._z is None or self._mean is None:
                self._z = unit_rows(self.acts)
                self._mean = float(self._z.double().mean())
            low = low_published(
                self._z, self.high_images[unit], torch.tensor([unit]), self._mean, least=op.least, most=op.low_images
            )[0].tolist()
        if not low:
            return {}
        return published_scores([self.near(i)[0] for i in low], [self.near(i)[1] for i in low], self.bags)

    def near(self, image: int) -> tuple[list[int], list[float]]:
        """The captions nearest to a low image, whole; looked up once."""
        from .kernels.falcon import retrieve

        if image not in self._near:
            k = self.op.scores.retrieved.k
            found = retrieve(self.low_pool[image : image + 1], [self.captions], k=k, temperature=self.scale)
            self._near[image] = (found.index[0].tolist(), found.score[0].tolist())
        return self._near[image]
