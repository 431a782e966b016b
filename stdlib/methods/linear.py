"""TRANSFER by least squares."""

from __future__ import annotations

from ..job import Method
from ..transfers import declared, planned
from ..works import FALCON

DECLARATION = declared("linear", "carries concepts by the linear map of the smallest squared error", FALCON)

METHOD = Method(DECLARATION, lambda job: planned(job, "linear"))
