"""What a method gets to plan with, and what it gives back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from ..engine.fingerprint import Fingerprints
from ..engine.operator import Operator, Source
from ..lang.ast import Span
from ..lang.checked import MeaningKey
from ..lang.declare import MethodDeclaration
from ..lang.diagnostic import Diagnostic
from ..ops.embeddings import TextEmbeddings
from ..ops.judged import JudgedRows
from .datasets.readable import readable
from .precision import at_precision
from .things import Dataset, Judge, Model, Texts, Thing

Units = tuple[int | slice, ...] | None
TargetKind = Literal["unit", "group", "groups", "failure", "failures", "class", "text"]


@dataclass(frozen=True)
class Asked:
    """What one job is about, or one space that it carries from; see `Job`. `values`: classes (none: all) or texts."""

    kind: TargetKind = "unit"
    model: Model | None = None
    layer: str = ""
    units: Units = None
    groups: tuple[tuple[int, ...], ...] = ()
    slices: tuple[str, ...] = ()
    values: tuple[int | str, ...] = ()


@dataclass(frozen=True)
class Judged:
    """What EVALUATE measures: the rows that one job of an answer gave. `answer` is the operator they come from and
    `images` and `judge` what it looked at; None where an earlier script made them and this is not known here."""

    rows: JudgedRows
    method: str
    args: str
    kind: TargetKind
    model: Model | None
    layer: str
    images: Dataset | None = None
    judge: Judge | None = None
    answer: Operator | None = None


@dataclass(frozen=True)
class Job:
    """One question to one method: slots that the query or a default filled. `args` is JSON of what differs from
    defaults.

    `kind` says what it is about: units of `layer` (`units`), groups of it that are written (`groups`), those that are
    found in it (among `units`), slices of failures that are written (`slices`), or those that are found, of these true
    classes (`classes`, by number or name; none: all), by what stands in `layer` ('': what the head reads).

    TRANSFER's `model`, `layer` and `units` are those carried to; `origins` are what is carried, and `meanings` what the
    rows that they come from call them, by `lang.checked.meaning_keys`. A job of EVALUATE has what it measures in
    `measured`, and the images and the judge of that where the query names no others.
    """

    verb: str
    known: Fingerprints
    values: Mapping[str, Any]
    args: str
    method: str
    model: Model | None = None
    layer: str = ""
    units: Units = None
    kind: TargetKind = "unit"
    groups: tuple[tuple[int, ...], ...] = ()
    slices: tuple[str, ...] = ()
    classes: tuple[int | str, ...] = ()
    images: Dataset | None = None
    words: Texts | None = None
    captions: Texts | None = None
    judge: Judge | None = None
    contrast: Literal["low", "random", "images"] | None = None
    contrast_images: Dataset | None = None
    source: Thing | None = None
    origins: tuple[Asked, ...] = ()
    meanings: Mapping[MeaningKey, str] = field(default_factory=dict)
    measured: Judged | None = None
    places: Mapping[str, Span] = field(default_factory=dict)  # where things stand, by name
    spans: Mapping[str, Span] = field(default_factory=dict)  # where arguments stand

    def of(self, thing: Thing | None, what: str) -> Source:
        """The plan's leaf for a thing in a slot. Raises Diagnostic 'missing-clause' for an empty one."""
        if thing is None:
            raise Diagnostic("missing-clause", f"{self.method} needs {what}")
        try:
            source = at_precision(thing.source(self.known), self.known.precision)
            return readable(source, self.known) if self.known.lenient else source
        except Diagnostic as problem:
            problem.span = problem.span or self.places.get(thing.name)
            raise

    def judged(self, vectors: Callable[[], Operator]) -> Operator:
        """Vectors of the judge; what it lacks is told where it was named."""
        try:
            return vectors()
        except Diagnostic as problem:
            problem.span = problem.span or (self.places.get(self.judge.name) if self.judge is not None else None)
            raise

    def image_vectors(self) -> Operator:
        """The judge's vectors of the job's images."""
        judge = self.of(self.judge, "JUDGED BY a judge")
        found: Operator = self.judged(lambda: judge.spec.image_vectors(judge, self.of(self.images, "ON images")))
        return found

    def text_vectors(self, texts: Operator, prompts: Sequence[str] | None = None) -> Operator:
        """The judge's vectors of texts; under these prompts, or the judge's own. Raises Diagnostic 'wrong-kind' if the
        judge cannot read texts under prompts."""
        judge = self.of(self.judge, "JUDGED BY a judge")
        if prompts is None:
            found: Operator = self.judged(lambda: judge.spec.text_vectors(judge, texts))
        elif judge.spec.can_embed_images():
            found = TextEmbeddings(judge, texts, tuple(prompts))
        else:
            raise Diagnostic(
                "wrong-kind", f"{judge.name} holds vectors computed before and cannot read words under a prompt",
                self.spans.get("prompt"), hint="leave prompt out, or use a judge that reads texts: open_clip(…)",
            )  # fmt: skip
        return found


@dataclass(frozen=True)
class Planned:
    """The operators whose tables are the answer and the evidence for it."""

    answer: Operator
    evidence: Operator | None = None


@dataclass(frozen=True)
class Method:
    """A method: its declaration, from which language, help and checks come, and its plan."""

    declaration: MethodDeclaration
    plan: Callable[[Job], Planned]
