"""Detection: does the unit tell the images that hold its label from those that do not?"""

from __future__ import annotations

from ...lang.declare import MethodDeclaration
from ...ops.agreement import Detection
from ..job import Job, Method, Planned
from ..metrics import INTERVAL, shared
from ..presence import ACTIVE, CONTROLS, activations_for, presence_for, presence_parameters
from ..works import NEURON_EVAL

DECLARATION = MethodDeclaration(
    "detection",
    "how well a unit's activation tells the images that hold its label: AUPRC, AUC, F1, IoU, precision and recall",
    (*presence_parameters("labels"), ACTIVE, *CONTROLS, *INTERVAL),
    verbs=("EVALUATE",),
    clauses=frozenset({"JUDGED BY"}),
    needs=frozenset({"images", "judge"}),
    citation=NEURON_EVAL,
)


def plan(job: Job) -> Planned:
    """On the images of the answer no pass; the data set's labels are read, or the judge's vectors."""
    images = job.of(job.images, "ON images")
    return Planned(
        Detection(*shared(job), activations_for(job), images, *presence_for(job), job.values["active"])
    )  # fmt: skip


METHOD = Method(DECLARATION, plan)
