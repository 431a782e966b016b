"""Concepts of one space of activations in another: maps from sums over images, fit on images left out, units."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from ..engine.artifact import Artifact, Result
from ..engine.operator import Axis, Global, Inputs, Operator, Source
from ..engine.resources import Resources
from ..lang.literals import encode_string
from .activations import PooledActivations
from .answers import UnitAnswer, Units, about_group, about_unit, chosen, spelled
from .embeddings import texts_of

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from .kernels.transfer import Cross, Gram

Kind = Literal["linear", "ridge", "procrustes"]
BLOCK = 1024  # images at a time


def transfer_schema() -> pa.Schema:
    import pyarrow as pa

    text, number, real = pa.string(), pa.int32(), pa.float64()
    return pa.schema(
        [
            ("model", text), ("layer", text), ("kind", text), ("unit", number), ("target", text), ("origin", text),
            ("rank", number), ("concept", text), ("score", real), ("fit", real), ("low", real), ("high", real),
            ("correlation", real), ("overlap", real), ("recall", real), ("images", number),
            ("direction", pa.list_(pa.float32())), ("bias", real), ("method", text), ("args", text), ("run", text),
        ]
    )  # fmt: skip


def values_of(held: Artifact, size: int) -> Iterator[np.ndarray]:
    """Activations or vectors, in blocks of `size` images."""
    return held.blocks("vectors" if "vectors" in held.names else "activations", size)


@dataclass(frozen=True, eq=False)
class ShuffledPairs(Global):
    """A control: 'activations' [images, dimensions] of images dealt to each other by a seed, all dimensions together.
    The space stays as it is; which image is where in it does not."""

    couples: ClassVar[frozenset[Axis]] = frozenset({"images"})
    values: Operator
    seed: int

    def label(self) -> str:
        return f"control: images dealt to each other, seed {self.seed}"

    def compute(self, inputs: Inputs, resources: Resources) -> Result:
        import numpy as np

        values = np.concatenate(list(values_of(inputs.artifact(self.values), BLOCK)))
        return Result({"activations": np.random.Generator(np.random.PCG64(self.seed)).permutation(values)})


@dataclass(frozen=True, eq=False)
class FoldGram(Global):
    """The space that is mapped from, as sums over the images of each fold: 'centre', 'count', 'total', 'product' (see
    `kernels.transfer.Gram`). Read once, block by block; every map from this space shares it."""

    couples: ClassVar[frozenset[Axis]] = frozenset({"units", "images"})
    activations: PooledActivations
    units: Units
    folds: int
    seed: int

    def label(self) -> str:
        return f"sums over {self.folds} folds of {self.activations.layer} of {self.activations.model.name}"

    def blocks(self, inputs: Inputs) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Features [n,E] of the units that are mapped from, and the fold [n] of each image."""
        import numpy as np

        from .kernels.low import lots
        from .kernels.transfer import folds_of

        held = inputs.artifact(self.activations)
        fold, start = folds_of(lots(self.seed, 0, held.rows), self.folds), 0
        for y in values_of(held, BLOCK):
            yield np.ascontiguousarray(y[:, self.numbers(y.shape[1])]), fold[start : start + len(y)]
            start += len(y)

    def numbers(self, width: int) -> list[int]:
        """Which units of a layer of `width` are mapped from. Raises Diagnostic 'unknown-unit'."""
        return chosen(self.units, width, self.activations.layer, self.activations.model.name)

    def compute(self, inputs: Inputs, resources: Resources) -> Result:
        from .kernels.transfer import Gram

        gram: Gram | None = None
        for y, fold in self.blocks(inputs):
            gram = gram or Gram.start(y, self.folds)
            gram.update(y, fold)
        assert gram is not None, "the plan refuses an empty data set"
        width = next(values_of(inputs.artifact(self.activations), 1)).shape[1]
        return Result({n: getattr(gram, n) for n in ("centre", "count", "total", "product")}, facts={"width": width})

    def held(self, inputs: Inputs) -> Gram:
        from .kernels.transfer import Gram

        found = inputs.artifact(self)
        return Gram(*(found.load(name) for name in ("centre", "count", "total", "product")))


@dataclass(frozen=True, eq=False)
class FoldCross(Global):
    """The space that is mapped to beside it, on the same images: 'centre', 'total', 'square', 'product' (see
    `kernels.transfer.Cross`)."""

    couples: ClassVar[frozenset[Axis]] = frozenset({"units", "images"})
    gram: FoldGram
    goals: Operator

    def label(self) -> str:
        return "sums of products with the space that is explained"

    def compute(self, inputs: Inputs, resources: Resources) -> Result:
        from .kernels.transfer import Cross

        centre = inputs.artifact(self.gram).load("centre")
        cross: Cross | None = None
        for y, x, fold in self.blocks(inputs):
            cross = cross or Cross.start(x, y.shape[1], self.gram.folds)
            cross.update(y, x, fold, centre)
        assert cross is not None
        return Result({n: getattr(cross, n) for n in ("centre", "total", "square", "product")})

    def blocks(self, inputs: Inputs) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Features [n,E], goals [n,D] and folds [n], image by image the same."""
        goals = values_of(inputs.artifact(self.goals), BLOCK)
        return ((y, x, fold) for (y, fold), x in zip(self.gram.blocks(inputs), goals, strict=True))

    def held(self, inputs: Inputs) -> Cross:
        from .kernels.transfer import Cross

        found = inputs.artifact(self)
        return Cross(*(found.load(name) for name in ("centre", "total", "square", "product")))


@dataclass(frozen=True, eq=False)
class SpaceMaps(Global):
    """'weight' [folds + 1, D, E], 'bias' and 'strength': see `kernels.transfer.Maps`. From sums alone; whatever is
    carried from one space to the other shares them."""

    cross: FoldCross
    fit: Kind
    strength: float | None

    def label(self) -> str:
        return f"{self.fit} maps, one without each fold"

    def compute(self, inputs: Inputs, resources: Resources) -> Result:
        from .kernels.transfer import fitted

        maps = fitted(self.cross.gram.held(inputs), self.cross.held(inputs), self.fit, self.strength)
        return Result({"weight": maps.weight, "bias": maps.bias, "strength": maps.strength})


@dataclass(frozen=True, eq=False)
class Origins(Global):
    """What is carried: 'direction' [K,D] in the space that is explained, and the fact 'about': the columns that say
    which target each is, its 'concept', and under 'labels' what a data set may call it if they compete."""

    cross: FoldCross

    def label(self) -> str:
        return f"what is carried: {self.what()}"

    def what(self) -> str:
        """In a word, for PLAN."""
        raise TypeError(f"{type(self).__name__} carries nothing")

    def compute(self, inputs: Inputs, resources: Resources) -> Result:
        import numpy as np

        width = int(inputs.artifact(self.cross).load("centre").shape[0])
        direction, about = self.carried(inputs, width)
        return Result({"direction": np.asarray(direction, np.float64)}, facts={"about": about})

    def carried(self, inputs: Inputs, width: int) -> tuple[np.ndarray, list[dict[str, Any]]]:
        """Directions [K,width], and what each is."""
        raise TypeError(f"{type(self).__name__} carries nothing")


@dataclass(frozen=True, eq=False)
class UnitOrigins(Origins):
    """Units of a layer, each the axis of its own. `meanings`: those that somebody gave a name."""

    model: str
    layer: str
    units: Units
    meanings: tuple[tuple[int, str], ...]

    def what(self) -> str:
        return f"units of {self.layer} of {self.model}"

    def carried(self, inputs: Inputs, width: int) -> tuple[np.ndarray, list[dict[str, Any]]]:
        import numpy as np

        units, called = chosen(self.units, width, self.layer, self.model), dict(self.meanings)
        return np.eye(width)[units], [
            {**about_unit(self.model, self.layer, u), "concept": called.get(u)} for u in units
        ]


@dataclass(frozen=True, eq=False)
class GroupOrigins(Origins):
    """Groups of units, each the sum of their axes: what a group reaches on an image."""

    model: str
    layer: str
    groups: tuple[tuple[int, ...], ...]
    meanings: tuple[str | None, ...]

    def what(self) -> str:
        return f"{len(self.groups)} groups of {self.layer} of {self.model}"

    def carried(self, inputs: Inputs, width: int) -> tuple[np.ndarray, list[dict[str, Any]]]:
        import numpy as np

        direction = np.zeros((len(self.groups), width))
        for row, units in zip(direction, self.groups, strict=True):
            row[chosen(units, width, self.layer, self.model)] = 1.0
        return direction, [
            {**about_group(self.model, self.layer, number, units), "concept": concept}
            for number, (units, concept) in enumerate(zip(self.groups, self.meanings, strict=True))
        ]


@dataclass(frozen=True, eq=False)
class ClassOrigins(Origins):
    """Classes of a classifier, each the axis of its output; they compete. `numbers` are those asked for."""

    model: str
    classes: tuple[str, ...]
    numbers: tuple[int, ...]

    def what(self) -> str:
        return f"{len(self.numbers)} classes of {self.model}"

    def carried(self, inputs: Inputs, width: int) -> tuple[np.ndarray, list[dict[str, Any]]]:
        import numpy as np

        return np.eye(width)[list(self.numbers)], [
            {
                "model": self.model, "kind": "class", "unit": n, "concept": self.classes[n],
                "target": f"CLASS {encode_string(self.classes[n])} OF {spelled(self.model)}",
                "labels": [self.classes[n], n],
            }
            for n in self.numbers
        ]  # fmt: skip


@dataclass(frozen=True, eq=False)
class TextOrigins(Origins):
    """Texts, each the vector that a judge gives it; they compete."""

    texts: Operator
    vectors: Operator

    def what(self) -> str:
        return "texts"

    def carried(self, inputs: Inputs, width: int) -> tuple[np.ndarray, list[dict[str, Any]]]:
        return inputs.artifact(self.vectors).load("vectors"), [
            {"kind": "text", "concept": text, "target": f"TEXT {encode_string(text)}", "labels": [text]}
            for text in texts_of(self.texts, inputs)
        ]


@dataclass(frozen=True, eq=False)
class CarriedConcepts(Global):
    """What of the origins arrives, on images left out: the arrays of `kernels.transfer.Carried`, 'toward' [K,E] and
    'offset' [K] under the map of all images, 'nearest' [K] the unit that goes with each best and 'score' [K] how well,
    -1 and NaN where the origin is constant.

    One more reading of both spaces. `k`: how many images are the highest. `labels` is the column that says what each
    image shows, if there is one; the fact 'labelled' says whether it is known.
    """

    couples: ClassVar[frozenset[Axis]] = frozenset({"units", "images", "k"})
    maps: SpaceMaps
    origins: Origins
    images: Source
    k: int
    labels: str

    def label(self) -> str:
        return "what arrives of each concept, on images left out"

    def compute(self, inputs: Inputs, resources: Resources) -> Result:
        import numpy as np

        from .kernels.transfer import Carrying, Maps, correlations

        found, cross = inputs.artifact(self.maps), self.maps.cross
        maps = Maps(*(found.load(name) for name in ("weight", "bias", "strength")))
        gram, sums = cross.gram.held(inputs), cross.held(inputs)
        origins = inputs.artifact(self.origins)
        direction = origins.load("direction")
        count = int(gram.count.sum())
        label, labelled = self._labels(origins.facts["about"], count)
        mean = sums.centre + sums.total.sum(0) / count
        carrying, start = Carrying(maps, direction, mean, min(self.k, max(count // 2, 1))), 0
        for y, x, fold in cross.blocks(inputs):
            carrying.update(y, x, fold, label[start : start + len(y)])
            start += len(y)
        made = carrying.result()
        beside = correlations(gram, sums, direction, made.deviation)
        nearest = beside.argmax(1)
        score = beside[np.arange(len(beside)), nearest]
        arrays = {
            name: getattr(made, name)
            for name in ("fit", "low", "high", "correlation", "overlap", "told", "images")
        }
        return Result(
            {
                **arrays, "toward": direction @ maps.weight[-1], "offset": direction @ maps.bias[-1],
                "nearest": np.where(np.isfinite(score), nearest, -1),
                "score": np.where(np.isfinite(score), score, np.nan),
            },
            facts={"labelled": labelled},
        )  # fmt: skip

    def _labels(self, about: Sequence[dict[str, Any]], count: int) -> tuple[np.ndarray, bool]:
        """The origin [N] that each image is labelled with, -1 for none, and whether it is known at all."""
        import numpy as np

        numbers = {value: k for k, one in reversed(list(enumerate(about))) for value in one.get("labels", ())}
        if len(about) < 2 or not numbers or self.labels not in self.images.spec.columns():
            return np.full(count, -1), False
        labels = self.images.spec.relation()[self.labels].to_pylist()
        return np.array([numbers.get(value, -1) for value in labels], np.int64), True


@dataclass(frozen=True, eq=False)
class TransferAnswer(UnitAnswer):
    """The answer of TRANSFER: a row for each origin, about the unit over there that goes with it best."""

    carried: tuple[CarriedConcepts, ...]

    def label(self) -> str:
        return f"answer: carried to {self.layer} of {self.model}"

    def compute(self, inputs: Inputs, resources: Resources) -> Result:
        import numpy as np

        rows: list[dict[str, Any]] = []
        for one in self.carried:
            found, gram = inputs.artifact(one), one.maps.cross.gram
            width = int(inputs.artifact(gram).facts["width"])
            numbers = gram.numbers(width)
            toward = np.zeros((len(found.load("fit")), width), np.float32)
            toward[:, numbers] = found.load("toward")
            numeric = ("score", "fit", "low", "high", "correlation", "overlap")
            values = {name: found.load(name) for name in (*numeric, "nearest", "offset", "told", "images")}
            labelled = found.facts["labelled"]
            for k, about in enumerate(inputs.artifact(one.origins).facts["about"]):
                nearest, images = int(values["nearest"][k]), int(values["images"][k])
                there = self.unit(numbers[nearest]) if nearest >= 0 else {**self.unit(0), "unit": None, "target": None}
                row = {name: None if np.isnan(values[name][k]) else float(values[name][k]) for name in numeric}
                recall = float(values["told"][k]) / images if labelled and images else None
                rows.append(
                    {
                        **there, "origin": about["target"], "concept": about["concept"], **row, "recall": recall,
                        "images": images if labelled else None, "direction": toward[k],
                        "bias": float(values["offset"][k]),
                    }
                )  # fmt: skip
        rows.sort(key=lambda row: (row["unit"] is None, row["unit"] or 0, -(row["score"] or 0.0)))
        rank, before = 0, object()
        for row in rows:
            rank, before = (rank + 1 if row["unit"] == before else 1), row["unit"]
            row["rank"] = rank
        return self.rows(rows, transfer_schema())
