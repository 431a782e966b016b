"""Sanity tests of the scores themselves: do they fall when the labels are made worse?"""

from __future__ import annotations

from ...lang.declare import MethodDeclaration, Parameter
from ...ops.agreement import Sanity
from ..job import Job, Method, Planned
from ..metrics import INTERVAL, shared
from ..presence import ACTIVE, activations_for, presence_for, presence_parameters
from ..works import NEURON_EVAL

DECLARATION = MethodDeclaration(
    "sanity",
    "whether the scores of detection fall when true labels are taken away, when wrong ones are added, and when the "
    "images are dealt anew: those that do not say nothing",
    (
        *presence_parameters("labels"),
        Parameter("removed", "float", 0.5, "missing: the share of the images with a label that lose it", low=1e-9,
                  high=1.0),
        Parameter("added", "float", 1.0, "extra: how many images get a wrong label, as a share of those with it",
                  low=1e-9),
        ACTIVE,
        *INTERVAL,
    ),
    verbs=("EVALUATE",),
    clauses=frozenset({"JUDGED BY"}),
    needs=frozenset({"images", "judge"}),
    citation=NEURON_EVAL,
)  # fmt: skip


def plan(job: Job) -> Planned:
    """As detection; the draws are made when the scores are."""
    v, images = job.values, job.of(job.images, "ON images")
    tests = (v["active"], v["removed"], v["added"])
    return Planned(Sanity(*shared(job), activations_for(job), images, *presence_for(job), *tests))


METHOD = Method(DECLARATION, plan)
