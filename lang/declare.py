"""What the language must be told about the world: declarations of methods and constructors, and the catalogue protocol.

`stdlib` supplies both. Nothing here imports torch or DuckDB, so that checking a script takes no time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, Union, runtime_checkable

from .ast import Place, Selection, Span, Subquery

Kind = Literal["model", "dataset", "vocabulary", "captions", "judge", "answer"]
ArgumentType = Literal["int", "float", "str", "bool", "choice", "thing", "value", "list"]


class Required:
    """The default of an argument that has none."""

    def __repr__(self) -> str:
        return "required"


REQUIRED = Required()


@dataclass(frozen=True)
class Parameter:
    """One argument of a method or constructor: what may be written, what it means, and what holds if it is left out.

    `choices` are the names or strings of type 'choice'; `kind` the kind of a 'thing' (a model, judge, …, given by name,
    call or file); `low` and `high` are inclusive bounds; `nullable` allows null.
    """

    name: str
    type: ArgumentType
    default: Any
    meaning: str
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    kind: Kind | None = None
    nullable: bool = False


@dataclass(frozen=True)
class Signature:
    name: str
    summary: str
    parameters: tuple[Parameter, ...] = ()

    def parameter(self, name: str) -> Parameter | None:
        return next((p for p in self.parameters if p.name == name), None)


Need = Literal["judge", "captions", "words", "images", "gradients", "classifier"]


@dataclass(frozen=True)
class MethodDeclaration(Signature):
    """A method of a verb: the clauses it reads beyond OF, IN, ON and USING, what it needs, and who published it."""

    verbs: tuple[str, ...] = ()
    targets: tuple[str, ...] = ("place",)
    clauses: frozenset[str] = frozenset()
    needs: frozenset[Need] = frozenset()
    citation: str = ""
    abstains: str = ""  # why a unit may be left without a concept, and what to do about it


@dataclass(frozen=True)
class ConstructorDeclaration(Signature):
    """A function of the language that makes a thing: torchvision(…), folder(…), words(…)."""

    kind: Kind = "model"


@dataclass(frozen=True)
class Bound:
    """A call with every argument given a checked value: the user's or the default's."""

    declaration: Signature
    values: Mapping[str, Any]
    given: frozenset[str]
    span: Span
    spans: Mapping[str, Span] = field(default_factory=dict)

    def changed(self) -> dict[str, Any]:
        """The arguments whose value differs from the default, in declared order."""
        return {p.name: self.values[p.name] for p in self.declaration.parameters if self.values[p.name] != p.default}


@runtime_checkable
class Thing(Protocol):
    """Something a name stands for. `name` is how a query writes it."""

    @property
    def kind(self) -> Kind: ...
    @property
    def name(self) -> str: ...


@runtime_checkable
class ModelThing(Thing, Protocol):
    def layers(self) -> Mapping[str, int | None] | None:
        """Layer -> number of units (None: unknown before a run). None: the layers are only known when run."""


@runtime_checkable
class TableThing(Thing, Protocol):
    """A data set, vocabulary or answer that SQL can read."""

    def columns(self) -> Sequence[str]: ...


@dataclass(frozen=True)
class Selected:
    """A thing and what was selected from it (checked, parameters filled in); `items` None: all of it."""

    thing: Thing
    span: Span
    items: tuple[Union[int, str, slice], ...] | None = None

    @property
    def kind(self) -> Kind:
        """That of the thing: LET may give a selection a name."""
        return self.thing.kind

    @property
    def name(self) -> str:
        return self.thing.name


@dataclass(frozen=True)
class UnitTarget:
    """Units of one layer of one model; `units` None: all."""

    model: Thing
    layer: str
    units: tuple[Union[int, slice], ...] | None
    span: Span


Slot = Literal["model", "dataset", "vocabulary", "captions", "judge", "method"]


@dataclass(frozen=True)
class Default:
    """A choice nobody wrote: which slot, what was taken, and why (shown by PLAN with the word *default*)."""

    slot: str
    value: str
    why: str


class Catalog(Protocol):
    """What the checker asks the world. A misspelt or wrong thing raises `Diagnostic` at the span that was given."""

    def find(self, name: str) -> Thing | None: ...
    def names(self, kind: Kind | None = None) -> Sequence[str]: ...
    def methods(self, verb: str | None = None) -> Sequence[MethodDeclaration]: ...
    def constructors(self, kind: Kind | None = None) -> Sequence[ConstructorDeclaration]: ...
    def construct(self, call: Bound) -> Thing: ...
    def file(self, path: str, kind: Kind, span: Span) -> Thing: ...
    def inline(self, values: Sequence[str], kind: Kind, span: Span) -> Thing: ...
    def setting(self, name: str) -> Any | None: ...
    def parameter(self, name: str) -> Any: ...
    def default(
        self, slot: Slot, verb: str, model: Thing | None, judge: Thing | None
    ) -> tuple[Thing | str, str] | None:
        """What fills a slot that nobody wrote, and why; None: nothing does, so it must be asked for."""

    def select(self, subquery: Subquery, column: str) -> Sequence[Any] | None:
        """Run a subquery and return its column of this name, or its only column; None: not known before a run."""


@dataclass(frozen=True)
class CheckedContrast:
    kind: Literal["low", "random", "images"]
    images: Selected | None = None


@dataclass(frozen=True)
class CheckedQuery:
    """A query in which every name has become a thing and every slot is filled. One for each method is planned."""

    verb: str
    span: Span
    targets: tuple[UnitTarget, ...]
    source: Selected | None
    models: tuple[Thing, ...]
    images: tuple[Selected, ...]
    methods: tuple[Bound, ...]
    contrast: CheckedContrast | None
    words: tuple[Selected, ...]
    captions: tuple[Selected, ...]
    judges: tuple[Thing, ...]
    defaults: tuple[Default, ...] = ()
    where: str | None = None
    order: str | None = None
    limit: int | None = None
    into: str | None = None
    into_is_file: bool = False
    notes: tuple[str, ...] = ()


__all__ = [
    "REQUIRED", "Bound", "Catalog", "CheckedContrast", "CheckedQuery", "ConstructorDeclaration", "Default", "Kind",
    "MethodDeclaration", "ModelThing", "Need", "Parameter", "Place", "Selected", "Selection", "Signature", "Slot",
    "TableThing", "Thing", "UnitTarget",
]  # fmt: skip
