"""Operators without torch: small whole numbers, so equal work gives equal bits; reads and forwards are counted."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from clq.engine.artifact import Result
from clq.engine.operator import Consumer, Global, Inputs, Operator, Scan, Source
from clq.engine.resources import Batch, Resources


@dataclass(frozen=True)
class ToyImages:
    """A data set of `count` images; `log` names a file that gets a line for each read; `broken` cannot be decoded."""

    count: int
    seed: int = 0
    log: str | None = None
    broken: tuple[int, ...] = ()

    def open(self, device: str) -> OpenImages:
        return OpenImages(self)


@dataclass
class OpenImages:
    spec: ToyImages
    reads: list[int] = field(default_factory=list)

    def __len__(self) -> int:
        return self.spec.count

    def image_name(self, index: int) -> str:
        return f"image_{index}.png"

    def dataset_name(self, index: int) -> str:
        return "toys"

    def read(self, index: int) -> np.ndarray:
        self.reads.append(index)
        if self.spec.log is not None:
            with open(self.spec.log, "a", encoding="utf-8") as log:
                log.write(f"{index}\n")
        if index in self.spec.broken:
            raise OSError("cut off")
        return pixels(self.spec, index)


def pixels(spec: ToyImages, index: int) -> np.ndarray:
    return np.full((2, 2, 3), (index * 37 + spec.seed * 11) % 251, np.uint8)


@dataclass(frozen=True)
class ToyModel:
    """Multiplies by a weight; sleeps `pause` seconds a batch, so that a test can kill it.

    `fatal` names a file: as long as it holds less than `deaths` lines, a batch adds one and takes the process with it.
    """

    weight: int
    pause: float = 0.0
    fatal: str | None = None
    deaths: int = 1

    def open(self, device: str) -> ToyModel:
        return self


def images(count: int = 20, **more: Any) -> Source:
    spec = ToyImages(count, **more)
    return Source("dataset", f"{count}/{spec.seed}", f"toys{count}s{spec.seed}", spec)


@dataclass(frozen=True)
class ToySample:
    """Some images of a larger data set, which are the same images in every sample."""

    chosen: tuple[int, ...]
    whole: ToyImages = ToyImages(1000)
    broken: tuple[int, ...] = ()

    def open(self, device: str) -> ToySample:
        return self

    def __len__(self) -> int:
        return len(self.chosen)

    def image_name(self, index: int) -> str:
        return f"image_{self.chosen[index]}.png"

    def dataset_name(self, index: int) -> str:
        return "toys"

    def read(self, index: int) -> np.ndarray:
        if self.chosen[index] in self.broken:
            raise OSError("cut off")
        return pixels(self.whole, self.chosen[index])

    def identities(self) -> list[str]:
        return [f"image {i}" for i in self.chosen]


def sample(*chosen: int) -> Source:
    spec = ToySample(chosen)
    return Source("dataset", f"sample {chosen}", "sample", spec, spec.identities)


def model(weight: int = 3, **more: Any) -> Source:
    return Source("model", str(weight), f"toy{weight}", ToyModel(weight, **more))


def response(weight: int, layer: int, image: np.ndarray) -> int:
    return (int(image.sum()) * weight * (layer + 1)) % 1009


@dataclass
class Forward:
    """The shared forward of scans: counted once an image, however many layers are read off."""

    weight: int
    pause: float
    layers: Sequence[int]
    counter: str
    resources: Resources
    fatal: str | None = None
    deaths: int = 1

    def consume(self, batch: Batch) -> Sequence[dict[str, np.ndarray]]:
        time.sleep(self.pause)
        if self.fatal is not None and len(lines(Path(self.fatal))) < self.deaths:
            with open(self.fatal, "a", encoding="utf-8") as file:
                file.write(f"{os.getpid()}\n")
            os._exit(9)
        self.resources.counts[self.counter] += len(batch.indices)
        return [
            {
                "index": batch.indices,
                "values": np.array([[response(self.weight, layer, i)] for i in batch.images], np.int64),
            }
            for layer in self.layers
        ]


@dataclass(frozen=True, eq=False)
class ToyScan(Scan):
    """'index' [images] and 'values' [images, 1] of one layer."""

    model: Source
    images: Source
    layer: int = 0

    @property
    def dataset(self) -> Source:
        return self.images

    @property
    def pass_key(self) -> str:
        return f"forward {self.model.key}"

    @property
    def pass_label(self) -> str:
        return f"{self.model.name} forward"

    def label(self) -> str:
        return f"layer {self.layer} of {self.model.name} on {self.images.name}"

    @classmethod
    def start(cls, scans: Sequence[ToyScan], inputs: Inputs, resources: Resources) -> Consumer:
        opened = inputs.opened(scans[0].model)
        return Forward(
            opened.weight, opened.pause, [s.layer for s in scans], f"forward {scans[0].model.name}", resources,
            opened.fatal, opened.deaths,
        )  # fmt: skip


@dataclass(frozen=True, eq=False)
class ToyTop(Global):
    """'index' [k]: the images with the highest values, ascending by number."""

    scan: Operator
    k: int

    def label(self) -> str:
        return f"top {self.k} of {self.scan.label()}"

    def compute(self, inputs: Inputs, resources: Resources) -> Result:
        found = inputs.artifact(self.scan)
        index, values = (
            (found.load("index"), found.load("values")[:, 0]) if found.files else (np.zeros(0, np.int64),) * 2
        )
        best = np.lexsort((index, -values))[: self.k]
        return Result({"index": np.sort(index[best])})


@dataclass(frozen=True, eq=False)
class ToyCrops(Scan):
    """A second round: the same as ToyScan, on the images that `top` names; several may share a pass."""

    model: Source
    images: Source
    top: Operator
    layer: int = 0

    @property
    def dataset(self) -> Source:
        return self.images

    @property
    def pass_key(self) -> str:
        return f"crops {self.model.key}"

    @property
    def pass_label(self) -> str:
        return f"{self.model.name} crops"

    def label(self) -> str:
        return f"crops, layer {self.layer} of {self.model.name}, of {self.top.label()}"

    def selected(self, inputs: Inputs) -> np.ndarray | None:
        chosen = inputs.artifact(self.top).load("index")
        return chosen[chosen < inputs.opened(self.images).spec.count]

    @classmethod
    def start(cls, scans: Sequence[ToyCrops], inputs: Inputs, resources: Resources) -> Consumer:
        opened = inputs.opened(scans[0].model)
        return Forward(opened.weight, opened.pause, [s.layer for s in scans], f"crops {scans[0].model.name}", resources)


@dataclass
class Pairs:
    """The rows of each ToyPairs; counts those that it makes, once however many scans want them."""

    weight: int
    pairs: list[np.ndarray]
    resources: Resources

    def only(self, rows: Sequence[np.ndarray | None]) -> None:
        self.pairs = [p if some is None else p[some] for p, some in zip(self.pairs, rows, strict=True)]

    def consume(self, batch: Batch) -> Sequence[dict[str, np.ndarray]]:
        made: dict[tuple[int, int], int] = {}
        out = []
        for pairs in self.pairs:
            mine = [(i, *pair[1:]) for i, n in enumerate(batch.indices) for pair in pairs.tolist() if pair[0] == n]
            for i, layer, _ in mine:
                made.setdefault((i, layer), response(self.weight, layer, batch.images[i]))
            out.append(
                {
                    "index": np.array([batch.indices[i] for i, _, _ in mine], np.int64),
                    "layer": np.array([layer for _, layer, _ in mine], np.int64),
                    "rank": np.array([rank for _, _, rank in mine], np.int64),
                    "values": np.array([[made[i, layer]] for i, layer, _ in mine], np.int64).reshape(-1, 1),
                }
            )
        self.resources.counts["pairs"] += len(made)
        return out


@dataclass(frozen=True, eq=False)
class ToyPairs(Scan):
    """A row for each of `layers` and each of its `most` chosen images: 'index', 'layer', 'rank', 'values'."""

    choosing: ClassVar[frozenset[str]] = frozenset({"images", "layers", "most"})
    model: Source
    images: Source
    layers: tuple[int, ...]
    most: int

    def label(self) -> str:
        return f"{self.most} images for each of layers {list(self.layers)} of {self.model.name}"

    @property
    def pass_key(self) -> str:
        return f"pairs {self.model.key} {self.images.key}"

    @property
    def pass_label(self) -> str:
        return f"{self.model.name} on chosen images"

    @property
    def dataset(self) -> Source:
        return self.images

    def pairs(self) -> np.ndarray:
        """[pairs, 3]: image, layer, rank. Which images a layer chooses is not in the order of images."""
        found = [
            (image, layer, rank)
            for layer in self.layers
            for rank, image in enumerate(sorted(range(len(self.images.spec.chosen)), key=self._liking(layer)))
            if rank < self.most
        ]
        pairs = np.array(found, np.int64).reshape(-1, 3)
        return pairs[np.argsort(pairs[:, 0], kind="stable")]

    def _liking(self, layer: int) -> Any:
        return lambda image: (self.images.spec.chosen[image] * (layer + 3)) % 11

    def selected(self, inputs: Inputs) -> np.ndarray | None:
        return np.unique(self.pairs()[:, 0])

    def rows(self, inputs: Inputs) -> tuple[np.ndarray, Sequence[str]]:
        return self.pairs()[:, 0], [f"layer {layer}" for layer in self.pairs()[:, 1]]

    def placed(self, inputs: Inputs, rows: dict[str, np.ndarray], which: np.ndarray) -> dict[str, np.ndarray]:
        return {**rows, "index": self.pairs()[which, 0], "rank": self.pairs()[which, 2]}

    @classmethod
    def start(cls, scans: Sequence[Any], inputs: Inputs, resources: Resources) -> Consumer:
        return Pairs(inputs.opened(scans[0].model).weight, [s.pairs() for s in scans], resources)

    def expected(self) -> list[tuple[int, ...]]:
        """(index, layer, rank, value) of each row."""
        spec, weight = self.images.spec, self.model.spec.weight
        return [
            (i, layer, rank, response(weight, layer, pixels(spec.whole, spec.chosen[i])))
            for i, layer, rank in self.pairs().tolist()
        ]


@dataclass(frozen=True, eq=False)
class ToyJoin(Global):
    """An answer: a table with a row for each row of each part."""

    parts: tuple[Operator, ...]
    scale: int = 1

    def label(self) -> str:
        return f"answer of {len(self.parts)} parts, scale {self.scale}"

    def compute(self, inputs: Inputs, resources: Resources) -> Result:
        rows: list[dict[str, int]] = []
        for number, part in enumerate(self.parts):
            found = inputs.artifact(part)
            if found.files and found.files[0].suffix == ".parquet":
                rows += [{**row, "part": number} for row in found.table().to_pylist()]
            elif found.files:
                index = found.load("index")
                values = index if isinstance(part, ToyTop) else found.load("values")[:, 0]
                rows += [
                    {"part": number, "index": int(i), "value": int(v) * self.scale}
                    for i, v in zip(index, values, strict=True)
                ]
        return Result(table=pa.Table.from_pylist(rows, schema=ANSWER))


ANSWER = pa.schema([("part", pa.int64()), ("index", pa.int64()), ("value", pa.int64())])


def expected(operator: Operator) -> list[tuple[int, ...]]:
    """What an operator should leave, without the engine: (index, value) of scans, (index,) of tops, rows of joins."""
    match operator:
        case ToyScan(model, pictures, layer):
            spec = pictures.spec
            return [(i, response(model.spec.weight, layer, pixels(spec, i))) for i in range(spec.count)]
        case ToyCrops(model, pictures, top, layer):
            spec = pictures.spec
            return [
                (i, response(model.spec.weight, layer, pixels(spec, i))) for (i,) in expected(top) if i < spec.count
            ]
        case ToyPairs():
            return [(i, value) for i, _, _, value in operator.expected()]
        case ToyTop(scan, k):
            best = sorted(expected(scan), key=lambda row: (-row[1], row[0]))[:k]
            return sorted((i,) for i, _ in best)
        case ToyJoin(parts, scale):
            out: list[tuple[int, ...]] = []
            for n, part in enumerate(parts):
                if isinstance(part, ToyJoin):
                    out += [(n, *row[1:]) for row in expected(part)]
                else:
                    out += [(n, row[0], row[-1] * scale) for row in expected(part)]
            return out
        case _:
            raise TypeError(type(operator).__name__)


def rows(store: Any, operator: Operator) -> list[tuple[int, ...]]:
    """What the store holds of an operator, in the form of `expected`."""
    found = store.find(operator)
    assert found is not None
    if isinstance(operator, ToyJoin):
        return [(r["part"], r["index"], r["value"]) for r in found.table().to_pylist()]
    if not found.files:
        return []
    index = [int(i) for i in found.load("index")]
    if isinstance(operator, ToyTop):
        return [(i,) for i in index]
    return list(zip(index, (int(v) for v in found.load("values")[:, 0]), strict=True))


def lines(log: Path) -> list[int]:
    return [int(line) for line in log.read_text(encoding="utf-8").split()] if log.exists() else []
