"""What the checker gives: queries in which every name is a thing, SQL whose queries are checked, and answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Union

from .ast import Define, Span, Sql
from .declare import Bound, Default, Kind, Selected, Thing
from .diagnostic import Diagnostic
from .verbs import VERBS


@dataclass(frozen=True)
class Origin:
    """Where a text stands that is not the script itself, and how it was reached."""

    text: str
    path: str | None
    trail: tuple[str, ...] = ()

    def mark(self, problem: Diagnostic) -> Diagnostic:
        """The problem, placed in this text if it has no place yet."""
        for one in problem.every():
            if one.text is None:
                one.text, one.path, one.trail = self.text, self.path, (*one.trail, *self.trail)
        return problem


@dataclass(frozen=True)
class Definition:
    """A query with holes, and the text it stands in."""

    statement: Define
    origin: Origin


@dataclass(frozen=True)
class UnitTarget:
    """Units of one layer of one model; `units` None: all."""

    model: Thing
    layer: str
    units: tuple[Union[int, slice], ...] | None
    span: Span


@dataclass(frozen=True)
class GroupTarget:
    """Units of one layer of one model, taken together as one target."""

    model: Thing
    layer: str
    units: tuple[int, ...]
    span: Span


OtherKind = Literal["class", "classes", "synset", "text", "failure", "groups", "failures", "model"]


@dataclass(frozen=True)
class OtherTarget:
    """A target that is no unit. `model` is whose class or failure it is; `values`: classes, synsets, texts, slices."""

    kind: OtherKind
    span: Span
    model: Thing | None = None
    values: tuple[Union[int, str], ...] = ()


CheckedTarget = UnitTarget | GroupTarget | OtherTarget
MeaningKey = tuple[Union[str, int], ...]


def meaning_keys(target: CheckedTarget) -> Iterator[MeaningKey]:
    """What tells each unit of a target, or the target itself, from all others, however it is written."""
    model = target.model.name if target.model is not None else ""
    if isinstance(target, UnitTarget):
        yield from (("unit", model, target.layer, u) for u in target.units or () if isinstance(u, int))
    elif isinstance(target, GroupTarget):
        yield ("group", model, target.layer, *target.units)
    else:
        yield from ((target.kind, model, value) for value in target.values)


@dataclass(frozen=True)
class CheckedContrast:
    kind: Literal["low", "random", "images"]
    images: tuple[Selected, ...] = ()


@dataclass(frozen=True)
class CheckedSql:
    """SQL whose clq queries are checked. `values` are those of the `$names` in its own text."""

    sql: Sql
    islands: tuple[tuple[Span, CheckedBody], ...] = ()
    values: Mapping[str, Any] = field(default_factory=dict)
    origin: Origin | None = None

    @property
    def span(self) -> Span:
        return self.sql.span


@dataclass(frozen=True)
class CheckedPlan:
    """PLAN of a query or of the queries in an SQL statement."""

    span: Span
    body: CheckedQuery | CheckedSql
    analyze: bool = False


@dataclass(frozen=True)
class Tail:
    """What SQL does to an answer's rows; `text` is its canonical spelling, without INTO."""

    where: CheckedSql | None
    order: CheckedSql | None
    limit: int | None
    text: str


@dataclass(frozen=True)
class CheckedQuery:
    """A query in which every name has become a thing and every slot is filled. One for each method is planned.

    `tails` act one after another: a defined query may have its own. `layers` are what IN names, `to` what TO names.
    `known` is False before a run whose rows say what the targets are. `places` says where a thing or layer was written,
    `meanings` what the rows that targets come from call them, by `meaning_keys`.
    """

    verb: str
    span: Span
    targets: tuple[CheckedTarget, ...] = ()
    source: Selected | None = None
    models: tuple[Thing, ...] = ()
    layers: tuple[UnitTarget, ...] = ()
    images: tuple[Selected, ...] = ()
    for_: tuple[CheckedTarget, ...] = ()
    to: tuple[UnitTarget, ...] = ()
    methods: tuple[Bound, ...] = ()
    contrast: CheckedContrast | None = None
    words: tuple[Selected, ...] = ()
    captions: tuple[Selected, ...] = ()
    judges: tuple[Thing, ...] = ()
    changes: tuple[tuple[str, float], ...] = ()
    defaults: tuple[Default, ...] = ()
    tails: tuple[Tail, ...] = ()
    into: str | None = None
    into_is_file: bool = False
    into_span: Span | None = None
    notes: tuple[Diagnostic, ...] = ()
    origin: Origin | None = None
    known: bool = True
    places: Mapping[str, Span] = field(default_factory=dict, compare=False)
    meanings: Mapping[MeaningKey, str] = field(default_factory=dict)

    @property
    def units(self) -> tuple[UnitTarget, ...]:
        """The targets that are units of layers."""
        return tuple(t for t in self.targets if isinstance(t, UnitTarget))


CheckedBody = CheckedQuery | CheckedSql | CheckedPlan


@dataclass(frozen=True)
class Answer:
    """Rows of a clq query under a name, or in parentheses. `query` None: a table that an earlier script made."""

    name: str
    verb: str
    query: CheckedQuery | None = None

    @property
    def kind(self) -> Kind:
        return "answer"

    def columns(self) -> Sequence[str]:
        return VERBS[self.verb].column_names()

    def describe(self) -> dict[str, str]:
        """Facts for SHOW."""
        return {"verb": self.verb, "columns": ", ".join(self.columns())}


@dataclass(frozen=True)
class Table:
    """Rows of SQL under a name: a LET of SQL, or a table of the user's. `held` None: its columns are not known here."""

    name: str
    sql: CheckedSql | None = None
    held: tuple[str, ...] | None = None

    @property
    def kind(self) -> Kind:
        return "table"

    def describe(self) -> dict[str, str]:
        """Facts for SHOW."""
        return {"columns": ", ".join(self.held)} if self.held else {"rows of": "SQL"}


@dataclass(frozen=True)
class Mistaken:
    """Stands for what a faulty statement would have made, so that its name is not reported as unknown as well."""

    name: str

    @property
    def kind(self) -> Kind:
        return "mistake"
