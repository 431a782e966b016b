"""The answer of EMBED: vectors as rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..engine.artifact import Result
from ..engine.operator import Global, Inputs, Operator, Source
from ..engine.resources import Resources
from .embeddings import texts_of

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

BLOCK = 8192  # rows at a time: a row group of the table's file


def _reader(
    blocks: Iterator[tuple[dict[str, list[Any]], np.ndarray]], method: str, args: str, run: str
) -> pa.RecordBatchReader:
    """Rows of names and vectors [n,D], block by block."""
    import numpy as np
    import pyarrow as pa

    names = ("dataset", "image", "text")
    shared = {"method": method, "args": args, "run": run}
    schema = pa.schema(
        [(n, pa.string()) for n in names]
        + [("vector", pa.list_(pa.field("item", pa.float32())))]
        + [(n, pa.string()) for n in shared]
    )

    def batches() -> Iterator[pa.RecordBatch]:
        for columns, vectors in blocks:
            count, width = vectors.shape
            offsets = pa.array(np.arange(count + 1, dtype=np.int32) * width)
            flat = pa.array(np.ascontiguousarray(vectors).reshape(-1), pa.float32())
            yield pa.record_batch(
                [pa.array(columns[n], pa.string()) for n in names]
                + [pa.ListArray.from_arrays(offsets, flat)]
                + [pa.array([v] * count, pa.string()) for v in shared.values()],
                schema=schema,
            )

    return pa.RecordBatchReader.from_batches(schema, batches())


@dataclass(frozen=True, eq=False)
class EmbeddedImages(Global):
    """One row an image, in the order of the data set. Memory for one block of them."""

    vectors: Operator
    images: Source
    method: str
    args: str

    def label(self) -> str:
        return f"answer: vectors of {self.images.name}"

    def compute(self, inputs: Inputs, resources: Resources) -> Result:
        images = inputs.opened(self.images)

        def blocks() -> Iterator[tuple[dict[str, list[Any]], np.ndarray]]:
            start = 0
            for vectors in inputs.artifact(self.vectors).blocks("vectors", BLOCK):
                numbers = range(start, start + len(vectors))
                start = numbers.stop
                yield {
                    "dataset": [images.dataset_name(i) for i in numbers],
                    "image": [images.image_name(i) for i in numbers],
                    "text": [None] * len(numbers),
                }, vectors

        return Result(table=_reader(blocks(), self.method, self.args, self.key))


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

        def blocks() -> Iterator[tuple[dict[str, list[Any]], np.ndarray]]:
            start = 0
            for vectors in inputs.artifact(self.vectors).blocks("vectors", BLOCK):
                some = texts[start : start + len(vectors)]
                start += len(some)
                yield {"dataset": [None] * len(some), "image": [None] * len(some), "text": [*some]}, vectors

        return Result(table=_reader(blocks(), self.method, self.args, self.key))
