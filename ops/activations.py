"""Pooled activations of a layer over a data set: the scan under every question about units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from ..engine.artifact import Result
from ..engine.operator import Axis, Consumer, Global, Inputs, Operator, Scan, Source
from ..engine.resources import Resources

# Or the number of a token, "token 3". "maps" pools nothing, [images, units, h, w], and "peak" is the highest place of a
# map; tokens are laid out as maps.
Pooling = Literal["auto", "mean", "max", "cls", "peak", "maps"] | str


@dataclass(frozen=True, eq=False)
class PooledActivations(Scan):
    """A [images, units] of one layer, captured by a forward hook and pooled there; stored in shards, 'activations'."""

    couples: ClassVar[frozenset[Axis]] = frozenset()
    rowwise: ClassVar[bool] = True
    model: Source
    images: Source
    layer: str
    pooling: Pooling = "auto"

    @property
    def dataset(self) -> Source:
        return self.images

    @property
    def pass_key(self) -> str:
        return f"forward {self.model.key}"

    @property
    def pass_label(self) -> str:
        return f"{self.model.name} forward"

    def label(self) -> str:
        pooled = "" if self.pooling == "auto" else f", {self.pooling}"
        return f"activations {self.layer} of {self.model.name}{pooled}"

    @classmethod
    def start(cls, scans: Sequence[PooledActivations], inputs: Inputs, resources: Resources) -> Consumer:
        from .kernels.capture import Capture

        subject = inputs.opened(scans[0].model)
        wanted = [(s.layer, s.pooling) for s in scans]
        return Capture(subject, scans[0].model.name, wanted, resources, inputs.opened(scans[0].images))


@dataclass(frozen=True, eq=False)
class TopImages(Global):
    """The k images each unit responds to most: 'index' and 'value' [units, k], 'minimum' and 'constant' [units].

    Reads the activations shard by shard, so memory does not grow with the number of images. Equal activations keep the
    order of the images.
    """

    couples: ClassVar[frozenset[Axis]] = frozenset({"images", "k"})
    activations: Operator
    k: int

    def label(self) -> str:
        return f"top {self.k} images of each unit"

    def compute(self, inputs: Inputs, resources: Resources) -> Result:
        import torch

        from .kernels.similarity import TopK

        top, offset = TopK(self.k), 0
        for shard in inputs.artifact(self.activations).shards("activations"):
            values = shard["activations"]
            top.update(torch.from_numpy(values), offset)
            offset += len(values)
        value, index = top.result()
        return Result(
            {
                "index": index.numpy(),
                "value": value.numpy(),
                "minimum": top.minimum.numpy(),
                "constant": top.constant.numpy(),
            },
            facts={"images": offset},
        )
