"""Image and text vectors of a judge, and vectors that somebody computed before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from ..engine.artifact import Result
from ..engine.operator import Axis, Consumer, Global, Inputs, Operator, Rowwise, Scan, Source
from ..engine.resources import Resources

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True, eq=False)
class ImageEmbeddings(Scan):
    """Image vectors [images, D] of a judge, rows of 2-norm 1; stored in shards, 'vectors'."""

    couples: ClassVar[frozenset[Axis]] = frozenset()
    rowwise: ClassVar[bool] = True
    judge: Source
    images: Source

    @property
    def dataset(self) -> Source:
        return self.images

    @property
    def pass_key(self) -> str:
        return f"embed {self.judge.key}"

    @property
    def pass_label(self) -> str:
        return f"{self.judge.name} image embedding"

    def label(self) -> str:
        return f"image vectors by {self.judge.name}"

    @classmethod
    def start(cls, scans: Sequence[ImageEmbeddings], inputs: Inputs, resources: Resources) -> Consumer:
        from .kernels.embed import EmbedImages

        return EmbedImages(
            inputs.opened(scans[0].judge), scans[0].judge.name, len(scans), resources, inputs.opened(scans[0].images)
        )


def texts_of(operator: Operator, inputs: Inputs) -> list[str]:
    """The texts that a source or an operator stands for."""
    if isinstance(operator, Source):
        return list(inputs.opened(operator).texts())
    return [str(t) for t in inputs.artifact(operator).table().column("text").to_pylist()]


@dataclass(frozen=True, eq=False)
class TextEmbeddings(Rowwise):
    """Text vectors [texts, D] of a judge, rows of 2-norm 1. With several prompts, the normalised mean over them."""

    couples: ClassVar[frozenset[Axis]] = frozenset()
    judge: Source
    texts: Operator
    prompts: tuple[str, ...] = ("{}",)

    def label(self) -> str:
        what = self.texts.name if isinstance(self.texts, Source) else self.texts.label()
        return f"text vectors of {what} by {self.judge.name}"

    @property
    def rows_of(self) -> Operator:
        return self.texts

    def identities(self, inputs: Inputs) -> Sequence[str]:
        return texts_of(self.texts, inputs)

    def compute_rows(self, inputs: Inputs, resources: Resources, which: np.ndarray) -> dict[str, np.ndarray]:
        from .kernels.embed import embed_texts

        every = texts_of(self.texts, inputs)
        texts = [every[i] for i in which.tolist()]
        judge = inputs.opened(self.judge)
        with resources.showing(f"{self.judge.name} text embedding", len(texts)) as progress:
            vectors = embed_texts(judge, self.judge.name, texts, self.prompts, progress.advance)
        resources.counts[f"texts {self.judge.name}"] += len(texts)
        return {"vectors": vectors}


@dataclass(frozen=True, eq=False)
class GivenVectors(Global):
    """Vectors that came from a file [rows, D], brought to 2-norm 1. With `texts`, the rows of these names in this
    order."""

    vectors: Source
    texts: Operator | None = None

    def label(self) -> str:
        return f"vectors of {self.vectors.name}"

    def compute(self, inputs: Inputs, resources: Resources) -> Result:
        import numpy as np

        from .kernels.finite import finite

        given = inputs.opened(self.vectors)
        texts = None if self.texts is None else texts_of(self.texts, inputs)
        rows = given.images() if texts is None else given.named(texts)
        finite(
            rows, f"vectors of {self.vectors.name}",
            lambda row: f"image {row}" if texts is None else f"text '{texts[row]}'", (self.vectors.name,),
            remedy="compute the file anew",
        )  # fmt: skip
        norm = np.linalg.norm(rows, axis=1, keepdims=True)
        return Result({"vectors": (rows / np.where(norm == 0, 1, norm)).astype(np.float32)})
