"""What can be offered: things of a kind, constructors, methods, arguments, layers, classes, columns, words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

from ..bind import EACH, describe, shown
from ..checked import Answer, Table
from ..declare import (
    REQUIRED,
    ClassifierThing,
    ConstructorDeclaration,
    Kind,
    MethodDeclaration,
    ModelLike,
    Names,
    Parameter,
    Signature,
    TableThing,
    Thing,
)
from ..literals import encode_name, encode_string
from ..reader import PATH
from ..resolve import SPOKEN, serves
from ..targets import layers_of
from ..verbs import CLAUSES, VERBS, Column
from .made import Made
from .spot import Spot

CompletionKind = Literal[
    "verb", "keyword", "clause", "model", "dataset", "vocabulary", "captions", "judge", "answer", "table", "thing",
    "layer", "method", "constructor", "definition", "argument", "value", "class", "column", "setting", "parameter",
    "file", "folder",
]  # fmt: skip


@dataclass(frozen=True)
class Completion:
    """Something that could be written over `start` to `end` of the text.

    `insert` is plain text; `snippet`, where set, is the same with places to fill in, as the Language Server Protocol
    writes them.
    """

    label: str
    kind: CompletionKind
    insert: str
    detail: str
    documentation: str
    start: int
    end: int
    snippet: str = ""


@dataclass(frozen=True)
class Offers:
    """Makes completions for one spot. `made` are the names that statements before it make, checked or not."""

    spot: Spot
    names: Names
    made: Mapping[str, Made]

    def one(
        self, label: str, kind: CompletionKind, detail: str = "", documentation: str = "", insert: str | None = None,
        snippet: str = "",
    ) -> Completion:  # fmt: skip
        start, end = self.spot.start, self.spot.end
        return Completion(label, kind, label if insert is None else insert, detail, documentation, start, end, snippet)

    # ------------------------------------------------------------------ words of the language

    def verbs(self) -> Iterator[Completion]:
        for verb in VERBS.values():
            if verb.object != "none":
                yield self.one(verb.name, "verb", verb.summary, verb.example)

    def keywords(self, words: Iterable[str], detail: str = "") -> Iterator[Completion]:
        for word in words:
            yield self.one(word, "keyword", detail)

    def clause(self, keyword: str) -> Completion:
        clause = CLAUSES[keyword]
        return self.one(keyword, "clause", clause.takes, f"{keyword} {clause.example}")

    # ------------------------------------------------------------------ names

    def things(self, *kinds: Kind, rows: bool = True) -> Iterator[Completion]:
        """What can stand for a thing of these kinds: names, functions that make one, `$names`."""
        yield from self.named(*kinds, rows=rows)
        for kind in kinds:
            for constructor in self.names.constructors(kind):
                yield self.constructor(constructor)
        if "model" in kinds:
            yield from self._seeing()
        yield from self.parameters()
        # So many that they would hide the others: once a word is begun.
        for name in self.names.further(kinds[0]) if len(kinds) == 1 and self.spot.word else ():
            yield self.name(name, kinds[0], None)

    def named(self, *kinds: Kind, rows: bool = False) -> Iterator[Completion]:
        """Names of things of these kinds; with `rows`, of answers and tables that serve for one."""
        for name in self._known():
            thing = self.names.find(name)
            made = self.made.get(name)
            kind = thing.kind if thing is not None and thing.kind != "mistake" else made.kind if made else None
            fits = kind is None or kind in kinds
            if not fits and rows and thing is not None:
                fits = any(serves(thing, k) for k in kinds)
            if fits:
                yield self.name(name, kind, thing)

    def _seeing(self) -> Iterator[Completion]:
        """Judges that stand for their image encoder where a model is expected."""
        for name in self._known():
            thing = self.names.find(name)
            if thing is not None and isinstance(thing, ModelLike) and thing.as_model() is not None:
                yield self.name(name, "judge", thing)

    def _known(self) -> list[str]:
        own = [n for n, m in self.made.items() if m.word != "DEFINE" and m.word != "PARAM"]
        return sorted(dict.fromkeys([*own, *self.names.names()]), key=lambda n: (n not in self.made, n))

    def name(self, name: str, kind: Kind | None, thing: Thing | None) -> Completion:
        spoken = SPOKEN[kind].one if kind in SPOKEN else "a name"
        detail = spoken
        if isinstance(thing, Answer):
            detail = f"an answer of {thing.verb}"
        columns = columns_of(thing)
        documentation = f"columns: {', '.join(columns)}" if columns else ""
        shape: CompletionKind = kind if kind is not None and kind != "mistake" else "thing"
        return self.one(name, shape, detail, documentation, written_name(name))

    def constructor(self, one: ConstructorDeclaration) -> Completion:
        needed = [p for p in one.parameters if p.default is REQUIRED]
        holes = [_hole(i, p) for i, p in enumerate(needed, 1)]
        inside = ", ".join(p.name for p in one.parameters)
        return self.one(
            f"{one.name}(…)", "constructor", f"makes {SPOKEN[one.kind].one}", f"{one.summary}\n\n{one.name}({inside})",
            f"{one.name}(", f"{one.name}({', '.join(holes) or '$1'})",
        )  # fmt: skip

    def definitions(self) -> Iterator[Completion]:
        for name in self.names.defined():
            found = self.names.definition(name.lower())
            formals = ", ".join(f for f, _ in found.statement.formals) if found is not None else "…"
            yield self.one(f"{name}(…)", "definition", f"{name}({formals})", "", f"{name}(", f"{name}($1)")
        known = {n.lower() for n in self.names.defined()}
        for name, made in self.made.items():
            if made.word == "DEFINE" and name.lower() not in known:
                yield self.one(f"{name}(…)", "definition", "a defined query", "", f"{name}(", f"{name}($1)")

    def parameters(self) -> Iterator[Completion]:
        """`$k` of PARAM, and the arguments of the DEFINE around the spot."""
        formals = self.formals()
        values = dict.fromkeys(formals, "an argument of this query")
        values |= {n: "a parameter" for n, m in self.made.items() if m.word == "PARAM"}
        values |= {n: f"is {v}" for n, v in self.names.parameters.items() if n not in formals}
        for name, value in values.items():
            yield self.one(f"${name}", "parameter", value)

    def formals(self) -> tuple[str, ...]:
        """The arguments that the DEFINE around the spot names."""
        tokens = self.spot.code.tokens[: self.spot.cursor]
        if len(tokens) < 3 or tokens[0].up != "DEFINE" or tokens[2].up != "(":
            return ()
        return tuple(two.text for one, two in pairwise(tokens[2:]) if one.up in {"(", ","} and two.kind == "word")

    # ------------------------------------------------------------------ methods and arguments

    def methods(self, declared: Iterable[MethodDeclaration]) -> Iterator[Completion]:
        for method in declared:
            citation = method.citation.text() if method.citation is not None else ""
            yield self.one(method.name, "method", method.summary, citation)

    def arguments(self, signature: Signature, given: set[str]) -> Iterator[Completion]:
        for p in signature.parameters:
            if p.name not in given:
                default = "" if p.default is REQUIRED else f" = {shown(p.default)}"
                yield self.one(f"{p.name}=", "argument", f"{p.type}{default}", describe(p))

    def values(self, p: Parameter, each: bool, bare: bool = True) -> Iterator[Completion]:
        """What an argument can be. Names of a choice are written bare after `argument=`, in quotes by themselves."""
        default = p.default
        words: list[str] = []
        if p.type == "choice":
            words = list(p.choices)
        elif p.type == "bool":
            words = ["true", "false"]
        for word in words:
            is_text = p.type == "choice" and not (bare and PATH.fullmatch(word))
            label = encode_string(word) if is_text and not self.spot.quoted else word
            yield self.one(label, "value", "default" if default == _truth(word, p) else "", describe(p))
        if p.type == "thing" and p.kind is not None:
            yield from self.things(p.kind)
        elif not self.spot.quoted:
            if default is not REQUIRED and default is not None and p.type not in {"choice", "bool"}:
                label = encode_string(default) if isinstance(default, str) else shown(default)
                yield self.one(label, "value", "default", describe(p))
            yield from self.parameters()
        if p.nullable:
            yield self.one("null", "value", "default" if default is None else "", describe(p))
        if each:
            yield self.one(f"{EACH}(…)", "value", "run for each of several values", "", f"{EACH}(", f"{EACH}($1)")

    # ------------------------------------------------------------------ what models and answers have

    def layers(self, models: Sequence[Thing]) -> Iterator[Completion]:
        found: dict[str, list[str]] = {}
        for model in models:
            for layer, units in (layers_of(model) or {}).items():
                count = "units known when run" if units is None else f"{units} units"
                found.setdefault(layer, []).append(f"{model.name}, {count}")
        for layer, owners in found.items():
            if self._covered(layer, found):
                continue
            yield self.one(layer, "layer", f"a layer of {owners[0]}", "\n".join(owners[1:]), written_name(layer))

    def _covered(self, layer: str, layers: Mapping[str, object]) -> bool:
        """Whether a layer that holds this one goes on from what is written: the inner ones follow after its dot."""
        word, parts = self.spot.word, layer.split(".")
        outer = (".".join(parts[:i]) for i in range(1, len(parts)))
        return any(o in layers and o != word and o.startswith(word) for o in outer)

    def classes(self, models: Sequence[Thing]) -> Iterator[Completion]:
        for model in models:
            known = model.classes() if isinstance(model, ClassifierThing) else None
            for i, name in enumerate(known or ()):
                label = name if self.spot.quoted else encode_string(name)
                insert = name.replace("'", "''") if self.spot.quoted else label
                yield self.one(label, "class", f"class {i} of {model.name}", "", insert)

    def columns(self, columns: Iterable[Column | str], of: str) -> Iterator[Completion]:
        for column in columns:
            if isinstance(column, str):
                yield self.one(column, "column", f"of {of}", "", written_name(column))
            else:
                yield self.one(column.name, "column", f"{column.type}, of {of}", column.meaning)


def columns_of(thing: Thing | None) -> tuple[str, ...]:
    """The columns of something that SQL can read, where they are known."""
    if isinstance(thing, Table):
        return thing.held or ()
    return tuple(thing.columns()) if isinstance(thing, TableThing) else ()


def written_name(name: str) -> str:
    return name if PATH.fullmatch(name) and "*" not in name else encode_name(name)


def _truth(word: str, p: Parameter) -> Any:
    return word == "true" if p.type == "bool" else word


def _hole(i: int, p: Parameter) -> str:
    """A place to fill in: text stands in quotes already."""
    hole = f"${{{i}:{p.name}}}"
    return f"'{hole}'" if p.type == "str" else hole
