"""The answer of EMBED: vectors as rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..engine.artifact import Result
from ..engine.operator import Global, Inputs, Operator, Source
from ..engine.resources import Resources
from .embeddings import texts_of

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa


def _table(columns: dict[str, list[Any]], vectors: np.ndarray, method: str, args: str, run: str) -> pa.Table:
    import numpy as np
    import pyarrow as pa

    count, width = vectors.shape
    offsets = pa.array(np.arange(0, count * width + 1, width, dtype=np.int32))
    rows = {name: pa.array(values, pa.string()) for name, values in columns.items()}
    rows["vector"] = pa.ListArray.from_arrays(offsets, pa.array(vectors.reshape(-1), pa.float32()))
    shared = {"method": method, "args": args, "run": run}
    return pa.table(rows | {k: pa.array([v] * count, pa.string()) for k, v in shared.items()})


@dataclass(frozen=True, eq=False)
class EmbeddedImages(Global):
    """One row an image, in the order of the data set."""

    vectors: Operator
    images: Source
    method: str
    args: str

    def label(self) -> str:
        return f"answer: vectors of {self.images.name}"

    def compute(self, inputs: Inputs, resources: Resources) -> Result:
        vectors = inputs.artifact(self.vectors).load("vectors")
        images = inputs.opened(self.images)
        numbers = range(len(images))
        columns: dict[str, list[Any]] = {
            "dataset": [images.dataset_name(i) for i in numbers],
            "image": [images.image_name(i) for i in numbers],
            "text": [None] * len(images),
        }
        return Result(table=_table(columns, vectors, self.method, self.args, self.key))


@dataclass(frozen=True, eq=False)
class EmbeddedTexts(Global):
    """One row a text, in the order of the list."""

    vectors: Operator
    texts: Operator
    method: str
    args: str

    def label(self) -> str:
        return "answer: vectors of texts"

    def compute(self, inputs: Inputs, resources: Resources) -> Result:
        texts = texts_of(self.texts, inputs)
        vectors = inputs.artifact(self.vectors).load("vectors")
        columns: dict[str, list[Any]] = {"dataset": [None] * len(texts), "image": [None] * len(texts), "text": [*texts]}
        return Result(table=_table(columns, vectors, self.method, self.args, self.key))
