"""EMBED: a judge's vectors of images, or of words."""

from __future__ import annotations

from ...lang.declare import MethodDeclaration
from ...ops.vectors import EmbeddedImages, EmbeddedTexts
from ..job import Job, Method, Planned
from ..things import Dataset
from ..works import CLIP

DECLARATION = MethodDeclaration(
    "clip",
    "the judge's vectors of images or words, of 2-norm 1",
    (),
    verbs=("EMBED",),
    clauses=frozenset({"JUDGED BY"}),
    needs=frozenset({"judge"}),
    citation=CLIP,
)


def plan(job: Job) -> Planned:
    """One scan for images; one text pass for words."""
    judge = job.of(job.judge, "JUDGED BY a judge")
    source = job.of(job.source, "something to embed")
    if isinstance(job.source, Dataset):
        vectors = judge.spec.image_vectors(judge, source)
        return Planned(EmbeddedImages(vectors, source, job.method, job.args))
    return Planned(EmbeddedTexts(judge.spec.text_vectors(judge, source), source, job.method, job.args))


METHOD = Method(DECLARATION, plan)
