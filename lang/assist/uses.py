"""Where a name is made and used: LET, PARAM, DEFINE, INTO and CREATE, in clq and in SQL. Tokens count, never text."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, is_dataclass
from itertools import pairwise
from typing import Any

from .. import ast
from ..ast import Span
from ..declare import Names, Signature
from ..diagnostic import Diagnostic
from ..made import name_of
from ..parse import parse_all
from ..resolve import resolve_whole
from ..scan import Token, scan
from ..targets import layers_of
from .made import made_in
from .sqluses import tables_in

# What a name is: its space, then the name (of an argument: that of its query, too). Only `$names` mind their case.
Key = tuple[str, ...]
_EVIDENCE = "_evidence"


@dataclass(frozen=True)
class Use:
    """A place where a name stands; `makes` where it gets its meaning. `query` is set where it could be a layer."""

    span: Span
    key: Key
    makes: bool = False
    query: ast.Query | None = None


def definition(text: str, offset: int, names: Names | None = None) -> Span | None:
    """Where the name at an offset was made last before it, or first after it; None for what the text does not make."""
    makers = sorted(u.span for u in _same(text, offset, names) if u.makes)
    before = [span for span in makers if span.start <= offset]
    return before[-1] if before else makers[0] if makers else None


def references(text: str, offset: int, names: Names | None = None) -> list[Span]:
    """Every place where the name at an offset stands, that of its making too: what a rename changes.

    The name of a table inside that of its evidence, t_evidence, is one of them. With `names`, layers of models and
    choices of arguments that are called like a name are told apart from it.
    """
    return sorted({u.span for u in _same(text, offset, names)})


def places_of(text: str, key: Key, names: Names | None = None) -> list[Use]:
    """Every use of a name that perhaps another text makes, in order."""
    return sorted((u for u in uses(text, names) if u.key == key), key=lambda u: (u.span, u.makes))


def key_at(found: Sequence[Use], offset: int) -> Key | None:
    """Which name stands at an offset."""
    here = [u for u in found if u.span.start <= offset <= u.span.end]
    return max(here, key=lambda u: (u.span.start, u.makes)).key if here else None


def _same(text: str, offset: int, names: Names | None) -> list[Use]:
    """Every use of the name at an offset."""
    found = uses(text, names)
    key = key_at(found, offset)
    return [u for u in found if u.key == key]


def uses(text: str, names: Names | None = None) -> list[Use]:
    """Every name of a text that is made by it, or could be made by another one, and where."""
    script, _ = parse_all(text, defined=names.defined() if names is not None else ())
    tokens = scan(text, [])
    walk = _Walk(text, tokens, names)
    found = [u for statement in script.statements for u in walk.statement(statement)]
    made = {u.key[1] for u in found if u.makes and u.key[0] == "name"}
    found = [u for u in found if u.query is None or u.key[1] not in made or not _is_layer(u, u.query, names)]
    for use in list(found):
        stem = use.key[1].removesuffix(_EVIDENCE)
        if use.key[0] == "name" and not use.makes and stem != use.key[1] and stem in made:
            quoted = text[use.span.start] == '"'
            start = use.span.start + quoted
            found.append(Use(Span(start, start + len(stem)), ("name", stem)))
            found.remove(use)
    return found


def _is_layer(use: Use, query: ast.Query, names: Names | None) -> bool:
    """Whether a target is called as a layer of a model of its query is, which comes first."""
    if names is None:
        return False
    for given in query.of:
        try:
            layers = layers_of(resolve_whole(given, "model", names)) or {}
        except Diagnostic:
            continue
        if any(layer.lower() == use.key[1] for layer in layers):
            return True
    return False


class _Walk:
    """Goes through statements; `formals` are the arguments of the DEFINE it is in."""

    def __init__(self, text: str, tokens: Sequence[Token], names: Names | None) -> None:
        self.text, self.tokens, self.names = text, tokens, names
        self._starts = [t.start for t in tokens]
        self.formals: dict[str, Key] = {}

    def _tokens(self, start: int, end: int) -> Sequence[Token]:
        return self.tokens[bisect_left(self._starts, start) : bisect_left(self._starts, end)]

    def statement(self, statement: ast.Statement) -> Iterator[Use]:
        self.formals = {}
        match statement:
            case ast.Let():
                yield Use(statement.name_span, _name(statement.name), makes=True)
            case ast.ParamStatement():
                yield Use(statement.name_span, ("parameter", statement.name), makes=True)
            case ast.Define():
                yield from self._define(statement)
            case ast.Broken():
                yield from self._broken(statement.span)
                return
            case ast.Show():
                yield from self._nodes(statement.of)
                return
            case ast.Query() | ast.Call() | ast.Sql():
                yield from self._node(statement)
                return
        yield from self._below(statement)

    def _define(self, define: ast.Define) -> Iterator[Use]:
        own = define.name.lower()
        yield Use(define.name_span, ("definition", own), makes=True)
        self.formals = {name: ("argument", own, name.lower()) for name, _ in define.formals}
        inside = self._tokens(define.name_span.end, define.body.span.start)
        for before, token in pairwise(inside):
            if before.up in {"(", ","} and token.text in self.formals:
                yield Use(token.span, self.formals[token.text], makes=True)

    def _nodes(self, nodes: Sequence[Any]) -> Iterator[Use]:
        for node in nodes:
            yield from self._node(node)

    def _below(self, node: Any) -> Iterator[Use]:
        for f in fields(node):
            value = getattr(node, f.name)
            for child in value if isinstance(value, tuple) else (value,):
                if isinstance(child, tuple):
                    yield from self._nodes([c for c in child if is_dataclass(c)])
                elif is_dataclass(child) and not isinstance(child, Span):
                    yield from self._node(child)

    def _node(self, node: Any, query: ast.Query | None = None) -> Iterator[Use]:
        match node:
            case ast.Script():
                return
            case ast.Name():
                yield Use(node.span, _name(node.text), query=query)
            case ast.Parameter():
                yield self._parameter(node.name, node.span)
            case ast.Place():
                yield from self._node(node.name, query)
                if node.selection is not None:
                    yield from self._below(node.selection)
            case ast.Call():
                yield Use(node.name.span, ("definition", node.name.text.lower()))
                yield from self._arguments(node, None)
            case ast.Into() if not node.is_file:
                last = self._tokens(node.span.start, node.span.end)[-1]
                yield Use(last.span, _name(node.name), makes=True)
            case ast.Query():
                yield from self._query(node)
            case ast.Sql():
                yield from self._sql(node)
            case _:
                yield from self._below(node)

    def _query(self, query: ast.Query) -> Iterator[Use]:
        # Units of layers, or the targets in an answer.
        for target in (*query.targets, *query.for_):
            if target.place is not None:
                yield from self._node(target.place, query)
            else:
                yield from self._below(target)
        places = query.to.places if query.to is not None else ()
        for place in (*query.in_, *places):
            yield from self._node(place, query)
        for method in query.using:
            if isinstance(method, ast.Call):
                every = self.names.methods() if self.names is not None else ()
                declared = next((m for m in every if m.name == method.name.text), None)
                yield from self._arguments(method, declared)
            elif isinstance(method, ast.Parameter):
                yield from self._node(method)
        models = query.to.models if query.to is not None else ()
        rest = (query.source, query.call, query.contrast, query.where, query.order, query.into)
        named = (*query.of, *query.on, *query.with_, *query.captioned, *query.judged, *query.changing, *models)
        yield from self._nodes([n for n in (*named, *rest, query.limit) if is_dataclass(n)])

    def _arguments(self, call: ast.Call, declared: Signature | None) -> Iterator[Use]:
        constructors = self.names.constructors() if self.names is not None else ()
        declared = declared or next((c for c in constructors if c.name == call.name.text), None)
        for i, argument in enumerate(call.arguments):
            if argument.name is not None and argument.name_span is not None and declared is None:
                yield Use(argument.name_span, ("argument", call.name.text.lower(), argument.name.lower()))
            parameters = declared.parameters if declared is not None else ()
            wanted = argument.name.lower() if argument.name else parameters[i].name if i < len(parameters) else ""
            taken = next((p for p in parameters if p.name == wanted), None)
            is_word = isinstance(argument.value, ast.Place) and isinstance(argument.value.name, ast.Name)
            if not (is_word and taken is not None and taken.type != "thing"):
                yield from self._node(argument.value)
        if call.selection is not None:
            yield from self._below(call.selection)

    def _parameter(self, name: str, span: Span) -> Use:
        return Use(Span(span.start + 1, span.end), self.formals.get(name, ("parameter", name)))

    def _sql(self, sql: ast.Sql) -> Iterator[Use]:
        for island in sql.islands:
            yield from self._node(island.body)
        inside = [i.span for i in sql.islands]
        within = self._tokens(sql.span.start, sql.span.end)
        own = [t for t in within if not any(s.start <= t.start < s.end for s in inside)]
        makers = {m.token.start for m in made_in(own) if m.word == "TABLE"}
        for token in tables_in(own):
            yield Use(token.span, _name(name_of(token)), makes=token.start in makers)
        for token in own:
            if token.kind == "param" and not token.text[1:2].isdigit():
                yield self._parameter(token.text[1:], token.span)

    def _broken(self, span: Span) -> Iterator[Use]:
        """A statement that cannot be read: every word that could be a name."""
        own = self._tokens(span.start, span.end)
        makers = {m.token.start: m.word for m in made_in(own)}
        for i, token in enumerate(own):
            before, after = own[i - 1].up if i else "", own[i + 1].up if i + 1 < len(own) else ""
            word = makers.get(token.start)
            if token.kind == "param" and not token.text[1:2].isdigit():
                yield self._parameter(token.text[1:], token.span)
            elif token.kind not in {"word", "quoted"} or before in {".", "USING"}:
                continue
            elif word == "PARAM":
                yield Use(token.span, ("parameter", name_of(token)), makes=True)
            elif word == "DEFINE" or (after == "(" and word is None):
                yield Use(token.span, ("definition", name_of(token).lower()), makes=word is not None)
            elif word is not None or after != "=":
                yield Use(token.span, _name(name_of(token)), makes=word is not None)


def _name(text: str) -> Key:
    return ("name", text.lower())
