"""The catalogue of names: what the checker asks, answered by the files of this folder and by what a script has made."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from ..lang.ast import Span
from ..lang.checked import CheckedQuery, CheckedSql, Definition
from ..lang.declare import (
    THING_SETTINGS,
    Bound,
    ConstructorDeclaration,
    Kind,
    MethodDeclaration,
    Rows,
    Selected,
    Slot,
)
from ..lang.declare import Thing as NamedThing
from ..lang.diagnostic import Diagnostic
from ..lang.folded import Folded
from .datasets.combined import combine
from .job import Method
from .texts.joined import join
from .things import Built, Constructor, Dataset, Judge, Model, Texts

if TYPE_CHECKING:
    import pyarrow as pa

FAMILIES = ("models", "datasets", "judges", "texts")
DEFAULT_METHOD = {"EXPLAIN": "clip_dissect", "EMBED": "clip", "TRANSFER": "ridge"}
SLOT_SETTING = {kind: setting for setting, kind in THING_SETTINGS.items()}


def _modules(folder: str) -> list[ModuleType]:
    package = importlib.import_module(f"{__package__}.{folder}")
    names = sorted(m.name for m in pkgutil.iter_modules(package.__path__) if not m.ispkg)
    return [importlib.import_module(f"{package.__name__}.{name}") for name in names]


@cache
def built_in() -> tuple[Built, ...]:
    """What every file of the families offers; a file that offers nothing (a helper) has no `built`."""
    return tuple(m.built() for folder in FAMILIES for m in _modules(folder) if hasattr(m, "built"))


@cache
def methods() -> Mapping[str, Method]:
    """Every method by its name."""
    found = [m.METHOD for m in _modules("methods") if hasattr(m, "METHOD")]
    return {m.declaration.name: m for m in found}


def relations() -> Mapping[str, Callable[[], pa.Table]]:
    """Tables that are there from the start beside those of data sets, words and captions."""
    from .lab.truth import truth_table

    return {"lab.truth": truth_table}


def _not_yet(body: CheckedQuery | CheckedSql) -> Rows | None:
    return None


@dataclass
class Catalog:
    """Names in the order of look-up: what LET made, what is built in, tables."""

    made: dict[str, NamedThing] = field(default_factory=Folded)
    tables: dict[str, NamedThing] = field(default_factory=Folded)
    settings: dict[str, Any] = field(default_factory=dict)
    parameters: dict[str, Any] = field(default_factory=dict)
    definitions: dict[str, Definition] = field(default_factory=dict)
    run_subquery: Callable[[CheckedQuery | CheckedSql], Rows | None] = _not_yet
    find_table: Callable[[str], NamedThing | None] = lambda name: None

    def fork(self) -> Catalog:
        """The same names, for a look at a script that runs nothing: what it makes is not kept here."""
        return Catalog(
            Folded(self.made), Folded(self.tables), dict(self.settings), dict(self.parameters), dict(self.definitions),
            find_table=self.find_table,
        )  # fmt: skip

    @staticmethod
    @cache
    def _things() -> Mapping[str, NamedThing]:
        return {name: thing for built in built_in() for name, thing in built.names.items()}

    @staticmethod
    @cache
    def _known_as() -> Mapping[str, Built]:
        return {name: built for built in built_in() for name in built.known_as}

    @staticmethod
    @cache
    def _constructors() -> Mapping[str, Constructor]:
        return {c.declaration.name: c for built in built_in() for c in built.constructors}

    def find(self, name: str) -> NamedThing | None:
        # A table of SQL's making may be called like a model; it must not take the model from every later query.
        return self.made.get(name) or self.built_in(name) or self.tables.get(name) or self.find_table(name)

    def built_in(self, name: str) -> NamedThing | None:
        found = self._things().get(name.lower())
        if found is None and name in self._known_as():
            make = self._known_as()[name].make
            found = make(name) if make is not None else None
        return found

    def synset(self, name: str) -> bool:
        """Whether WordNet has this synset; only the table of nouns ships, so others are believed."""
        from .wordnet import table

        if name.split(".")[-2:-1] != ["n"]:
            return True
        try:
            return bool(table.synset(name))
        except KeyError:
            return False

    def synsets(self, word: str) -> Sequence[str]:
        from .wordnet import table

        return table.synsets(word)

    def definition(self, name: str) -> Definition | None:
        return self.definitions.get(name)

    def defined(self) -> Sequence[str]:
        return sorted(d.statement.name for d in self.definitions.values())

    def named(self, parts: Sequence[Selected], name: str) -> NamedThing:
        """One thing of this name; several data sets or lists become one, and so does a selection from one."""
        found = one_of(parts)
        return replace(found, name=name) if hasattr(found, "spec") else found  # type: ignore[type-var]

    def names(self, kind: Kind | None = None) -> Sequence[str]:
        known = {**self._things(), **self.tables, **self.made}
        return sorted(name for name, thing in known.items() if kind is None or thing.kind == kind)

    def further(self, kind: Kind | None = None) -> Sequence[str]:
        """Names that stand for something as well, but are too many to list."""
        return sorted(self._known_as()) if kind in (None, "model") else ()

    def things(self, kind: Kind) -> list[NamedThing]:
        """All things of a kind, by name."""
        found = [self.find(name) for name in self.names(kind)]
        return [t for t in found if t is not None]

    def methods(self, verb: str | None = None) -> Sequence[MethodDeclaration]:
        return [m.declaration for m in methods().values() if verb is None or verb in m.declaration.verbs]

    def constructors(self, kind: Kind | None = None) -> Sequence[ConstructorDeclaration]:
        found = [c.declaration for c in self._constructors().values()]
        return [d for d in found if kind is None or d.kind == kind]

    def construct(self, call: Bound) -> NamedThing:
        name = call.declaration.name
        shown = ", ".join(f"{k}={_written(v)}" for k, v in call.changed().items())
        try:
            return self._constructors()[name](f"{name}({shown})", call)
        except Diagnostic as problem:
            problem.span = problem.span or call.span
            raise

    def file(self, path: str, kind: Kind, span: Span) -> NamedThing:
        try:
            for built in built_in():
                read = built.files.get(kind)
                found = read(path) if read else None
                if found is not None:
                    return found
        except Diagnostic as problem:
            problem.span = problem.span or span
            raise
        raise Diagnostic(
            "unread-file", f"'{path}' is no {'folder of images or image file' if kind == 'dataset' else kind}", span,
            hint="paths are relative to where clq is started",
        )  # fmt: skip

    def lies_here(self, path: str, kind: Kind | None) -> str | None:
        place = Path(path)
        if kind in {"dataset", None} and place.is_dir():
            return "folder"
        return "file" if kind in {"vocabulary", "captions"} and place.is_file() else None

    def inline(self, values: Sequence[str], kind: Kind, span: Span) -> NamedThing:
        for built in built_in():
            if kind in built.lists:
                try:
                    return built.lists[kind](values)
                except Diagnostic as problem:
                    problem.span = problem.span or span
                    raise
        raise Diagnostic("wrong-kind", f"a list cannot stand for a {kind}", span)

    def setting(self, name: str) -> Any | None:
        return self.settings.get(name)

    def parameter(self, name: str) -> Any:
        if name not in self.parameters:
            raise Diagnostic("no-parameter", f"${name} has no value", hint=f"write PARAM {name} = … or give "
                             f"--param {name}=…")  # fmt: skip
        return self.parameters[name]

    def default(
        self, slot: Slot, verb: str, model: NamedThing | None, judge: NamedThing | None
    ) -> tuple[NamedThing | str, str] | None:
        if slot == "method":
            name = DEFAULT_METHOD.get(verb)
            return (name, f"the method of {verb}") if name else None
        setting = self.settings.get(SLOT_SETTING[slot])
        if setting is not None:
            return setting, f"SET {SLOT_SETTING[slot]}"
        wanted: str | None = None
        why = ""
        if isinstance(model, Model):
            offered = {
                "dataset": model.defaults.images,
                "judge": model.defaults.judge,
                "vocabulary": model.defaults.words,
            }
            wanted, why = offered.get(slot), f"what {model.name} comes with"
        if slot == "captions" and isinstance(judge, Judge):
            wanted, why = judge.spec.captions, f"what {judge.name} comes with"
        found = self.find(wanted) if wanted else None
        return (found, why) if found is not None else None

    def rows(self, body: CheckedQuery | CheckedSql) -> Rows | None:
        return self.run_subquery(body)


def _written(value: Any) -> str:
    """An argument in the name of what it made: a thing by its own name."""
    if isinstance(value, Selected):
        return value.name if value.items is None else f"{value.name}[…]"
    return repr(value) if isinstance(value, str) else str(getattr(value, "name", value))


def one_of(parts: Sequence[Selected]) -> NamedThing:
    """The parts of a clause as one thing: data sets one after another, lists joined; a whole thing stays itself."""
    first = parts[0]
    if len(parts) == 1 and first.items is None:
        return first.thing
    sets = [(p.thing, p.items) for p in parts if isinstance(p.thing, Dataset)]
    if len(sets) == len(parts):
        return combine(sets)
    lists = [(p.thing, p.items) for p in parts if isinstance(p.thing, Texts)]
    if len(lists) == len(parts):
        return join(lists, lists[0][0].what)
    return first.thing
