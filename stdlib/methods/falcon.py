"""FALCON: caption what a unit or group fires on, read the words, and take off those that silent images show as well."""

from __future__ import annotations

from dataclasses import replace

from ...engine.operator import Operator
from ...lang.declare import MethodDeclaration, Parameter
from ...lang.diagnostic import Diagnostic
from ...ops.activations import PooledActivations, TopImages
from ...ops.contrast import ContrastedWords
from ...ops.crops import CropEmbeddings
from ...ops.failures import (
    FailingSlices,
    FailureEvidence,
    FailuresByGroups,
    FailuresByImages,
    GroupPushes,
    HeadWeights,
    MistakenImages,
    SliceWords,
    TrueClasses,
)
from ...ops.falcon import CropCoherence, CropEvidence, DistinctTexts, FalconUnits, RetrievedCaptions, WordScores
from ...ops.groups import FeatureGroups
from ...ops.highs import ThresholdedImages
from ...ops.words import CaptionWords, WordShares
from ..classifiers import head_of, number_of
from ..job import Job, Method, Planned
from ..texts.lexicon import Lexicon
from ..things import Model
from ..works import FALCON, GRAD_CAM, WORDNET

DECLARATION = MethodDeclaration(
    "falcon",
    "captions crops of the top images of a unit or group and keeps the words that silent images do not bring back",
    (
        Parameter("images", "int", 40, "how many top images a unit or group has at most", low=1),
        Parameter("threshold", "float", None, "only images whose share of the layer's activation is this many standard "
                  "deviations above the mean (published: 5); null: the top images of a unit, whatever they reach; for "
                  "groups 3, with grouping=published 5", nullable=True),
        Parameter("least", "int", 11, "with threshold, for groups and FAILURES: fewest images that each needs", low=1),
        Parameter("crop", "choice", "gradcam", "see the unit's Grad-CAM box, or the whole image",
                  choices=("gradcam", "none")),
        Parameter("mask", "float", 0.4, "Grad-CAM level that counts as inside (published: 0.6)", low=0.0,
                  high=1.0),
        Parameter("context", "float", 0.5, "least side of a crop, as a share of the image's shorter side: smaller "
                  "crops magnify a part beyond what judges know", low=0.0, high=1.0),
        Parameter("captions", "int", 20, "how many captions each crop gets (published: 5)", low=1),
        Parameter("temperature", "float", None, "sharpness of the softmax over captions; null: the judge's own scale",
                  low=0.0, nullable=True),
        Parameter("phrases", "bool", False, "also neighbouring adjective-noun and noun-noun pairs"),
        Parameter("pooling", "choice", "auto", "how maps and tokens become one number",
                  choices=("auto", "mean", "max", "cls")),
        Parameter("contrast_rule", "choice", "per_word", "compare each word on silent images near to it, or cut all "
                  "words by their score on images like the unit's own", choices=("per_word", "published")),
        Parameter("candidates", "int", 8, "per_word: how many words are tested", low=1),
        Parameter("silent", "int", 20, "per_word: how many silent images each word is tested on", low=1),
        Parameter("ratio", "float", 0.3, "an image is silent below this share of the last top image's activation",
                  low=0.0, high=1.0),
        Parameter("low_images", "int", 10, "published: how many low images", low=1),
        Parameter("similar", "float", 0.3, "published: least similarity of a low image to the top images", low=0.0),
        Parameter("cut", "float", 0.1, "published: a word with this score on low images is dropped", low=0.0),
        Parameter("seed", "int", 0, "CONTRAST random: which silent images; FAILURES: which right images, and where "
                  "clusters start", low=0),
        Parameter("top", "int", 5, "how many words a unit or group gets", low=1),
        Parameter("grouping", "choice", "merged", "GROUPS: units that fire together more often than by chance, or sets "
                  "that are all that fires on `least` images", choices=("merged", "published")),
        Parameter("membership", "choice", "superset", "groups: an image belongs where all units of the group fire, or "
                  "only if no other does (with grouping=published: exact)", choices=("superset", "exact"),
                  only_with=("grouping", ("merged", "published")), instead=(("published", "exact"),)),
        Parameter("groups", "int", None, "GROUPS: how many at most, those of most images; null: all", low=1,
                  nullable=True),
        Parameter("alike", "float", None, "only where the judge finds the crops more alike than this mean cosine "
                  "(published: 0.8); null: not tested", low=-1.0, high=1.0, nullable=True),
        Parameter("slices", "choice", "predicted", "FAILURES: wrong images by what they are taken for, by what they "
                  "are, by both, or in clusters of the judge's vectors",
                  choices=("predicted", "class", "pair", "cluster")),
        Parameter("clusters", "int", 8, "how many", low=1, only_with=("slices", "cluster")),
        Parameter("named_by", "choice", "images", "FAILURES: by the words that failing images show more than right "
                  "ones of the same classes, or by the groups that push to the wrong class",
                  choices=("images", "groups")),
        Parameter("missing", "bool", False, "FAILURES: instead what right images have and failing ones lack"),
        Parameter("diagonal", "bool", False, "alike: compare each crop with itself as well, as published"),
    ),
    verbs=("EXPLAIN",),
    targets=("place", "group", "groups", "failure", "failures"),
    clauses=frozenset({"WITH", "CAPTIONED BY", "JUDGED BY", "CONTRAST"}),
    needs=frozenset({"judge", "captions", "images"}),
    crops=frozenset({"place", "group", "groups"}),
    citation=FALCON,
    builds_on=(GRAD_CAM, WORDNET),
    abstains="no word stayed: silent images showed them all, the words of WITH stand in no caption found, "
    "there are too few images, or their crops are not alike",
    empty="nothing found on enough images, no groups or no failures: lower threshold or least",
)  # fmt: skip

PUBLISHED, FIRING = 5.0, 3.0  # standard deviations above the mean where a unit of a group fires
SCORED = 64  # words of a unit that are kept for the contrast to choose from


def plan(job: Job) -> Planned:
    """Round one: activations and image vectors. Round two reads the top images alone: Grad-CAM, crops, the judge."""
    if job.kind in {"failure", "failures"}:
        return failures(job)
    v = job.values
    assert job.model is not None and job.judge is not None
    model, images, judge = job.of(job.model, "OF"), job.of(job.images, "ON images"), job.of(job.judge, "JUDGED BY")
    captions = job.of(job.captions, "CAPTIONED BY captions")
    words = None if job.words is None else job.of(job.words, "WITH words")
    activations = PooledActivations(model, images, job.layer, v["pooling"])
    high = high_images(job, activations)
    units = job.units if job.kind == "unit" else None
    crops = CropEmbeddings(model, images, judge, high, job.layer, units, v["crop"], v["mask"], v["context"])
    caption_vectors = job.text_vectors(captions)
    bags = CaptionWords(captions, Lexicon().source(job.known), v["phrases"])
    retrieved = RetrievedCaptions(crops, caption_vectors, judge, v["captions"], v["temperature"])
    scores = WordScores(crops, retrieved, bags, WordShares(bags), words, v["contrast_rule"], SCORED)
    shared = (job.model.name, job.layer, units, job.method, job.args)
    alike = CropCoherence(crops) if job.kind != "unit" or v["alike"] is not None else None
    tested = (crops, alike, v["alike"], v["diagonal"], v["top"])
    evidence = CropEvidence(*shared, crops, retrieved, captions, images)
    if job.contrast is None:
        return Planned(FalconUnits(*shared, scores, *tested), evidence)
    candidates = DistinctTexts(scores)
    given = None
    if job.contrast_images is not None:
        compared = job.of(job.contrast_images, "images")
        given = job.judged(lambda: judge.spec.image_vectors(judge, compared))
    contrasted = ContrastedWords(
        scores, activations, job.image_vectors(), caption_vectors, candidates, job.text_vectors(candidates), judge,
        job.contrast, given, v["contrast_rule"], v["candidates"], v["silent"], v["ratio"], v["low_images"],
        v["similar"], v["cut"], v["seed"] if job.contrast == "random" else 0,
    )  # fmt: skip
    return Planned(FalconUnits(*shared, contrasted, *tested), evidence)


def high_images(job: Job, activations: PooledActivations) -> Operator:
    """The operator that says on which images each target is looked at."""
    v = job.values
    if job.kind != "unit":
        usual = PUBLISHED if v["grouping"] == "published" else FIRING
        multiple = usual if v["threshold"] is None else v["threshold"]
        found = job.kind == "groups"
        return FeatureGroups(
            activations, v["grouping"] if found else "given", job.groups, job.units, multiple, v["membership"],
            v["least"], v["images"], v["groups"] if found else None,
        )  # fmt: skip
    if v["threshold"] is None:
        return TopImages(activations, v["images"])
    return ThresholdedImages(activations, v["threshold"], v["images"], v["least"])


def failures(job: Job) -> Planned:
    """The groups of what the head reads, and what each adds to the wrong classes. One forward gives both layers; the
    second round also reads the failing images that are evidence, and cuts out where the wrong class is seen."""
    v = job.values
    assert job.model is not None and job.judge is not None
    head, features, classes = layers_of_head(job)
    by_images = v["named_by"] == "images"
    if by_images and job.contrast is not None:
        raise Diagnostic(
            "unexpected", "failing images are compared with right ones; CONTRAST is for groups named by themselves",
            hint="leave CONTRAST out, or write falcon(named_by=groups)",
        )  # fmt: skip
    explained = plan(replace(job, kind="groups", layer=features)).answer
    assert isinstance(explained, FalconUnits) and isinstance(explained.crops.high, FeatureGroups)
    model, images, judge = job.of(job.model, "OF"), job.of(job.images, "ON images"), job.of(job.judge, "JUDGED BY")
    given = job.kind == "failure"
    clustered = (v["slices"] == "cluster" and not given) or any(text.startswith("cluster ") for text in job.slices)
    slices = FailingSlices(
        TrueClasses(images, classes), PooledActivations(model, images, head, "auto"),
        "given" if given else v["slices"], job.slices, tuple(sorted(number_of(c, classes) for c in job.classes)),
        v["least"], job.image_vectors() if clustered else None, v["clusters"], v["seed"] if clustered else 0,
    )  # fmt: skip
    pushes = GroupPushes(slices, explained.crops.high, HeadWeights(model, head))
    crops = CropEmbeddings(
        model, images, judge, MistakenImages(slices, v["images"]), head, None, v["crop"], v["mask"], v["context"]
    )
    captions = job.of(job.captions, "CAPTIONED BY captions")
    caption_vectors = job.text_vectors(captions)
    retrieved = RetrievedCaptions(crops, caption_vectors, judge, v["captions"], v["temperature"])
    shared = (job.model.name, features, None, job.method, job.args, slices)
    if by_images:
        scores = explained.scores
        assert isinstance(scores, WordScores)
        words = SliceWords(
            slices, job.image_vectors(), caption_vectors, judge, scores.bags, scores.words, v["captions"],
            v["temperature"], v["images"], v["seed"],
        )  # fmt: skip
        answer: Operator = FailuresByImages(*shared, words, pushes, scores, v["top"], v["missing"])
    else:
        answer = FailuresByGroups(*shared, pushes, explained, v["top"], v["missing"])
    return Planned(
        answer,
        FailureEvidence(*shared, crops, retrieved, captions, images, v["images"]),
    )


def layers_of_head(job: Job) -> tuple[str, str, tuple[str, ...]]:
    """The layer that gives the classes, the one that it reads, and the names of the classes.

    The last layer of as many units as there are classes, and the one before it that does not hold it; or IN. Raises
    Diagnostic where there are no classes, or no such layers.
    """
    model = job.model
    assert isinstance(model, Model)
    head, classes = head_of(model, job.places.get(model.name), "failures are those")
    names = list(model.layers() or ())
    before = [name for name in names[: names.index(head)] if not head.startswith(f"{name}.")]
    if not job.layer and not before:
        raise Diagnostic("missing-clause", f"In which layer? {head} of {model.name} is its first: IN …")
    return head, job.layer or before[-1], classes


METHOD = Method(DECLARATION, plan)
