"""The operators behind an answer once more, on other rows of the images they have read: in memory, without a pass."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..engine.artifact import Artifact, Result
from ..engine.operator import Global, Inputs, Operator, Rowwise, Scan, Source
from ..engine.resources import Resources
from .embeddings import GivenVectors

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

BLOCK = 4096  # rows at a time


def replayed(answer: Operator) -> tuple[tuple[Operator, ...], tuple[Operator, ...]]:
    """What a replay of an answer reads: operators with a row for each image, and whatever else stays as it is.

    Raises ValueError with the label of an operator that looks at images in another way, such as at crops of some: on
    other images it would have to look again.
    """
    by_image: dict[str, Operator] = {}
    fixed: dict[str, Operator] = {}
    moves: dict[str, bool] = {}

    def moved(operator: Operator) -> bool:
        """Whether it would be another on other images; what it reads is then noted."""
        if operator.key in moves:
            return moves[operator.key]
        if has_image_rows(operator):
            by_image[operator.key] = operator
            moves[operator.key] = True
        elif isinstance(operator, Source):
            moves[operator.key] = operator.kind == "dataset"
        else:
            read = {i.key: moved(i) for i in operator.inputs}
            moves[operator.key] = any(read.values())
            if moves[operator.key]:
                own = [i for i in operator.inputs if isinstance(i, Source) and moves[i.key]]
                if own or not isinstance(operator, Global):
                    raise ValueError(operator.label())
                fixed.update({i.key: i for i in operator.inputs if not read[i.key]})
        return moves[operator.key]

    moved(answer)
    return tuple(by_image.values()), tuple(fixed.values())


def has_image_rows(operator: Operator) -> bool:
    """Whether it leaves a row for each image that depends on that image alone."""
    return (isinstance(operator, Scan) and operator.rowwise) or (
        isinstance(operator, GivenVectors) and operator.texts is None
    )


@dataclass(frozen=True)
class Held:
    """A result that was never stored, read as an artifact is."""

    result: Result

    @property
    def facts(self) -> Mapping[str, Any]:
        return self.result.facts

    @property
    def files(self) -> list[str]:
        return ["memory"]

    @property
    def names(self) -> frozenset[str]:
        return frozenset(self.result.arrays or ())

    @property
    def rows(self) -> int:
        return len(next(iter((self.result.arrays or {}).values()), ()))

    def load(self, name: str) -> np.ndarray:
        assert self.result.arrays is not None
        return self.result.arrays[name]

    def take(self, name: str, rows: np.ndarray) -> np.ndarray:
        found: np.ndarray = self.load(name)[rows]
        return found

    def shards(self, *names: str) -> Iterator[dict[str, np.ndarray]]:
        yield {name: self.load(name) for name in names or tuple(self.names)}

    def blocks(self, name: str, size: int) -> Iterator[np.ndarray]:
        whole = self.load(name)
        return (whole[start : start + size] for start in range(0, len(whole), size))

    def table(self) -> pa.Table:
        import pyarrow as pa

        found = self.result.table
        assert found is not None
        return found if isinstance(found, pa.Table) else found.read_all()


@dataclass(frozen=True)
class Drawn:
    """An artifact with a row for each image, as if it had been made of the images `rows` [N], ascending; some of them
    several times. Memory for one block."""

    artifact: Artifact
    drawn: np.ndarray

    @property
    def facts(self) -> Mapping[str, Any]:
        return self.artifact.facts

    @property
    def files(self) -> list[Any]:
        return list(self.artifact.files)

    @property
    def names(self) -> frozenset[str]:
        return self.artifact.names

    @property
    def rows(self) -> int:
        return len(self.drawn)

    def load(self, name: str) -> np.ndarray:
        return self.artifact.take(name, self.drawn)

    def take(self, name: str, rows: np.ndarray) -> np.ndarray:
        return self.artifact.take(name, self.drawn[rows])

    def shards(self, *names: str) -> Iterator[dict[str, np.ndarray]]:
        wanted = names or tuple(self.names)
        for start in range(0, len(self.drawn), BLOCK):
            rows = self.drawn[start : start + BLOCK]
            yield {name: self.artifact.take(name, rows) for name in wanted}

    def blocks(self, name: str, size: int) -> Iterator[np.ndarray]:
        return (self.artifact.take(name, self.drawn[start : start + size]) for start in range(0, self.rows, size))


@dataclass
class Replay:
    """What operators read in a replay on the images `drawn` [N], ascending; results are made when asked for."""

    inputs: Inputs
    resources: Resources
    by_image: frozenset[str]
    fixed: frozenset[str]
    drawn: np.ndarray
    _made: dict[str, Any] = field(default_factory=dict)

    def opened(self, source: Source) -> Any:
        return self.inputs.opened(source)

    def artifact(self, operator: Operator) -> Any:
        key = operator.key
        if key in self.fixed:
            return self.inputs.artifact(operator)
        if key not in self._made:
            if key in self.by_image:
                self._made[key] = Drawn(self.inputs.artifact(operator), self.drawn)
            else:
                assert isinstance(operator, Global) and not isinstance(operator, Rowwise), operator.label()
                self._made[key] = Held(operator.compute(self, self.resources))
        return self._made[key]
