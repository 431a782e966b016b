"""The second round of FALCON: where in its top images a unit or group fires, cut out and seen by the judge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from ..engine.operator import Axis, Consumer, Inputs, Operator, Scan, Source
from ..engine.resources import Resources
from .groups import groups_of

if TYPE_CHECKING:
    import numpy as np

Crop = Literal["gradcam", "none"]


@dataclass(frozen=True, eq=False)
class CropEmbeddings(Scan):
    """A row for each (unit, top image): 'unit', 'image', 'rank', 'box' [4], 'vectors' [D] of the crop, 2-norm 1.

    Only images that are a top image of some unit are read. `units` narrows the work: units do not couple here. Where
    `high` has groups for targets, 'unit' is a group's number and the crop shows the sum of its units.
    """

    version: ClassVar[int] = 3
    couples: ClassVar[frozenset[Axis]] = frozenset()
    choosing: ClassVar[frozenset[str]] = frozenset({"images", "high", "units"})
    model: Source
    images: Source
    judge: Source
    high: Operator
    layer: str
    units: tuple[int | slice, ...] | None
    crop: Crop
    mask: float
    least: float

    @property
    def dataset(self) -> Source:
        return self.images

    @property
    def pass_key(self) -> str:
        """Crops of other units and of other top images are one pass: a pair is worked on once for all who want it."""
        what = (self.model, self.images, self.judge)
        return f"crops {[o.key for o in what]} {self.layer} {self.crop} {self.mask.hex()} {self.least.hex()}"

    @property
    def pass_label(self) -> str:
        if self.crop == "none":
            return f"{self.judge.name} on top images"
        return f"{self.model.name} Grad-CAM of {self.layer}, {self.judge.name} on the crops"

    def label(self) -> str:
        what = "crops" if self.crop == "gradcam" else "whole images"
        return f"{what} of {self.layer} of {self.model.name}, seen by {self.judge.name}"

    def pairs(self, inputs: Inputs) -> np.ndarray:
        """[pairs, 3]: unit, image, rank of every top image of the chosen units, in the order of images."""
        import numpy as np

        from .answers import chosen

        high = inputs.artifact(self.high)
        index, constant = high.load("index"), high.load("constant")
        rows = [
            (unit, int(image), rank)
            for unit in chosen(self.units, len(index), self.layer, self.model.name)
            if not constant[unit]
            for rank, image in enumerate(index[unit])
            if image >= 0
        ]
        pairs = np.asarray(rows, np.int64).reshape(-1, 3)
        return pairs[np.argsort(pairs[:, 1], kind="stable")]

    def selected(self, inputs: Inputs) -> np.ndarray | None:
        import numpy as np

        return np.unique(self.pairs(inputs)[:, 1])

    def rows(self, inputs: Inputs) -> tuple[np.ndarray, Sequence[str]]:
        """A group of one unit has the rows of that unit."""
        pairs, groups = self.pairs(inputs), groups_of(inputs.artifact(self.high))
        told = [(unit,) if groups is None else groups[unit] for unit in pairs[:, 0].tolist()]
        return pairs[:, 1], [f"unit {' '.join(map(str, units))}" for units in told]

    def placed(self, inputs: Inputs, rows: dict[str, np.ndarray], which: np.ndarray) -> dict[str, np.ndarray]:
        pairs = self.pairs(inputs)[which]
        return {**rows, "unit": pairs[:, 0], "image": pairs[:, 1], "rank": pairs[:, 2]}

    @classmethod
    def start(cls, scans: Sequence[CropEmbeddings], inputs: Inputs, resources: Resources) -> Consumer:
        from .kernels.crops import EmbedCrops

        scan = scans[0]
        subject = inputs.opened(scan.model) if scan.crop == "gradcam" else None
        return EmbedCrops(
            subject, inputs.opened(scan.judge), scan.layer, scan.model.name, scan.judge.name,
            [s.pairs(inputs) for s in scans], [groups_of(inputs.artifact(s.high)) for s in scans], scan.mask,
            scan.least, resources, inputs.opened(scan.images),
        )  # fmt: skip
