"""Simulation: do the images on which the label is seen say how active the unit is?"""

from __future__ import annotations

from ...lang.declare import MethodDeclaration, Parameter
from ...ops.agreement import Simulation
from ..job import Job, Method, Planned
from ..metrics import INTERVAL, shared
from ..presence import ACTIVE, CONTROLS, activations_for, presence_for, presence_parameters
from ..works import LINEAR_EXPLANATIONS, NEURON_EVAL

FEW = ("sampling", "top_and_random")

DECLARATION = MethodDeclaration(
    "simulation",
    "correlation of a unit's activations with the presence of its label, as a judge predicts it or the data set says",
    (
        *presence_parameters("judge"),
        Parameter("sampling", "choice", "all", "on all images, or on some of the highest activation and as many others",
                  choices=("all", "top_and_random")),
        Parameter("drawn", "int", 25, "how many of the highest, and how many others", low=1, only_with=FEW),
        Parameter("top_share", "float", 0.002, "which share of all images are the highest", low=1e-9, high=1.0,
                  only_with=FEW),
        ACTIVE,
        *CONTROLS,
        *INTERVAL,
    ),
    verbs=("EVALUATE",),
    clauses=frozenset({"JUDGED BY"}),
    needs=frozenset({"images", "judge"}),
    citation=LINEAR_EXPLANATIONS,
    builds_on=(NEURON_EVAL,),
)  # fmt: skip


def plan(job: Job) -> Planned:
    """On the images of the answer, what the answer has read: activations and the judge's vectors. Embeds the labels."""
    v = job.values
    images = job.of(job.images, "ON images")
    few = v["sampling"] == "top_and_random"
    drawn = (v["sampling"], v["drawn"] if few else 0, v["top_share"] if few else 0.0)
    return Planned(Simulation(*shared(job), activations_for(job), images, *presence_for(job), *drawn, v["active"]))


METHOD = Method(DECLARATION, plan)
