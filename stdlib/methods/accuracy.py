"""Accuracy of names: is the true name of a unit its first word, or among its first five?"""

from __future__ import annotations

from ...lang.declare import MethodDeclaration
from ...ops.naming import Accuracy
from ..job import Job, Method, Planned
from ..metrics import INTERVAL, shared
from ..true_names import TRUE_NAMES, true_names_for
from ..works import CLIP_DISSECT

DECLARATION = MethodDeclaration(
    "accuracy",
    "how often the true name of a unit is its first word (top1) or among its first five (top5), its rank, and how well "
    "the score tells right names from wrong ones (auc)",
    (TRUE_NAMES, *INTERVAL),
    verbs=("EVALUATE",),
    clauses=frozenset({"WITH"}),
    citation=CLIP_DISSECT,
)


def plan(job: Job) -> Planned:
    """Reads the rows alone: no image, no model."""
    return Planned(Accuracy(*shared(job), true_names_for(job)))


METHOD = Method(DECLARATION, plan)
