"""What a clq text means, as typed frozen dataclasses. Every node carries the span of the text that it came from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, Literal, Union


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Half-open range of character offsets into the script."""

    start: int
    end: int

    def to(self, other: Span) -> Span:
        return Span(self.start, max(self.end, other.end))


# ------------------------------------------------------------------ values


@dataclass(frozen=True, slots=True)
class Name:
    """A path (`layer4`, `lab.words`, `features.18.0`, `blocks.*.mlp`) or a name in double quotes."""

    span: Span
    text: str
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class Parameter:
    """`$k`: stands for any name or value. In the expansion of a defined query `value` is what the call gave for it."""

    span: Span
    name: str
    value: Value | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Constant:
    """A string, number, true, false or null."""

    span: Span
    value: str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class ListValue:
    span: Span
    items: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Slice:
    """Python's slice: half-open, from 0, negative from the end."""

    span: Span
    start: int | Parameter | None
    stop: int | Parameter | None
    step: int | Parameter | None


SelectionItem = Union[Constant, Parameter, Slice, "Subquery"]


@dataclass(frozen=True, slots=True)
class Selection:
    span: Span
    items: tuple[SelectionItem, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """A name, with what is selected from it: `layer4`, `layer4[0:64]`, `lab.probe[0:50]`, `$layer`."""

    span: Span
    name: Name | Parameter
    selection: Selection | None = None


@dataclass(frozen=True, slots=True)
class Argument:
    span: Span
    name: str | None
    name_span: Span | None
    value: Value


@dataclass(frozen=True, slots=True)
class Call:
    span: Span
    name: Name
    arguments: tuple[Argument, ...] = ()
    selection: Selection | None = None


@dataclass(frozen=True, slots=True)
class Sql:
    """A text that DuckDB judges; clq queries inside it stand in `islands`, outermost only, in order of place.

    In the expansion of a defined query `given` are the values of the call's parameters.
    """

    span: Span
    text: str
    islands: tuple[Island, ...] = ()
    given: tuple[tuple[str, Value], ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class Island:
    """A clq query (or PLAN, or the call of a defined query) in SQL. The span leaves its parentheses out."""

    span: Span
    body: Query | PlanStatement | Call


@dataclass(frozen=True, slots=True)
class Subquery:
    """`( … )` where a value is expected."""

    span: Span
    body: Query | Sql


Value = Union[Place, Call, Constant, Parameter, ListValue, Subquery, Sql]
Source = Union[Place, Call, Constant, ListValue, Subquery]
Model = Union[Place, Call]
Method = Union[Name, Parameter, Call]

# ------------------------------------------------------------------ queries

TargetKind = Literal[
    "place", "group", "class", "synset", "text", "failure", "classes", "groups", "failures", "model", "subquery"
]


@dataclass(frozen=True, slots=True)
class Target:
    """What is explained, located, drawn or judged.

    `place` is set for units of a layer (kind 'place') and for one group of them (kind 'group'), `constants` for CLASS,
    SYNSET, TEXT and FAILURE, `model` for MODEL, `subquery` for kind 'subquery' or for `CLASS (SELECT …)`.
    """

    span: Span
    kind: TargetKind
    place: Place | None = None
    constants: tuple[Constant | Parameter, ...] = ()
    model: Name | Parameter | None = None
    subquery: Subquery | None = None


@dataclass(frozen=True, slots=True)
class Contrast:
    span: Span
    kind: Literal["low", "random", "images"]
    images: Source | None = None


@dataclass(frozen=True, slots=True)
class Change:
    span: Span
    concept: str | Parameter
    value: float


@dataclass(frozen=True, slots=True)
class To:
    span: Span
    places: tuple[Place, ...]
    models: tuple[Model, ...]


@dataclass(frozen=True, slots=True)
class Into:
    """`INTO name` makes a table, `INTO 'file'` a file by its suffix."""

    span: Span
    name: str
    is_file: bool


@dataclass(frozen=True, slots=True)
class Query:
    """VERB target, clauses, SQL tail. A clause that was not written is empty (or None).

    The call of a defined query with clauses or a tail has the verb CALL and stands in `call`.
    """

    span: Span
    verb: str
    verb_span: Span
    targets: tuple[Target, ...] = ()
    source: Source | None = None
    of: tuple[Model, ...] = ()
    in_: tuple[Place, ...] = ()
    on: tuple[Source, ...] = ()
    for_: tuple[Target, ...] = ()
    to: To | None = None
    using: tuple[Method, ...] = ()
    contrast: Contrast | None = None
    with_: tuple[Source, ...] = ()
    captioned: tuple[Source, ...] = ()
    judged: tuple[Source, ...] = ()
    changing: tuple[Change, ...] = ()
    where: Sql | None = None
    order: Sql | None = None
    limit: int | Parameter | None = None
    limit_span: Span | None = None
    into: Into | None = None
    clause_spans: dict[str, Span] = field(default_factory=dict, hash=False, compare=False)
    call: Call | None = None


# ------------------------------------------------------------------ statements


@dataclass(frozen=True, slots=True)
class Let:
    span: Span
    name: str
    name_span: Span
    value: Value


@dataclass(frozen=True, slots=True)
class ParamStatement:
    span: Span
    name: str
    name_span: Span
    value: Value


@dataclass(frozen=True, slots=True)
class SetStatement:
    """SET setting = value; RESET setting has value None."""

    span: Span
    setting: str
    setting_span: Span
    value: Value | None


@dataclass(frozen=True, slots=True)
class Define:
    span: Span
    name: str
    name_span: Span
    formals: tuple[tuple[str, Value | None], ...]
    body: Query | Sql


@dataclass(frozen=True, slots=True)
class Import:
    """`script` is the file's text, parsed; None where nobody could read files."""

    span: Span
    path: str
    path_span: Span
    script: Script | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Broken:
    """A statement that could not be read; what is wrong with it is told elsewhere."""

    span: Span


@dataclass(frozen=True, slots=True)
class Show:
    """SHOW what [name] [OF model] [FOR verb]; `what` in upper case."""

    span: Span
    what: str
    what_span: Span
    name: Name | Parameter | None = None
    of: tuple[Model, ...] = ()
    for_: str | None = None


@dataclass(frozen=True, slots=True)
class PlanStatement:
    span: Span
    body: Query | Sql
    analyze: bool = False


Statement = Union[Let, ParamStatement, SetStatement, Define, Import, Show, PlanStatement, Query, Call, Sql, Broken]


@dataclass(frozen=True, slots=True)
class Script:
    """A whole text and its statements in order."""

    text: str
    statements: tuple[Statement, ...]
    path: str | None = None


def walk(node: object) -> Iterator[Any]:
    """The node and every node below it, outer ones first."""
    todo: list[object] = [node]
    while todo:
        one = todo.pop()
        if isinstance(one, tuple):
            todo += reversed(one)
        elif is_dataclass(one) and not isinstance(one, (Span, type)):
            yield one
            todo += [getattr(one, f.name) for f in reversed(fields(one))]
