"""What the declarations of all metrics share: the arguments of their intervals, and how their jobs are read."""

from __future__ import annotations

from ..lang.declare import Parameter
from ..lang.diagnostic import Diagnostic
from ..ops.judged import JudgedRows
from .job import Job, Judged

ROWS = {
    "unit": "units", "group": "groups", "groups": "groups", "failure": "failing slices", "failures": "failing slices",
}  # fmt: skip
INTERVAL = (
    Parameter("level", "float", 0.95, "how much of the bootstrap's draws an interval holds", low=0.0, high=1.0),
    Parameter("resamples", "int", 1000, "how many draws with replacement an interval is made of", low=1),
    Parameter("seed", "int", 0, "of everything that is drawn", low=0),
)


def judged_in(job: Job, kinds: tuple[str, ...] = ("unit",)) -> Judged:
    """What the job measures. Raises Diagnostic 'wrong-kind' for rows of another kind of target."""
    assert job.measured is not None
    if job.kind not in kinds:
        takes = " and ".join(dict.fromkeys(ROWS[k] for k in kinds))
        message = f"{job.method} measures rows of {takes}; these are of {ROWS.get(job.kind, job.kind)}"
        raise Diagnostic("wrong-kind", message, hint="SHOW METHODS FOR EVALUATE lists the others")
    return job.measured


Shared = tuple[str, str, None, str, str, JudgedRows, float, int, int]


def shared(job: Job, kinds: tuple[str, ...] = ("unit",)) -> Shared:
    """The first fields of an `ops.judged.Evaluation`."""
    judged, v = judged_in(job, kinds), job.values
    model = job.model.name if job.model is not None else ""
    return (model, job.layer, None, judged.method, job.args, judged.rows, v["level"], v["resamples"], v["seed"])
