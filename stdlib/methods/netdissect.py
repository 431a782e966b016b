"""Network Dissection: name a unit by the concept whose pixels its highest activations overlap best."""

from __future__ import annotations

from ...lang.declare import MethodDeclaration, Parameter
from ...lang.diagnostic import Diagnostic, did_you_mean, listing
from ...ops.activations import PooledActivations, TopImages
from ...ops.answers import TopEvidence
from ...ops.handles import Concept
from ...ops.netdissect import ConceptOverlaps, DissectedUnits, MapThresholds
from ..datasets.combined import concepts_of
from ..job import Job, Method, Planned
from ..works import NETDISSECT

DECLARATION = MethodDeclaration(
    "netdissect",
    "names units by the IoU of their highest activations with pixel masks of concepts: no judge is asked",
    (
        Parameter("quantile", "float", 0.005, "the share of a unit's activations, of all places of all images, that "
                  "count as on", low=1e-9, high=0.5),
        Parameter("min_iou", "float", 0.04, "a concept must have more than this to name a unit", low=0.0, high=1.0),
        Parameter("top", "int", 5, "how many concepts a unit gets (published: 1)", low=1),
        Parameter("categories", "list", None, "which categories of concepts; null: all that the masks have",
                  nullable=True),
        Parameter("finest", "int", 112, "masks are compared at so many pixels of the shorter side if they have more "
                  "(published: 112); null: at their own resolution", low=1, nullable=True),
    ),
    verbs=("EXPLAIN",),
    clauses=frozenset({"WITH"}),
    needs=frozenset({"images"}),
    citation=NETDISSECT,
    abstains="no concept's IoU with the unit's highest activations is above min_iou, or the unit is constant",
)  # fmt: skip


def plan(job: Job) -> Planned:
    """The maps from one forward, shared with whatever else looks at the model; then thresholds, and overlaps of the
    whole layer with all concepts, read beside the masks once; then the chosen units."""
    v = job.values
    images, model = job.of(job.images, "ON images"), job.of(job.model, "OF a model")
    concepts = concepts_for(job, images.name, tuple(concepts_of(images.spec)))
    maps = PooledActivations(model, images, job.layer, "maps")
    overlaps = ConceptOverlaps(MapThresholds(maps, v["quantile"]), model, images, concepts, v["finest"])
    words = None if job.words is None else job.of(job.words, "WITH words")
    top = TopImages(PooledActivations(model, images, job.layer, "peak"), v["top"])
    shared = (model.name, job.layer, job.units, job.method, job.args)
    return Planned(
        DissectedUnits(*shared, overlaps, words, v["min_iou"], v["top"]), TopEvidence(*shared, top, images, v["top"])
    )  # fmt: skip


def concepts_for(job: Job, images: str, there: tuple[Concept, ...]) -> tuple[Concept, ...]:
    """The concepts of the categories that were asked for. Raises Diagnostic for images without masks and for a category
    that they do not have."""
    if not there:
        raise Diagnostic(
            "wrong-kind", f"{images} has no masks, and {job.method} compares units with masks of concepts",
            job.places.get(images), hint="masks come with the images: folder('…', masks='…', mask_names='…') or "
            "arrays('…', masks=…, mask_names=…); the images of the lab have some",
        )  # fmt: skip
    given = job.values["categories"]
    if given is None:
        return there
    known = list(dict.fromkeys(category for _, category in there))
    wanted = [given] if isinstance(given, str) else [str(one) for one in given]
    for category in wanted:
        if category not in known:
            raise Diagnostic(
                "bad-argument", f"the masks of {images} have no category {category}.{did_you_mean(category, known)}",
                job.spans.get("categories"), hint=f"theirs: {listing(known)}",
            )  # fmt: skip
    return tuple(concept for concept in there if concept[1] in wanted)


METHOD = Method(DECLARATION, plan)
