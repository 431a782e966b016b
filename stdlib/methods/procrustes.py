"""TRANSFER by an orthogonal map."""

from __future__ import annotations

from ...lang.citation import Citation
from ..job import Method
from ..transfers import declared, planned

DECLARATION = declared(
    "procrustes",
    "carries concepts by a map that only turns, mirrors and scales the whole space",
    Citation(
        "schonemann1966generalized", ("Schönemann, Peter H.",),
        "A generalized solution of the orthogonal Procrustes problem", "Psychometrika 31(1)", 1966,
        "https://doi.org/10.1007/BF02289451", form="article",
    ),
)  # fmt: skip

METHOD = Method(DECLARATION, lambda job: planned(job, "procrustes"))
