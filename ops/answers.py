"""From arrays to the rows people read: the answer of EXPLAIN, and the images behind it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..engine.artifact import Result
from ..engine.operator import Global, Inputs, Operator, Source
from ..engine.resources import Resources
from ..lang.diagnostic import Diagnostic
from ..lang.literals import encode_name
from .activations import TopImages
from .embeddings import texts_of

if TYPE_CHECKING:
    import pyarrow as pa

Units = tuple[int | slice, ...] | None
PATH = re.compile(r"[^\W\d]\w*(\.\w+)*")


def explain_schema() -> pa.Schema:
    import pyarrow as pa

    return pa.schema(
        [
            ("model", pa.string()), ("layer", pa.string()), ("kind", pa.string()), ("unit", pa.int32()),
            ("target", pa.string()), ("units", pa.list_(pa.int32())), ("images", pa.int32()), ("rank", pa.int32()),
            ("concept", pa.string()), ("score", pa.float64()), ("low", pa.float64()), ("high", pa.float64()),
            ("coherence", pa.float64()), ("method", pa.string()), ("args", pa.string()), ("run", pa.string()),
        ]
    )  # fmt: skip


def evidence_schema() -> pa.Schema:
    import pyarrow as pa

    return pa.schema(
        [
            ("model", pa.string()), ("layer", pa.string()), ("kind", pa.string()), ("unit", pa.int32()),
            ("target", pa.string()), ("rank", pa.int32()), ("side", pa.string()), ("dataset", pa.string()),
            ("image", pa.string()), ("activation", pa.float64()), ("x0", pa.int32()), ("y0", pa.int32()),
            ("x1", pa.int32()), ("y1", pa.int32()), ("caption", pa.string()), ("method", pa.string()),
            ("args", pa.string()), ("run", pa.string()),
        ]
    )  # fmt: skip


def chosen(units: Units, count: int, layer: str, model: str) -> list[int]:
    """The unit numbers a selection means in a layer of `count` units. Raises Diagnostic 'unknown-unit'."""
    if units is None:
        return list(range(count))
    out: list[int] = []
    for item in units:
        if isinstance(item, slice):
            out += range(count)[item]
        elif -count <= item < count:
            out.append(item % count)
        else:
            message = f"{layer} of {model} has {count} units, 0 to {count - 1}, not {item}"
            raise Diagnostic("unknown-unit", message, about=(layer, model))
    return list(dict.fromkeys(out))


def spelled(name: str) -> str:
    """A name as a query writes it: paths and calls as they are, anything else in double quotes."""
    return name if PATH.fullmatch(name) or name.endswith(")") else encode_name(name)


def about_unit(model: str, layer: str, unit: int) -> dict[str, Any]:
    """The columns that say which unit of a layer a row is about."""
    return {
        "model": model, "layer": layer, "kind": "unit", "unit": unit,
        "target": f"{spelled(layer)}[{unit}] OF {spelled(model)}",
    }  # fmt: skip


def about_group(model: str, layer: str, number: int, units: Sequence[int]) -> dict[str, Any]:
    """The columns that say which group of units a row is about; `number` is its place among the groups."""
    return {
        "model": model, "layer": layer, "kind": "group", "unit": number,
        "target": f"GROUP {spelled(layer)}[{', '.join(map(str, units))}] OF {spelled(model)}",
    }  # fmt: skip


@dataclass(frozen=True, eq=False)
class UnitAnswer(Global):
    """Rows about units of one layer; the fields here are the columns that all of them share, and which units were asked
    for. They are part of the key: the same scores under another model's name are another answer."""

    model: str
    layer: str
    units: Units
    method: str
    args: str

    def chosen(self, count: int) -> list[int]:
        """The unit numbers asked for, of a layer that has `count`."""
        return chosen(self.units, count, self.layer, self.model)

    def unit(self, unit: int) -> dict[str, Any]:
        """The columns that say which unit a row is about."""
        return about_unit(self.model, self.layer, unit)

    def group(self, number: int, units: Sequence[int]) -> dict[str, Any]:
        """The columns that say which group of units a row is about; `number` is its place among the groups."""
        return about_group(self.model, self.layer, number, units)

    def named(
        self, count: int, words: Callable[[int], Sequence[tuple[str, float]]], top: int,
        about: Callable[[int], dict[str, Any]] | None = None,
    ) -> Result:  # fmt: skip
        """EXPLAIN's rows: the first `top` of `words(unit)`, best first, or one row with concept NULL. `about` gives the
        columns that all rows of a target share."""
        rows: list[dict[str, Any]] = []
        about = about or self.unit
        for unit in self.chosen(count):
            found = [
                {"rank": rank + 1, "concept": word, "score": score}
                for rank, (word, score) in enumerate(words(unit)[:top])
            ]
            rows += [{**about(unit), **row} for row in found or [{"rank": 1}]]
        return self.rows(rows, explain_schema())

    def rows(self, rows: Sequence[dict[str, Any]], schema: pa.Schema) -> Result:
        """Rows as a table, with how they came to be."""
        import pyarrow as pa

        shared = {"method": self.method, "args": self.args, "run": self.key}
        return Result(table=pa.Table.from_pylist([{**row, **shared} for row in rows], schema=schema))


@dataclass(frozen=True, eq=False)
class NamedUnits(UnitAnswer):
    """The answer of EXPLAIN for units scored against a list of words: `top` rows a unit, or one with concept NULL."""

    scores: Operator
    words: Operator
    top: int

    def label(self) -> str:
        which = "" if self.units is None else " (selected units)"
        return f"answer: {self.layer} of {self.model}{which}"

    def compute(self, inputs: Inputs, resources: Resources) -> Result:
        texts = texts_of(self.words, inputs)
        scores = inputs.artifact(self.scores)
        index, score = scores.load("index"), scores.load("score")

        def words(unit: int) -> list[tuple[str, float]]:
            return [(texts[w], float(v)) for w, v in zip(index[unit], score[unit], strict=True) if w >= 0]

        return self.named(len(index), words, self.top)


@dataclass(frozen=True, eq=False)
class TopEvidence(UnitAnswer):
    """The rows of EVIDENCE for units known by their top images."""

    top: TopImages
    images: Source
    most: int

    def label(self) -> str:
        return f"evidence: {self.most} images of each unit"

    def compute(self, inputs: Inputs, resources: Resources) -> Result:
        top = inputs.artifact(self.top)
        index, value, constant = top.load("index"), top.load("value"), top.load("constant")
        images = inputs.opened(self.images)
        rows = [
            {**self.unit(unit), "rank": rank + 1, "side": "high", **where(images, int(i)), "activation": float(v)}
            for unit in self.chosen(len(index))
            if not constant[unit]
            for rank, (i, v) in enumerate(zip(index[unit][: self.most], value[unit], strict=False))
        ]
        return self.rows(rows, evidence_schema())


def where(images: Any, index: int) -> dict[str, str]:
    """The columns that say which image this is."""
    return {"dataset": images.dataset_name(index), "image": images.image_name(index)}
