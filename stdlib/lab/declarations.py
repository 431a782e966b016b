"""The models of the lab as data: layers, units, preprocessing, weights. Imports neither torch nor numpy."""

from __future__ import annotations

SIZE: int = 64
MEAN: tuple[float, float, float] = (0.5, 0.5, 0.5)
STD: tuple[float, float, float] = (0.27, 0.27, 0.27)
JUDGE_CONTEXT: int = 24
