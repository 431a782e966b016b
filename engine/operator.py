"""The operator: a frozen declaration of some work. Its fields are its arguments and its inputs; its key says what it
makes.

A key is the sha256 of the operator's name, version, arguments and its inputs' keys. So equal work is one node without a
search, and whatever does not change a value (batch size, device, workers) must not be a field that is compared.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

if TYPE_CHECKING:
    import numpy as np

    from .artifact import Artifact, Result
    from .resources import Batch, Resources

Axis = Literal["units", "words", "images", "k"]
Scalar = None | bool | int | float | str


def canonical(value: Any) -> Any:
    """A JSON value that is equal for equal arguments only. Raises TypeError for a type it does not know."""
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return {"int": str(value)}
    if isinstance(value, float):
        return {"float": value.hex()}
    if isinstance(value, slice):
        return {"slice": [canonical(v) for v in (value.start, value.stop, value.step)]}
    if isinstance(value, tuple | list):
        return [canonical(v) for v in value]
    raise TypeError(f"{type(value).__name__} cannot be part of a key")


def digest(value: Any) -> str:
    """sha256 of a JSON value, in hex; what is not JSON goes through `canonical` first."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


@dataclass(frozen=True, eq=False)
class Operator:
    """Base of all operators. Subclasses are frozen dataclasses (`eq=False`: they are compared by key).

    `couples` says along which axes one part of the output depends on other parts of the input: the rules read only
    that. Who does not say couples everything, so that a rule leaves it alone.
    """

    version: ClassVar[int] = 1
    scope: ClassVar[Literal["source", "scan", "global"]] = "global"
    couples: ClassVar[frozenset[Axis]] = frozenset({"units", "words", "images", "k"})

    def _compared(self) -> Iterator[tuple[str, Any]]:
        return ((f.name, getattr(self, f.name)) for f in fields(self) if f.compare)

    @cached_property
    def inputs(self) -> tuple[Operator, ...]:
        """The operators this one reads, in the order of its fields."""
        return tuple(found for _, value in self._compared() for found in operator_inputs(value))

    @cached_property
    def arguments(self) -> dict[str, Any]:
        """The fields that hold no operators."""
        return {name: value for name, value in self._compared() if not any(operator_inputs(value))}

    @cached_property
    def key(self) -> str:
        """What this operator makes, in 64 hex digits."""
        todo: list[Operator] = [self]
        while todo:  # inputs first, so that a long chain does not recurse
            lacking = [i for i in todo[-1].inputs if "key" not in vars(i)]
            if lacking:
                todo += lacking
            elif (operator := todo.pop()) is not self:
                _ = operator.key
        return digest(
            {
                "op": type(self).__name__,
                "version": self.version,
                "fields": [(name, self._reference(value)) for name, value in self._compared()],
            }
        )

    @staticmethod
    def _reference(value: Any) -> Any:
        if isinstance(value, Operator):
            return {"node": value.key}
        if isinstance(value, tuple):
            return [Operator._reference(v) for v in value]
        return canonical(value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Operator) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)

    def label(self) -> str:
        """One line for PLAN."""
        shown = ", ".join(f"{k}={v}" for k, v in self.arguments.items())
        return f"{type(self).__name__}({shown})"


def operator_inputs(value: Any) -> Iterator[Operator]:
    """The operators in the value of a field."""
    if isinstance(value, Operator):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from operator_inputs(item)


class Spec(Protocol):
    """A thing of the user's world that can be opened: a model, a data set, a list of texts. It must be picklable."""

    def open(self, device: str) -> Any:
        """The loaded thing. May take time; raises Diagnostic if it is not here."""


@dataclass(frozen=True, eq=False)
class Source(Operator):
    """A leaf of the plan. Its key is a fingerprint of the content; `name` and `spec` are how to show and open it."""

    scope: ClassVar[Literal["source", "scan", "global"]] = "source"
    kind: str
    fingerprint: str
    name: str = field(default="", compare=False)
    spec: Any = field(default=None, compare=False)
    # Of a data set: what each image is, by its content, so that rows made of it can be found again.
    identities: Callable[[], Sequence[str]] | None = field(default=None, compare=False)

    def label(self) -> str:
        return f"{self.kind} {self.name}"


class Inputs(Protocol):
    """What an operator gets to read: the artifacts of its inputs, and its sources opened."""

    def artifact(self, operator: Operator) -> Artifact: ...
    def opened(self, source: Source) -> Any: ...


@dataclass(frozen=True, eq=False)
class Global(Operator):
    """Works on what scans and other operators left; touches no image."""

    scope: ClassVar[Literal["source", "scan", "global"]] = "global"

    def compute(self, inputs: Inputs, resources: Resources) -> Result:
        """The whole output at once."""
        raise TypeError(f"{type(self).__name__} has no kernel")


@dataclass(frozen=True, eq=False)
class Rowwise(Global):
    """A global operator with a row for each text of one of its inputs, which depends on that text alone."""

    @property
    def rows_of(self) -> Operator:
        """The input whose texts these are."""
        raise TypeError(f"{type(self).__name__} names no input")

    def identities(self, inputs: Inputs) -> Sequence[str]:
        """The texts, or what else tells rows apart."""
        raise TypeError(f"{type(self).__name__} has no rows")

    def compute_rows(self, inputs: Inputs, resources: Resources, which: np.ndarray) -> dict[str, np.ndarray]:
        """The rows of some of the texts, by number."""
        raise TypeError(f"{type(self).__name__} has no kernel")


class Consumer(Protocol):
    """What stands at the end of one pass: it takes batches of decoded images and gives rows to each of its scans."""

    def consume(self, batch: Batch) -> Sequence[dict[str, np.ndarray]]:
        """One dict of arrays [rows, …] for each scan of the pass, in their order."""


class PartialConsumer(Consumer, Protocol):
    """That of partial scans."""

    def only(self, rows: Sequence[np.ndarray | None]) -> None:
        """Make these rows alone for each scan, by their number in the order of its `rows`; None: all."""


@dataclass(frozen=True, eq=False)
class Scan(Operator):
    """Maps over the images of one data set, shard by shard.

    Scans with the same `pass_key` are handed to one consumer together, so that several layers of a model cost one
    forward.
    """

    scope: ClassVar[Literal["source", "scan", "global"]] = "scan"
    rowwise: ClassVar[bool] = False  # one row for each image, which depends on that image alone
    choosing: ClassVar[frozenset[str]] = frozenset()  # fields that say which rows there are, and not what is in them

    @property
    def dataset(self) -> Source:
        raise TypeError(f"{type(self).__name__} names no data set")

    @property
    def pass_key(self) -> str:
        return self.key

    @property
    def pass_label(self) -> str:
        """What one pass is, for PLAN: 'labnet forward'."""
        return type(self).__name__

    @property
    def partial(self) -> bool:
        """Whether its rows are found again one by one (`rows`). Such scans may share a pass whose images are those that
        any of them wants; the consumer gives each its own rows."""
        return bool(self.choosing)

    def rows(self, inputs: Inputs) -> tuple[np.ndarray, Sequence[str]]:
        """Of a partial scan, for each row in the order of images: the image [rows] that it is of, and what else tells
        it apart. It depends on these two alone."""
        raise TypeError(f"{type(self).__name__} has no rows to be found again")

    def placed(self, inputs: Inputs, rows: dict[str, np.ndarray], which: np.ndarray) -> dict[str, np.ndarray]:
        """Of a partial scan, rows taken from elsewhere as they stand here; `which` they are in the order of `rows`."""
        return rows

    def selected(self, inputs: Inputs) -> np.ndarray | None:
        """Indices of the images this scan needs, ascending; None: all of them."""
        return None

    @classmethod
    def start(cls, scans: Sequence[Any], inputs: Inputs, resources: Resources) -> Consumer:
        """Load what the pass needs and return its consumer."""
        raise TypeError(f"{cls.__name__} has no kernel")
