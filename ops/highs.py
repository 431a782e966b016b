"""FALCON's published choice of a unit's images: those on which it takes an unusual share of the layer's activation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..engine.artifact import Result
from ..engine.operator import Axis, Global, Inputs
from ..engine.resources import Resources
from .activations import PooledActivations


@dataclass(frozen=True, eq=False)
class ThresholdedImages(Global):
    """'index' and 'value' [units, most], -1 and NaN where a unit has fewer; 'constant' [units]: fewer than `least`;
    'minimum' [units].

    Z are the activations with rows of 2-norm 1; an image counts where Z >= mean + `multiple` standard deviations, both
    over all entries of the layer (FALCON, section 3.1). Two passes over the shards, memory for one.
    """

    version: ClassVar[int] = 2
    couples: ClassVar[frozenset[Axis]] = frozenset({"units", "images", "k"})
    activations: PooledActivations
    multiple: float
    most: int
    least: int

    def label(self) -> str:
        return f"images {self.multiple:g} deviations above the layer's mean, at most {self.most}"

    def compute(self, inputs: Inputs, resources: Resources) -> Result:
        import numpy as np
        import torch

        from .kernels.falcon import Moments
        from .kernels.similarity import TopK, unit_rows

        held = inputs.artifact(self.activations)
        moments, top, count, offset, minimum = Moments(), TopK(self.most), None, 0, None
        for shard in held.shards("activations"):
            acts = torch.from_numpy(shard["activations"])
            moments.update(unit_rows(acts))
            minimum = acts.amin(0) if minimum is None else torch.minimum(minimum, acts.amin(0))
        threshold = moments.threshold(self.multiple)
        for shard in held.shards("activations"):
            z = unit_rows(torch.from_numpy(shard["activations"]))
            above = (z >= threshold).sum(0)
            count = above if count is None else count + above
            top.update(z, offset)
            offset += len(z)
        z_value, index = top.result()
        outside = z_value < threshold
        index = torch.where(outside, -1, index)
        value = torch.full_like(z_value, float("nan"))
        offset = 0
        for shard in held.shards("activations"):
            acts = torch.from_numpy(shard["activations"])
            here = (index >= offset) & (index < offset + len(acts))
            units = torch.arange(index.shape[0])[:, None].expand_as(index)
            value[here] = acts[index[here] - offset, units[here]]
            offset += len(acts)
        few = np.asarray((count < self.least).numpy()) if count is not None else np.ones(0, bool)
        least = minimum.numpy() if minimum is not None else np.zeros(0, np.float32)
        return Result(
            {"index": index.numpy(), "value": value.numpy(), "constant": few, "minimum": least},
            facts={"threshold": float(threshold)},
        )
