"""Stability of names: do they stay when the images are drawn anew?"""

from __future__ import annotations

from ...lang.declare import MethodDeclaration, Parameter
from ...lang.diagnostic import Diagnostic
from ...ops.replay import replayed
from ...ops.stability import INTERVALS, Stability
from ..job import Job, Method, Planned
from ..metrics import INTERVAL, judged_in
from ..works import STABILITY_SELECTION

LEVEL, _, SEED = INTERVAL

DECLARATION = MethodDeclaration(
    "stability",
    "how often a unit keeps its first word when as many images are drawn with replacement and all is done again",
    (
        Parameter("resamples", "int", 20, "how many times the images are drawn", low=1),
        LEVEL,
        SEED,
    ),
    verbs=("EVALUATE",),
    citation=STABILITY_SELECTION,
)  # fmt: skip


def plan(job: Job) -> Planned:
    """Replays the answer on drawn rows of what it has read: no pass, whatever is drawn. Raises Diagnostic 'wrong-kind'
    for an answer of an earlier script, and for a method that looks at parts of images."""
    judged, v = judged_in(job), job.values
    if judged.answer is None:
        raise Diagnostic(
            "wrong-kind", "stability applies the method again, and a table does not say what it was made of",
            hint="measure the query itself: EVALUATE (EXPLAIN …) USING stability",
        )  # fmt: skip
    try:
        by_image, fixed = replayed(judged.answer)
    except ValueError as error:
        raise Diagnostic(
            "wrong-kind", f"stability cannot draw anew what {judged.method} looks at: {error}",
            hint="explain samples and compare their names: EXPLAIN … ON sample(lab.probe, share=0.5, seed=1)",
        ) from error  # fmt: skip
    assert job.model is not None
    model = (job.model.name, job.layer, None, judged.method, job.args)
    shared = (*model, judged.rows, v["level"], INTERVALS, v["seed"])
    return Planned(Stability(*shared, judged.answer, by_image, fixed, v["resamples"]))


METHOD = Method(DECLARATION, plan)
