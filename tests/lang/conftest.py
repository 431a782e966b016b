"""A small world to check queries against, and queries with ‹ › around the place that a message should point at."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from clq.lang import Diagnostic
from clq.lang.ast import Span
from clq.lang.checked import Answer, CheckedQuery, CheckedSql, Definition
from clq.lang.declare import (
    REQUIRED,
    Bound,
    ConstructorDeclaration,
    Kind,
    MethodDeclaration,
    Parameter,
    Selected,
    Slot,
    Thing,
)


@dataclass(frozen=True)
class FakeThing:
    name: str
    kind: Kind
    made_from: str = ""


@dataclass(frozen=True)
class FakeModel(FakeThing):
    units: Mapping[str, int | None] | None = field(default=None, hash=False)

    def layers(self) -> Mapping[str, int | None] | None:
        return self.units

    def classes(self) -> Sequence[str] | None:
        return ("boat", "car", "apple") if self.name == "labnet" else None


@dataclass(frozen=True)
class FakeTable(FakeThing):
    held: tuple[str, ...] = ()

    def columns(self) -> Sequence[str]:
        return self.held


LABNET = {"conv1": 24, "layer1": 24, "layer2": 48, "layer3": 96, "layer4": 192, "fc": 33}
THINGS: tuple[Any, ...] = (
    FakeModel("labnet", "model", units=LABNET),
    FakeModel("labself", "model", units={"layer3": 96, "layer4": 192}),
    FakeModel("labtruth", "model", units={"single": 40, "noise": 1}),
    FakeModel("mobilenet_v2", "model", units={"features.0.0": 32, "features.18.0": 1280, "blocks.1.mlp": None}),
    FakeModel("unopened", "model", units=None),
    FakeTable("lab.probe", "dataset", held=("image", "scene", "caption", "labels")),
    FakeTable("lab.audit", "dataset", held=("image", "class")),
    FakeTable("photos", "dataset", held=("image",)),
    FakeTable("lab.words", "vocabulary", held=("word",)),
    FakeThing("lab.captions", "captions"),
    FakeThing("labclip", "judge"),
    Answer("labels", "EXPLAIN"),
)
SIMILARITIES = ("soft_wpmi", "wpmi", "rank")
TOP = Parameter("top", "int", 5, "how many words a unit gets", low=1)
METHODS = (
    MethodDeclaration(
        "clip_dissect",
        "soft WPMI",
        (
            Parameter("top_k", "int", 100, "how many images count for a unit", low=1),
            Parameter("similarity", "choice", "soft_wpmi", "how words are compared", choices=SIMILARITIES),
            Parameter("share", "float", 0.5, "a share", low=0.0, high=1.0),
            Parameter("floor", "float", None, "least mean cosine", nullable=True),
            Parameter("verbose", "bool", False, "says more"),
            Parameter("other", "thing", None, "another data set", kind="dataset", nullable=True),
            TOP,
        ),
        verbs=("EXPLAIN",),
        clauses=frozenset({"WITH", "JUDGED BY"}),
        needs=frozenset({"judge", "words", "images"}),
    ),
    MethodDeclaration(
        "falcon",
        "captions of crops",
        (
            Parameter("threshold", "float", None, "how far above", low=0.0, nullable=True),
            Parameter("seed", "int", 0, "which silent images", low=0),
            TOP,
        ),
        verbs=("EXPLAIN",),
        clauses=frozenset({"WITH", "CAPTIONED BY", "JUDGED BY", "CONTRAST"}),
        needs=frozenset({"judge", "captions", "images"}),
    ),
    MethodDeclaration("netdissect", "masks", (), verbs=("EXPLAIN",), needs=frozenset({"images"})),
    MethodDeclaration("dncbm", "directions", (), verbs=("EXPLAIN",), clauses=frozenset({"WITH", "JUDGED BY"})),
    MethodDeclaration("clip", "vectors", (), ("EMBED",), clauses=frozenset({"JUDGED BY"}), needs=frozenset({"judge"})),
    MethodDeclaration("sobol", "maps", (), verbs=("ATTRIBUTE",), targets=("place", "class", "classes")),
    MethodDeclaration("gradcam", "maps", (), verbs=("ATTRIBUTE",), targets=("place", "class", "classes")),
    MethodDeclaration(
        "convis", "what a judge reads", (), verbs=("ATTRIBUTE", "DETECT"), targets=("synset", "text"),
        clauses=frozenset({"JUDGED BY"}),
    ),
    MethodDeclaration("craft", "concepts", (), verbs=("DISCOVER",)),
)  # fmt: skip
CONSTRUCTORS = (
    ConstructorDeclaration("folder", "images", (Parameter("path", "str", REQUIRED, "the folder"),), kind="dataset"),
    ConstructorDeclaration(
        "words",
        "a word list",
        (
            Parameter("path", "str", REQUIRED, "the file"),
            Parameter("key", "str", None, "the array that holds the words", nullable=True),
        ),
        kind="vocabulary",
    ),
    ConstructorDeclaration(
        "torchvision",
        "a model",
        (
            Parameter("name", "str", REQUIRED, "the architecture"),
            Parameter("weights", "choice", "default", "which weights", choices=("default", "random"), nullable=True),
        ),
        kind="model",
    ),
    ConstructorDeclaration(
        "bottleneck", "a model of concepts", (Parameter("backbone", "thing", REQUIRED, "the model", kind="model"),)
    ),
)
DEFAULTS: Mapping[str, Mapping[str, str]] = {
    "labnet": {"dataset": "lab.audit", "vocabulary": "lab.words", "judge": "labclip"},
    "labself": {"dataset": "lab.audit", "vocabulary": "lab.words", "judge": "labclip"},
    "labtruth": {"dataset": "lab.probe", "vocabulary": "lab.words", "judge": "labclip"},
    "labclip": {"captions": "lab.captions"},
}


@dataclass
class FakeCatalog:
    """What the tests' queries are checked against. `rows_given` is what every subquery gives; `asked` records them."""

    parameters: dict[str, Any] = field(default_factory=dict)
    rows_given: Sequence[Any] | None = ()
    settings: dict[str, Any] = field(default_factory=dict)
    made: dict[str, Thing] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    tables: dict[str, Thing] = field(default_factory=dict)
    definitions: dict[str, Definition] = field(default_factory=dict)

    def find(self, name: str) -> Thing | None:
        if name in self.made or name in self.tables:
            return self.made.get(name) or self.tables[name]
        return next((t for t in THINGS if t.name == name), None)

    def names(self, kind: Kind | None = None) -> Sequence[str]:
        return [t.name for t in THINGS if kind in (None, t.kind)]

    def further(self, kind: Kind | None = None) -> Sequence[str]:
        return ()

    def methods(self, verb: str | None = None) -> Sequence[MethodDeclaration]:
        return [m for m in METHODS if verb is None or verb in m.verbs]

    def constructors(self, kind: Kind | None = None) -> Sequence[ConstructorDeclaration]:
        return [c for c in CONSTRUCTORS if kind in (None, c.kind)]

    def construct(self, call: Bound) -> Thing:
        assert isinstance(call.declaration, ConstructorDeclaration)
        made_from = ", ".join(f"{k}={v!r}" for k, v in call.values.items())
        return FakeModel(call.declaration.name, call.declaration.kind, made_from)

    def file(self, path: str, kind: Kind, span: Span) -> Thing:
        if path.startswith("gone"):
            raise Diagnostic("unread-file", f"There is no {path}", span)
        return FakeThing(path, kind, "file")

    def lies_here(self, path: str, kind: Kind | None) -> str | None:
        return "folder" if path == "pics" and kind == "dataset" else None

    def inline(self, values: Sequence[str], kind: Kind, span: Span) -> Thing:
        return FakeThing(f"[{', '.join(values)}]", kind, "list")

    def setting(self, name: str) -> Any | None:
        return self.settings.get(name)

    def parameter(self, name: str) -> Any:
        return self.parameters[name]

    def default(
        self, slot: Slot, verb: str, model: Thing | None, judge: Thing | None
    ) -> tuple[Thing | str, str] | None:
        if slot == "method":
            name = {
                "EXPLAIN": "clip_dissect",
                "EMBED": "clip",
                "ATTRIBUTE": "sobol",
                "DETECT": "convis",
                "DISCOVER": "craft",
            }
            return name[verb], f"the method of {verb}"
        if slot in self.settings:
            return self.settings[slot], f"SET {slot}"
        for owner in (model, judge):
            found = self.find(DEFAULTS.get(owner.name, {}).get(slot, "")) if owner is not None else None
            if owner is not None and found is not None:
                return found, f"what {owner.name} comes with"
        return None

    def rows(self, body: CheckedQuery | CheckedSql) -> dict[str, Sequence[Any]] | None:
        self.asked.append(body.sql.text if isinstance(body, CheckedSql) else body.verb)
        return None if self.rows_given is None else {"value": self.rows_given}

    def definition(self, name: str) -> Definition | None:
        return self.definitions.get(name)

    def defined(self) -> Sequence[str]:
        return list(self.definitions)

    def built_in(self, name: str) -> FakeThing | None:
        return next((t for t in THINGS if t.name == name), None)

    def named(self, parts: Sequence[Selected], name: str) -> Thing:
        if len(parts) == 1 and parts[0].items is None:
            return replace(parts[0].thing, name=name)
        return FakeThing(name, parts[0].kind, ", ".join(f"{p.name}{list(p.items or ())}" for p in parts))


@pytest.fixture
def catalog() -> FakeCatalog:
    return FakeCatalog()


def unmark(marked: str) -> tuple[str, int, int]:
    """The query without marks, and the range that they enclosed."""
    return marked.replace("‹", "").replace("›", ""), marked.index("‹"), marked.index("›") - 1


@pytest.fixture
def told() -> Callable[[str, Callable[[str], object]], Diagnostic]:
    """`told(marked, run)`: the Diagnostic that run(text) raises, whose place must be the marked one."""

    def tell(marked: str, run: Callable[[str], object]) -> Diagnostic:
        text, start, end = unmark(marked)
        with pytest.raises(Diagnostic) as caught:
            run(text)
        mistake = caught.value
        assert mistake.span is not None, mistake.message
        place = f"{text[: mistake.span.start]}‹{text[mistake.span.start : mistake.span.end]}›{text[mistake.span.end :]}"
        assert place == marked, mistake.message
        assert (mistake.span.start, mistake.span.end) == (start, end)
        mistake.within(text).render()
        return mistake

    return tell
