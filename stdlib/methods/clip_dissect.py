"""CLIP-Dissect: name a unit by the word that a judge sees in its top images more than in those of the layer's other
units, or by another of the five similarities of activations with image-word cosines."""

from __future__ import annotations

import math

from ...engine.operator import Operator
from ...lang.declare import MethodDeclaration, Parameter
from ...lang.diagnostic import Diagnostic
from ...ops.activations import PooledActivations, TopImages
from ...ops.answers import NamedUnits, TopEvidence
from ...ops.controls import ShuffledImages
from ...ops.dissect import WPMI, CosineSimilarity, CubedCosine, RankReorder, SoftWPMI
from ..job import Job, Method, Planned
from ..works import CLIP_DISSECT

SIMILARITIES = ("soft_wpmi", "wpmi", "cos_similarity", "cos_similarity_cubed", "rank_reorder")
BOTH = ("similarity", ("soft_wpmi", "wpmi"))
RANKS = ("similarity", "rank_reorder")

DECLARATION = MethodDeclaration(
    "clip_dissect",
    "names units by soft WPMI: words that fit a unit's top images better than the top images of its layer",
    (
        Parameter("top_k", "int", 100, "how many images count for a unit; under cosines, which compare all images, "
                  "only the floor and the evidence look at them", low=1, only_with=("similarity", SIMILARITIES[:4]),
                  instead=(("wpmi", 28),)),
        Parameter("a", "float", 10.0, "sharpness of the softmax over words", low=0.0, only_with=BOTH,
                  instead=(("wpmi", 2.0),)),
        Parameter("lam", "float", 1.0, "weight of the prior over the layer's units", low=0.0, only_with=BOTH,
                  instead=(("wpmi", 0.6),)),
        Parameter("p_start", "float", 0.998, "how surely the first of the top images counts", low=0.0, high=1.0,
                  only_with=("similarity", "soft_wpmi")),
        Parameter("p_end", "float", 0.97, "how surely the last of the top images counts", low=0.0, high=1.0,
                  only_with=("similarity", "soft_wpmi")),
        Parameter("min_prob", "float", 1e-7, "added to each probability", low=1e-30, only_with=BOTH),
        Parameter("pooling", "choice", "auto", "how maps and tokens become one number",
                  choices=("auto", "mean", "max", "cls", "token")),
        Parameter("top", "int", 5, "how many words a unit gets", low=1),
        Parameter("floor", "float", "judge", "least mean cosine of a word with the top images; null: none",
                  nullable=True),
        Parameter("shuffle", "int", None, "a control: deal the activations to other images, by this seed",
                  nullable=True),
        Parameter("similarity", "choice", "soft_wpmi", "how a word is compared with a unit", choices=SIMILARITIES),
        Parameter("top_share", "float", 0.05, "which share of all images are a unit's top images", low=1e-9, high=1.0,
                  only_with=RANKS),
        Parameter("power", "float", 3.0, "how much large displacements weigh", low=0.1, only_with=RANKS),
        Parameter("scale_power", "float", 0.5, "how much the mean cosine weighs", low=0.0, only_with=RANKS),
        Parameter("permutations", "int", None, "how many random orders make the baseline (published: 5); null: their "
                  "expectation", low=1, nullable=True, only_with=RANKS),
        Parameter("seed", "int", 0, "which random orders, where permutations says how many", low=0, only_with=RANKS),
        Parameter("min_norm", "float", 1e-3, "norms of cubed columns count as this at least", low=1e-30,
                  only_with=("similarity", "cos_similarity_cubed")),
        Parameter("token", "int", 0, "the number of the token that speaks for all, from the end if negative",
                  only_with=("pooling", "token")),
        Parameter("prompt", "list", None, "what a word is read in, {} standing for it; several are averaged; null: the "
                  "judge's own, for most the bare word", nullable=True, holds="{}"),
    ),
    verbs=("EXPLAIN",),
    clauses=frozenset({"WITH", "JUDGED BY"}),
    needs=frozenset({"judge", "words", "images"}),
    citation=CLIP_DISSECT,
    abstains="no word's mean cosine with the top images reaches the judge's floor (floor=null takes it off), "
    "the unit is constant, or with similarity=rank_reorder no word has a positive mean cosine",
)  # fmt: skip


def plan(job: Job) -> Planned:
    """Activations and image vectors from one round; then top images, the similarity over the whole layer, the chosen
    units.

    The prior runs over all units of the layer even where the query names a few, so a unit's name does not depend on
    which others were asked for.
    """
    v = job.values
    images = job.of(job.images, "ON images")
    words = job.of(job.words, "WITH words")
    assert job.model is not None
    pooling = f"token {v['token']}" if v["pooling"] == "token" else v["pooling"]
    activations = PooledActivations(job.of(job.model, "OF a model"), images, job.layer, pooling)
    shuffled = activations if v["shuffle"] is None else ShuffledImages(activations, v["shuffle"])
    count = v["top_k"] if v["similarity"] != "rank_reorder" else ranked(job, len(images.spec.open("cpu")))
    top = TopImages(shuffled, count)
    scores = scored(job, shuffled, top, job.image_vectors(), job.text_vectors(words, v["prompt"]))
    shared = (job.model.name, job.layer, job.units, job.method, job.args)
    return Planned(NamedUnits(*shared, scores, words, v["top"]), TopEvidence(*shared, top, images, v["top"]))


def ranked(job: Job, images: int) -> int:
    """How many top images rank_reorder compares. Raises Diagnostic 'bad-argument' where they are too few for an
    order."""
    share: float = job.values["top_share"]
    count = math.floor(share * images)
    if count < 2:
        raise Diagnostic(
            "bad-argument", f"rank_reorder compares the order of the top {100 * share:g} % of {images:,} images: "
            f"{'none' if count < 1 else 'one alone'} has no order", job.spans.get("top_share"),
            hint=f"give it {math.ceil(2 / share):,} images or more" + (
                f", or write top_share={math.ceil(200 / images) / 100:g}" if images >= 2 else ""),
        )  # fmt: skip
    return count


def scored(job: Job, activations: Operator, top: TopImages, image: Operator, text: Operator) -> Operator:
    """The operator of the similarity that was asked for."""
    v = job.values
    floor = job.judge.spec.floor if v["floor"] == "judge" and job.judge else v["floor"]
    match v["similarity"]:
        case "wpmi":
            return WPMI(top, image, text, v["a"], v["lam"], v["min_prob"], v["top"], floor)
        case "cos_similarity":
            return CosineSimilarity(activations, top, image, text, v["top"], floor)
        case "cos_similarity_cubed":
            return CubedCosine(activations, top, image, text, v["min_norm"], v["top"], floor)
        case "rank_reorder":
            drawn = v["permutations"]
            seed = 0 if drawn is None else v["seed"]
            return RankReorder(top, image, text, v["power"], v["scale_power"], v["top"], floor, drawn, seed)
    return SoftWPMI(top, image, text, v["a"], v["lam"], v["min_prob"], v["p_start"], v["p_end"], v["top"], floor)


METHOD = Method(DECLARATION, plan)
