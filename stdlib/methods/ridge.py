"""TRANSFER by ridge regression, with the strength chosen by cross-validation."""

from __future__ import annotations

from ...lang.citation import Citation
from ...lang.declare import Parameter
from ..job import Method
from ..transfers import declared, planned

DECLARATION = declared(
    "ridge",
    "carries concepts by a linear map that is kept small, as little as images left out ask for",
    Citation(
        "moayeri2023text", ("Moayeri, Mazda", "Rezaei, Keivan", "Sanjabi, Maziar", "Feizi, Soheil"),
        "Text-To-Concept (and Back) via Cross-Model Alignment", "ICML", 2023, "https://arxiv.org/abs/2305.06386",
    ),
    Parameter("strength", "float", None, "weight of the squared map, where 1 is the variance of one standardised unit; "
              "null: of the powers of ten from 1e-6 to 100 the one that fits images left out best", low=1e-12,
              nullable=True),
)  # fmt: skip

METHOD = Method(DECLARATION, lambda job: planned(job, "ridge", job.values["strength"]))
