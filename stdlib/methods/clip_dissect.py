"""CLIP-Dissect: name a unit by the word that a judge sees in its top images more than in those of the layer's other
units."""

from __future__ import annotations

from ...lang.citation import Citation
from ...lang.declare import MethodDeclaration, Parameter
from ...ops.activations import PooledActivations, TopImages
from ...ops.answers import NamedUnits, TopEvidence
from ...ops.controls import ShuffledImages
from ...ops.dissect import SoftWPMI
from ..job import Job, Method, Planned

DECLARATION = MethodDeclaration(
    "clip_dissect",
    "names units by soft WPMI: words that fit a unit's top images better than the top images of its layer",
    (
        Parameter("top_k", "int", 100, "how many images count for a unit", low=1),
        Parameter("a", "float", 10.0, "sharpness of the softmax over words", low=0.0),
        Parameter("lam", "float", 1.0, "weight of the prior over the layer's units", low=0.0),
        Parameter("p_start", "float", 0.998, "how surely the first of the top images counts", low=0.0, high=1.0),
        Parameter("p_end", "float", 0.97, "how surely the last of the top images counts", low=0.0, high=1.0),
        Parameter("min_prob", "float", 1e-7, "added to each probability", low=1e-30),
        Parameter("pooling", "choice", "auto", "how maps and tokens become one number",
                  choices=("auto", "mean", "max", "cls")),
        Parameter("top", "int", 5, "how many words a unit gets", low=1),
        Parameter("floor", "float", "judge", "least mean cosine of a word with the top images; null: none",
                  nullable=True),
        Parameter("shuffle", "int", None, "a control: deal the activations to other images, by this seed",
                  nullable=True),
    ),
    verbs=("EXPLAIN",),
    clauses=frozenset({"WITH", "JUDGED BY"}),
    needs=frozenset({"judge", "words", "images"}),
    citation=Citation(
        "oikarinen2023clip", ("Oikarinen, Tuomas", "Weng, Tsui-Wei"),
        "CLIP-Dissect: Automatic Description of Neuron Representations in Deep Vision Networks", "ICLR", 2023,
        "https://arxiv.org/abs/2204.10965",
    ),
    abstains="no word's mean cosine with the top images reaches the judge's floor (floor=null takes it off), "
    "or the unit is constant",
)  # fmt: skip


def plan(job: Job) -> Planned:
    """Activations and image vectors from one round; then top images, soft WPMI over the whole layer, the chosen units.

    The prior runs over all units of the layer even where the query names a few, so a unit's name does not depend on
    which others were asked for.
    """
    v = job.values
    images = job.of(job.images, "ON images")
    words = job.of(job.words, "WITH words")
    assert job.model is not None
    activations = PooledActivations(job.of(job.model, "OF a model"), images, job.layer, v["pooling"])
    shuffled = activations if v["shuffle"] is None else ShuffledImages(activations, v["shuffle"])
    top = TopImages(shuffled, v["top_k"])
    floor = job.judge.spec.floor if v["floor"] == "judge" and job.judge else v["floor"]
    scores = SoftWPMI(
        top, job.image_vectors(), job.text_vectors(words), v["a"], v["lam"], v["min_prob"], v["p_start"], v["p_end"],
        v["top"], floor,
    )  # fmt: skip
    shared = (job.model.name, job.layer, job.units, job.method, job.args)
    return Planned(NamedUnits(*shared, scores, words, v["top"]), TopEvidence(*shared, top, images, v["top"]))


METHOD = Method(DECLARATION, plan)
