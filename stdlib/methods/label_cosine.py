"""Cosine of labels and true names in the space of a judge's texts."""

from __future__ import annotations

from ...lang.declare import MethodDeclaration
from ...ops.judged import LabelTexts
from ...ops.naming import LabelCosine
from ..job import Job, Method, Planned
from ..metrics import INTERVAL, judged_in, shared
from ..true_names import TRUE_NAMES, true_names_for
from ..works import CLIP_DISSECT

DECLARATION = MethodDeclaration(
    "label_cosine",
    "cosine of a unit's first word and its true name as a judge reads them, with what random labels and the most "
    "frequent label would reach",
    (TRUE_NAMES, *INTERVAL),
    verbs=("EVALUATE",),
    clauses=frozenset({"WITH", "JUDGED BY"}),
    needs=frozenset({"judge"}),
    citation=CLIP_DISSECT,
)


def plan(job: Job) -> Planned:
    """Embeds the labels and the true names; reads no image."""
    true = true_names_for(job)
    texts = LabelTexts(judged_in(job).rows, true)
    return Planned(LabelCosine(*shared(job), true, texts, job.text_vectors(texts)))


METHOD = Method(DECLARATION, plan)
