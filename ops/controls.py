"""Controls: the same question with its evidence taken away. An explanation that survives them explains nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..engine.artifact import Result
from ..engine.operator import Axis, Global, Inputs
from ..engine.resources import Resources
from .activations import PooledActivations


@dataclass(frozen=True, eq=False)
class ShuffledImages(Global):
    """Activations [images, units] with the images of each unit permuted by a seed: values stay, their images do not."""

    couples: ClassVar[frozenset[Axis]] = frozenset({"images"})
    activations: PooledActivations
    seed: int

    def label(self) -> str:
        return f"control: images shuffled, seed {self.seed}"

    def compute(self, inputs: Inputs, resources: Resources) -> Result:
        import numpy as np

        values = inputs.artifact(self.activations).load("activations")
        rng = np.random.Generator(np.random.PCG64(self.seed))
        return Result({"activations": rng.permuted(values, axis=0)})
