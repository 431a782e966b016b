"""The things a name can stand for, and how they become sources of a plan."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from ..engine.fingerprint import Fingerprints
from ..engine.operator import Operator, Source, Spec
from ..lang.citation import Citation
from ..lang.declare import Bound, ConstructorDeclaration, Kind

if TYPE_CHECKING:
    import pyarrow as pa


@runtime_checkable
class KeyedSpec(Spec, Protocol):
    """A picklable description of a thing. Fingerprinting reads files at most; it never imports torch."""

    def fingerprint(self, known: Fingerprints) -> str: ...
    def describe(self) -> dict[str, str]:
        """Facts for SHOW, in order."""


@dataclass(frozen=True)
class ModelDefaults:
    """What a lab model brings with it; models from outside the lab bring nothing."""

    images: str | None = None
    judge: str | None = None
    words: str | None = None


@dataclass(frozen=True)
class _Thing:
    name: str
    spec: Any

    @property
    def kind(self) -> Kind:
        raise TypeError

    def source(self, known: Fingerprints) -> Source:
        """The leaf of a plan that stands for this thing."""
        identities = getattr(self.spec, "identities", None)
        each = partial(identities, known) if identities is not None else None
        return Source(self.kind, self.spec.fingerprint(known), self.name, self.spec, each)

    def describe(self) -> dict[str, str]:
        found: dict[str, str] = self.spec.describe()
        return found

    def citations(self) -> tuple[Citation, ...]:
        """Whom to cite where it is used; nobody for what is the lab's or the user's own."""
        found: tuple[Citation, ...] = getattr(self.spec, "citations", ())
        return found


@dataclass(frozen=True)
class Model(_Thing):
    """A network whose layers can be asked. Its spec offers `layers()` and opens into `ops.handles.Subject`."""

    defaults: ModelDefaults = ModelDefaults()

    @property
    def kind(self) -> Kind:
        return "model"

    def layers(self) -> Mapping[str, int | None] | None:
        found: Mapping[str, int | None] | None = self.spec.layers()
        return found

    def classes(self) -> Sequence[str] | None:
        """The names of its outputs by number; None where they are no classes or have no names here."""
        named = getattr(self.spec, "classes", None)
        return None if named is None else named()


@dataclass(frozen=True)
class Dataset(_Thing):
    """Images by number. Its spec offers `relation()` and opens into `ops.handles.ImageSet`."""

    @property
    def kind(self) -> Kind:
        return "dataset"

    def columns(self) -> Sequence[str]:
        found: Sequence[str] = self.spec.columns()
        return found

    def relation(self) -> pa.Table:
        """The data set as a table: one row an image, with whatever is known of it."""
        return self.spec.relation()


@dataclass(frozen=True)
class Texts(_Thing):
    """A vocabulary (words to choose from) or captions (sentences to retrieve). Opens into `ops.handles.TextList`."""

    what: Kind = "vocabulary"

    @property
    def kind(self) -> Kind:
        return self.what

    def columns(self) -> Sequence[str]:
        return ("caption",) if self.what == "captions" else ("word",)

    def relation(self) -> pa.Table:
        import pyarrow as pa

        relation = getattr(self.spec, "relation", None)
        return relation() if relation else pa.table({self.columns()[0]: list(self.spec.open("cpu").texts())})


class JudgeSpec(KeyedSpec, Protocol):
    """How a judge gives vectors; `floor`, `prompts` and `captions` are what was measured or decided for it."""

    floor: float | None
    prompts: tuple[str, ...]
    captions: str | None

    def image_vectors(self, judge: Source, images: Source) -> Operator: ...
    def text_vectors(self, judge: Source, texts: Operator) -> Operator: ...
    def can_embed_images(self) -> bool: ...
    def as_model(self, name: str) -> Model | None:
        """The image encoder as a model; None for vectors without one."""


@dataclass(frozen=True)
class Judge(_Thing):
    """A model that sees and reads, which decides what a word has to do with an image."""

    @property
    def kind(self) -> Kind:
        return "judge"

    def describe(self) -> dict[str, str]:
        """Its own facts, then what decides how it may be used: what it can see, its floor, captions and prompt."""
        spec: JudgeSpec = self.spec
        sees = "any image and text" if spec.can_embed_images() else "only what its files hold: no crops"
        facts = {
            **spec.describe(), "sees": sees, "floor": "none" if spec.floor is None else f"{spec.floor:g}",
            "captions": spec.captions or "none", "prompt": spec.prompts[0],
        }  # fmt: skip
        model = self.as_model()
        if model is not None:
            layers = model.layers()
            known = "known when it runs" if layers is None else str(len(layers))
            facts["layers"] = f"{known} after OF; visual is the embedding"
        return facts

    def as_model(self) -> Model | None:
        """Its image encoder, whose layers can be asked as those of any model; None if it holds vectors only."""
        found: Model | None = self.spec.as_model(self.name)
        return found


Thing = Model | Dataset | Texts | Judge


@dataclass(frozen=True)
class Constructor:
    """A function of the language and what it makes; `make(name, **arguments)` raises Diagnostic without a span."""

    declaration: ConstructorDeclaration
    make: Callable[..., Thing]

    def __call__(self, name: str, call: Bound) -> Thing:
        return self.make(name, **call.values)


@dataclass
class Built:
    """What one file of stdlib offers: things that have a name from the start, constructors, and readers of files.

    `known_as` are further names, of things that `make` makes when one is asked for; SHOW does not list them.
    """

    things: Sequence[Thing] = ()
    known_as: Sequence[str] = ()
    make: Callable[[str], Thing] | None = None
    constructors: Sequence[Constructor] = ()
    files: Mapping[Kind, Callable[[str], Thing | None]] = field(default_factory=dict)
    lists: Mapping[Kind, Callable[[Sequence[str]], Thing]] = field(default_factory=dict)

    @cached_property
    def names(self) -> dict[str, Thing]:
        return {t.name: t for t in self.things}
