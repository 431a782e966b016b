"""From arrays to the rows people read: the answer of EXPLAIN, and the images behind it."""

from __future__ import annotations

import re
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
            ("target", pa.string()), ("units", pa.list_(pa.int32())), ("rank", pa.int32()), ("concept", pa.string()),
            ("score", pa.float64()), ("low", pa.float64()), ("high", pa.float64()), ("method", pa.string()),
            ("args", pa.string()), ("run", pa.string()),
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
            raise Diagnostic("unknown-unit", f"{layer} of {model} has {count} units, 0 to {count - 1}, not {item}")
    return list(dict.fromkeys(out))


def spelled(name: str) -> str:
    """A name as a query writes it: paths and calls as they are, anything else in double quotes."""
    return name if PATH.fullmatch(name) or name.endswith(")") else encode_name(name)


@dataclass(frozen=True)
class Made:
    """How rows came to be: the columns that every row of an answer shares."""

    model: str
    layer: str
    method: str
    args: str

    def unit(self, unit: int) -> dict[str, Any]:
        return {
            "model": self.model, "layer": self.layer, "kind": "unit", "unit": unit,
            "target": f"{spelled(self.layer)}[{unit}] OF {spelled(self.model)}",
        }  # fmt: skip

    def table(self, rows: list[dict[str, Any]], run: str, schema: pa.Schema) -> pa.Table:
        import pyarrow as pa

        shared = {"method": self.method, "args": self.args, "run": run}
        return pa.Table.from_pylist([{**row, **shared} for row in rows], schema=schema)


@dataclass(frozen=True, eq=False)
class NamedUnits(Global):
    """The answer of EXPLAIN for units scored against a list of words: `top` rows a unit, or one with concept NULL."""

    scores: Operator
    words: Operator
    model: str
    layer: str
    units: Units
    method: str
    args: str
    top: int

    def label(self) -> str:
        which = "" if self.units is None else " (selected units)"
        return f"answer: {self.layer} of {self.model}{which}"

    def compute(self, inputs: Inputs, resources: Resources) -> Result:
        texts = texts_of(self.words, inputs)
        scores = inputs.artifact(self.scores)
        index, score = scores.load("index"), scores.load("score")
        made = Made(self.model, self.layer, self.method, self.args)
        rows: list[dict[str, Any]] = []
        for unit in chosen(self.units, len(index), self.layer, self.model):
            found = [
                {"rank": rank + 1, "concept": texts[word], "score": float(value)}
                for rank, (word, value) in enumerate(zip(index[unit][: self.top], score[unit], strict=False))
                if word >= 0
            ]
            rows += [{**made.unit(unit), **row} for row in found or [{"rank": 1}]]
        return Result(table=made.table(rows, self.key, explain_schema()))


@dataclass(frozen=True, eq=False)
class TopEvidence(Global):
    """The rows of EVIDENCE for units known by their top images."""

    top: TopImages
    images: Source
    model: str
    layer: str
    units: Units
    method: str
    args: str
    most: int

    def label(self) -> str:
        return f"evidence: {self.most} images of each unit"

    def compute(self, inputs: Inputs, resources: Resources) -> Result:
        top = inputs.artifact(self.top)
        index, value, constant = top.load("index"), top.load("value"), top.load("constant")
        made = Made(self.model, self.layer, self.method, self.args)
        images = inputs.opened(self.images)
        rows = [
            {**made.unit(unit), "rank": rank + 1, "side": "high", **where(images, int(i)), "activation": float(v)}
            for unit in chosen(self.units, len(index), self.layer, self.model)
            if not constant[unit]
            for rank, (i, v) in enumerate(zip(index[unit][: self.most], value[unit], strict=False))
        ]
        return Result(table=made.table(rows, self.key, evidence_schema()))


def where(images: Any, index: int) -> dict[str, str]:
    """The columns that say which image this is."""
    return {"dataset": images.dataset_name(index), "image": images.image_name(index)}
