"""What EVALUATE reads and gives: the rows of an answer, the labels in them, and rows of scores with their intervals."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar

from ..engine.artifact import Result
from ..engine.operator import Axis, Global, Inputs, Operator, Source
from ..engine.resources import Resources
from .answers import UnitAnswer

if TYPE_CHECKING:
    import pyarrow as pa

    from .kernels.bootstrap import Bootstrap, Interval

Names = tuple[tuple[str, ...], ...]  # of each unit, the names that are right for it; none: not known


@cache
def evaluate_schema() -> pa.Schema:
    import pyarrow as pa

    return pa.schema(
        [
            ("model", pa.string()), ("layer", pa.string()), ("kind", pa.string()), ("unit", pa.int32()),
            ("target", pa.string()), ("part", pa.string()), ("metric", pa.string()), ("value", pa.float64()),
            ("low", pa.float64()), ("high", pa.float64()), ("baseline", pa.float64()), ("n", pa.int64()),
            ("method", pa.string()), ("args", pa.string()), ("run", pa.string()),
        ]
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class JudgedRows(Global):
    """The rows of an answer that one job made, `run`, after WHERE and LIMIT. `content` names them before they are
    there; whoever knows them puts them into `rows`."""

    couples: ClassVar[frozenset[Axis]] = frozenset()
    answer: Operator | None  # what made them; None: an earlier script
    content: str
    run: str
    rows: pa.Table | None = field(default=None, compare=False)

    def label(self) -> str:
        return "rows to evaluate"

    def compute(self, inputs: Inputs, resources: Resources) -> Result:
        assert self.rows is not None, "the answer has not been computed"
        return Result(table=self.rows)


def without_rows(root: Operator) -> tuple[Operator, ...]:
    """Of an operator and all behind it, the last that do not hang on rows which are not there yet."""
    hanging: dict[str, bool] = {}

    def hangs(operator: Operator) -> bool:
        if operator.key not in hanging:
            lacking = isinstance(operator, JudgedRows) and operator.rows is None
            hanging[operator.key] = any([lacking, *map(hangs, operator.inputs)])
        return hanging[operator.key]

    found: dict[str, Operator] = {}
    todo = [root]
    while todo:
        operator = todo.pop()
        if hangs(operator):
            todo += operator.inputs
        elif not isinstance(operator, Source):
            found.setdefault(operator.key, operator)
    return tuple(found.values())


@dataclass(frozen=True)
class Label:
    """What an answer says of one target: its words, best first, with their scores; no words: it abstained."""

    target: str
    unit: int | None
    words: tuple[str, ...]
    scores: tuple[float, ...]

    @property
    def word(self) -> str | None:
        return self.words[0] if self.words else None


def labels_of(judged: JudgedRows, inputs: Inputs) -> list[Label]:
    """The targets of the rows with what is said of each, by unit and then as the rows have them."""
    found: dict[str, list[dict[str, Any]]] = {}
    for row in inputs.artifact(judged).table().select(["target", "unit", "rank", "concept", "score"]).to_pylist():
        found.setdefault(row["target"], []).append(row)
    labels = []
    for target, rows in found.items():
        named = sorted((r for r in rows if r["concept"] is not None), key=lambda r: r["rank"])
        scores = tuple(math.nan if r["score"] is None else float(r["score"]) for r in named)
        labels.append(Label(target, rows[0]["unit"], tuple(r["concept"] for r in named), scores))
    return sorted(labels, key=lambda label: -1 if label.unit is None else label.unit)


def spoken_alike(word: str) -> str:
    """What is equal for spellings of one name: case, underscores and outer blanks do not count."""
    return " ".join(word.replace("_", " ").casefold().split())


def true_names(true: Operator | Names, inputs: Inputs) -> list[tuple[str, ...]]:
    """By unit number the names that are right; those of a list of words are one each."""
    if isinstance(true, Operator):
        assert isinstance(true, Source)
        return [(text,) for text in inputs.opened(true).texts()]
    return list(true)


@dataclass(frozen=True, eq=False)
class LabelTexts(Global):
    """The distinct names in an answer's first ranks, and with `true` the true names of its units: a table of 'text'."""

    couples: ClassVar[frozenset[Axis]] = frozenset()
    judged: JudgedRows
    true: Operator | Names = ()

    def label(self) -> str:
        return "labels to embed"

    def compute(self, inputs: Inputs, resources: Resources) -> Result:
        import pyarrow as pa

        labels = labels_of(self.judged, inputs)
        known = true_names(self.true, inputs)
        texts = {label.word for label in labels if label.word is not None}
        texts |= {n for label in labels if label.unit is not None for names in known[label.unit :][:1] for n in names}
        return Result(table=pa.table({"text": pa.array(sorted(texts), pa.string())}))


@dataclass(frozen=True)
class Score:
    """A row of EVALUATE: about one label, or (None) about all. NaN stands for what cannot be said."""

    metric: str
    value: float
    interval: Interval = (math.nan, math.nan)
    baseline: float = math.nan
    n: int = 0
    about: Label | None = None
    part: str | None = None


@dataclass(frozen=True, eq=False)
class Evaluation(UnitAnswer):
    """A metric's rows about one job's answer. `method` and `args` are those of the answer, beside which the metric's
    own arguments stand under its name; intervals hold a share `level` of `resamples` draws."""

    metric: ClassVar[str] = ""  # the name after USING
    judged: JudgedRows
    level: float
    resamples: int
    seed: int

    @property
    def bootstrap(self) -> Bootstrap:
        from .kernels.bootstrap import Bootstrap

        return Bootstrap(self.level, self.resamples, self.seed)

    def scored(self, scores: Iterable[Score], kind: str = "unit") -> Result:
        """The rows of EVALUATE, in its order."""
        whole: Mapping[str, Any] = {"model": self.model, "layer": self.layer, "kind": kind}
        rows = [
            {
                **whole, "unit": s.about.unit if s.about else None, "target": s.about.target if s.about else None,
                "part": s.part, "metric": s.metric, "value": _said(s.value), "low": _said(s.interval[0]),
                "high": _said(s.interval[1]), "baseline": _said(s.baseline), "n": s.n,
            }
            for s in scores
        ]  # fmt: skip
        return self.rows(sorted(rows, key=_place), evaluate_schema())


def _said(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def _place(row: Mapping[str, Any]) -> list[tuple[bool, Any]]:
    """NULL comes last, as in DuckDB."""
    keys = (row["metric"], row["part"], row["kind"], row["unit"], row["target"])
    return [(key is None, key) for key in keys]
