"""What the methods of TRANSFER share: they differ in the map alone."""

from __future__ import annotations

from ..engine.operator import Operator
from ..lang.citation import Citation
from ..lang.declare import MethodDeclaration, Parameter
from ..lang.diagnostic import Diagnostic, did_you_mean, listing
from ..ops.activations import PooledActivations, TopImages
from ..ops.answers import TopEvidence
from ..ops.transfer import (
    CarriedConcepts,
    ClassOrigins,
    FoldCross,
    FoldGram,
    GroupOrigins,
    Kind,
    Origins,
    ShuffledPairs,
    SpaceMaps,
    TextOrigins,
    TransferAnswer,
    UnitOrigins,
)
from .classifiers import head_of, number_of
from .job import Asked, Job, Planned
from .texts.words import from_list
from .works import FALCON


def declared(name: str, summary: str, citation: Citation, *own: Parameter) -> MethodDeclaration:
    """The declaration of a method of TRANSFER, with arguments of its own before those that all have."""
    return MethodDeclaration(
        name,
        summary,
        (
            *own,
            Parameter("folds", "int", 5, "in how many parts the images are dealt; what is said of a part comes from a "
                      "map that was fitted on the others", low=3),
            Parameter("seed", "int", 0, "which images are dealt to which part", low=0),
            Parameter("pooling", "choice", "auto", "how maps and tokens become one number, of both layers",
                      choices=("auto", "mean", "max", "cls")),
            Parameter("images", "int", 40, "overlap: how many images are the highest, at most half of all; and how "
                      "many EVIDENCE shows", low=1),
            Parameter("labels", "str", "label", "recall: the column of the data set that says what an image shows, by "
                      "the number or name of a class, or by the text"),
            Parameter("shuffle", "int", None, "a control: deal the images of the explained space to each other, "
                      "by this seed", nullable=True),
        ),
        verbs=("TRANSFER",),
        targets=("place", "group", "class", "classes", "text"),
        clauses=frozenset({"JUDGED BY"}),
        needs=frozenset({"images"}),
        citation=citation,
        builds_on=(FALCON,) if citation != FALCON else (),
        abstains="nobody has named what is carried: carry rows that have a concept, classes or texts",
    )  # fmt: skip


def planned(job: Job, fit: Kind, strength: float | None = None) -> Planned:
    """One reading of the images for all models and the judge; sums over folds, maps from the sums, and what arrives.

    Spaces that several targets come from share one map.
    """
    v = job.values
    model, images = job.of(job.model, "TO layer4 OF labself"), job.of(job.images, "ON images")
    count = len(images.spec.open("cpu"))
    if count < 2 * v["folds"]:
        hint = f"give it {2 * v['folds']:,} images or more"
        raise Diagnostic("bad-argument", f"{count:,} images are too few to be dealt to {v['folds']} folds",
                         job.spans.get("folds"), hint=hint)  # fmt: skip
    if job.judge is not None and not any(asked.kind == "text" for asked in job.origins):
        raise Diagnostic("unexpected", "JUDGED BY says who reads TEXT, and there is none here",
                         job.places.get(job.judge.name))  # fmt: skip
    columns = images.spec.columns()
    if v["labels"] != "label" and v["labels"] not in columns:
        near = did_you_mean(v["labels"], columns)
        raise Diagnostic("unknown-column", f"{images.name} has no column {v['labels']}.{near}", job.spans.get("labels"),
                         hint=f"its columns: {listing(columns)}")  # fmt: skip
    there = PooledActivations(model, images, job.layer, v["pooling"])
    gram = FoldGram(there, job.units, v["folds"], v["seed"])
    carried = []
    for asked in job.origins:
        goals = space_of(job, asked)
        cross = FoldCross(gram, goals if v["shuffle"] is None else ShuffledPairs(goals, v["shuffle"]))
        maps = SpaceMaps(cross, fit, strength)
        carried.append(CarriedConcepts(maps, origins_of(job, asked, cross), images, v["images"], v["labels"]))
    assert job.model is not None
    shared = (job.model.name, job.layer, job.units, job.method, job.args)
    evidence = TopEvidence(*shared, TopImages(there, v["images"]), images, v["images"])
    return Planned(TransferAnswer(*shared, tuple(carried)), evidence)


def space_of(job: Job, asked: Asked) -> Operator:
    """The activations or vectors among which some of what is carried are directions."""
    if asked.kind == "text":
        return job.image_vectors()
    images, layer = job.of(job.images, "ON images"), asked.layer
    if asked.kind == "class":
        assert asked.model is not None
        layer, _ = head_of(asked.model, job.places.get(asked.model.name), "classes are those")
    return PooledActivations(job.of(asked.model, "OF a model"), images, layer, job.values["pooling"])


def origins_of(job: Job, asked: Asked, cross: FoldCross) -> Origins:
    """What is carried, with what it is called."""
    if asked.kind == "text":
        texts = job.of(from_list("vocabulary")([str(value) for value in asked.values]), "TEXT")
        return TextOrigins(cross, texts, job.text_vectors(texts))
    assert asked.model is not None
    model, layer = asked.model.name, asked.layer
    if asked.kind == "class":
        _, classes = head_of(asked.model, None, "classes are those")
        numbers = [number_of(value, classes) for value in asked.values] or range(len(classes))
        return ClassOrigins(cross, model, classes, tuple(dict.fromkeys(numbers)))
    if asked.kind == "group":
        called = [job.meanings.get(("group", model, layer, *units)) for units in asked.groups]
        return GroupOrigins(cross, model, layer, asked.groups, tuple(called))
    named = ((int(key[3]), word) for key, word in job.meanings.items() if key[:3] == ("unit", model, layer))
    return UnitOrigins(cross, model, layer, asked.units, tuple(sorted(named)))
