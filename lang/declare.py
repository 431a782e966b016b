"""What the language must be told about the world: declarations of methods and constructors, and the catalogue protocol.

`stdlib` supplies both. Nothing here imports torch or DuckDB, so that checking a script takes no time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, Union, runtime_checkable

from .ast import Span
from .citation import Citation

if TYPE_CHECKING:
    from .checked import CheckedQuery, CheckedSql, Definition

# What a name can stand for; a `table` is rows of SQL, a `mistake` something a faulty statement would have made.
Kind = Literal["model", "dataset", "vocabulary", "captions", "judge", "answer", "table", "mistake"]
# The settings that are things, and of which kind.
THING_SETTINGS: Mapping[str, Kind] = {
    "model": "model", "dataset": "dataset", "judge": "judge", "captions": "captions", "vocabulary": "vocabulary",
}  # fmt: skip
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
    call or file); `low` and `high` are inclusive bounds; `nullable` allows null; `only_with` is another argument and
    the value of it, or several, without which this one says nothing; `instead` are defaults of its own that this one
    has under some of those values. Of text, `holds` is what it must contain, `known` gives names that it is likely to
    be, and `is_path` says that it may name a file or folder: both are for completion.
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
    only_with: tuple[str, str | bool | tuple[str, ...]] | None = None
    instead: tuple[tuple[str, Any], ...] = ()
    holds: str = ""
    known: Callable[[], Sequence[str]] | None = field(default=None, compare=False)
    is_path: bool = False

    def counts(self, values: Mapping[str, Any]) -> bool:
        """Whether it says anything beside these values of all arguments."""
        if self.only_with is None:
            return True
        other, needed = self.only_with
        return values[other] in needed if isinstance(needed, tuple) else bool(values[other] == needed)

    def default_beside(self, values: Mapping[str, Any]) -> Any:
        """What holds if it is left out beside these values of the others."""
        return dict(self.instead).get(values[self.only_with[0]], self.default) if self.only_with else self.default


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
    """A method of a verb: the clauses it reads beyond OF, IN, ON and USING, what it needs, and who published it.

    `builds_on` are works of others that it makes use of; for targets of the kinds `crops` the judge must embed crops;
    `answers` are the verbs whose answers a metric of EVALUATE takes.
    """

    verbs: tuple[str, ...] = ()
    targets: tuple[str, ...] = ("place",)
    clauses: frozenset[str] = frozenset()
    needs: frozenset[Need] = frozenset()
    crops: frozenset[str] = frozenset()
    citation: Citation | None = None
    builds_on: tuple[Citation, ...] = ()
    answers: tuple[str, ...] = ("EXPLAIN",)
    abstains: str = ""  # why a unit may be left without a concept, and what to do about it
    empty: str = ""  # what an answer without a row has not found, and what to do about it


@dataclass(frozen=True)
class ConstructorDeclaration(Signature):
    """A function of the language that makes a thing: torchvision(…), folder(…), words(…)."""

    kind: Kind = "model"
    citation: Citation | None = None


@dataclass(frozen=True)
class Bound:
    """A call with every argument given a checked value: the user's, that of a setting (`set_`), or the default's."""

    declaration: Signature
    values: Mapping[str, Any]
    given: frozenset[str]
    span: Span
    spans: Mapping[str, Span] = field(default_factory=dict)
    set_: frozenset[str] = frozenset()

    def changed(self) -> dict[str, Any]:
        """The arguments whose value differs from the default, in declared order; things by their names."""
        return {
            p.name: value.name if isinstance(value := self.values[p.name], Thing) else value
            for p in self.declaration.parameters
            if self.values[p.name] != p.default_beside(self.values)
        }


@runtime_checkable
class Thing(Protocol):
    """Something a name stands for. `name` is how a query writes it."""

    @property
    def kind(self) -> Kind: ...
    @property
    def name(self) -> str: ...


@runtime_checkable
class DescribedThing(Thing, Protocol):
    def describe(self) -> dict[str, str]:
        """Facts for people, in order. Raises Diagnostic where a file of it is gone."""


@runtime_checkable
class ModelThing(Thing, Protocol):
    def layers(self) -> Mapping[str, int | None] | None:
        """Layer -> number of units (None: unknown before a run). None: the layers are only known when run."""


@runtime_checkable
class ClassifierThing(Thing, Protocol):
    def classes(self) -> Sequence[str] | None:
        """The names of the classes by number; None: not known here."""


@runtime_checkable
class ModelLike(Thing, Protocol):
    """A thing of another kind that may hold a network, as a judge does: after OF it stands for that network."""

    def as_model(self) -> Thing | None:
        """The network as a model of this name; None: there is none (vectors that were computed before)."""


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


def part_of(name: str, items: Sequence[int | str | slice] | None) -> str:
    """What tells one selection from a thing from another, for the place of a mistake in it."""
    return name if items is None else f"{name}{list(items[:20])}"


Slot = Literal["model", "dataset", "vocabulary", "captions", "judge", "method"]


@dataclass(frozen=True)
class Default:
    """A choice nobody wrote: which slot, what was taken, and why (shown by PLAN with the word *default*)."""

    slot: str
    value: str
    why: str


Rows = Mapping[str, Sequence[Any]]


class Catalog(Protocol):
    """What the checker asks the world. A misspelt or wrong thing raises `Diagnostic` at the span that was given."""

    def find(self, name: str) -> Thing | None: ...
    def names(self, kind: Kind | None = None) -> Sequence[str]: ...
    def further(self, kind: Kind | None = None) -> Sequence[str]:
        """Names that stand for something as well, but are too many to list; a misspelling may mean one of them."""

    def methods(self, verb: str | None = None) -> Sequence[MethodDeclaration]: ...
    def constructors(self, kind: Kind | None = None) -> Sequence[ConstructorDeclaration]: ...
    def construct(self, call: Bound) -> Thing: ...
    def file(self, path: str, kind: Kind, span: Span) -> Thing: ...
    def lies_here(self, path: str, kind: Kind | None) -> str | None:
        """'file' or 'folder' where one of this name could stand for the kind, though it was not written as one."""
        ...

    def inline(self, values: Sequence[str], kind: Kind, span: Span) -> Thing: ...
    def setting(self, name: str) -> Any | None: ...
    def parameter(self, name: str) -> Any: ...
    def definition(self, name: str) -> Definition | None: ...
    def defined(self) -> Sequence[str]: ...
    def default(
        self, slot: Slot, verb: str, model: Thing | None, judge: Thing | None
    ) -> tuple[Thing | str, str] | None:
        """What fills a slot that nobody wrote, and why; None: nothing does, so it must be asked for."""

    def rows(self, body: CheckedQuery | CheckedSql) -> Rows | None:
        """Run a subquery: its columns by name, in order; None: not known before a run."""


@runtime_checkable
class SynsetCatalog(Protocol):
    """A catalogue that knows WordNet."""

    def synset(self, name: str) -> bool: ...
    def synsets(self, word: str) -> Sequence[str]:
        """The synsets of a word, for a message that proposes one."""


@runtime_checkable
class Names(Catalog, Protocol):
    """A catalogue that the statements of a script add to."""

    made: dict[str, Thing]
    tables: dict[str, Thing]
    settings: dict[str, Any]
    parameters: dict[str, Any]
    definitions: dict[str, Definition]

    def built_in(self, name: str) -> Thing | None:
        """What clq itself calls so, whatever a script makes of the name."""

    def named(self, parts: Sequence[Selected], name: str) -> Thing:
        """One thing of this name for what LET was given; a selection becomes a thing of its own."""


__all__ = [
    "REQUIRED", "THING_SETTINGS", "Bound", "Catalog", "ClassifierThing", "ConstructorDeclaration", "Default",
    "DescribedThing", "Kind", "MethodDeclaration", "ModelLike", "ModelThing", "Names", "Need", "Parameter", "Rows",
    "Selected", "Signature", "Slot", "SynsetCatalog", "TableThing", "Thing", "part_of",
]  # fmt: skip
