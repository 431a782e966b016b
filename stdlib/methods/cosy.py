"""CoSy: do images of the label activate the unit more than controls do?"""

from __future__ import annotations

from dataclasses import replace

from ...lang.declare import MethodDeclaration, Parameter
from ...ops.cosy import CosyScores
from ..job import Job, Method, Planned
from ..metrics import INTERVAL, shared
from ..presence import CONTROLS, activations_for, presence_for, presence_parameters
from ..works import COSY

DECLARATION = MethodDeclaration(
    "cosy",
    "activations on images of the label, found by a judge in a pool or labelled with it, against those on controls: "
    "AUC and mean activation difference",
    (
        *presence_parameters("judge")[:2],
        Parameter("images", "int", 20, "how many images show the label", low=1),
        Parameter("controls", "int", None, "how many other images are controls; null: all", low=1, nullable=True),
        *CONTROLS,
        *INTERVAL,
    ),
    verbs=("EVALUATE",),
    clauses=frozenset({"JUDGED BY"}),
    needs=frozenset({"images", "judge"}),
    citation=COSY,
)  # fmt: skip


def plan(job: Job) -> Planned:
    """One pass over the pool for the model and the judge, none over images that the answer has read."""
    v, images = job.values, job.of(job.images, "ON images")
    presence = presence_for(replace(job, values={**v, "slope": 1.0, "offset": 0.0}))  # the order of cosines is all
    counts = (v["images"], v["controls"])
    return Planned(CosyScores(*shared(job), activations_for(job), images, *presence, *counts))


METHOD = Method(DECLARATION, plan)
