"""lab.probe, lab.audit, lab.train, lab.shifted: rendered on demand, with full ground truth as a relation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...engine.fingerprint import Fingerprints
from ...ops.handles import Concept, Segments
from ..things import Built, Dataset

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

COLUMNS = (
    "image", "label", "object", "group", "colour", "pattern", "scene", "extra", "scale", "x0", "y0", "x1", "y1",
    "caption", "facts",
)  # fmt: skip


@dataclass(frozen=True)
class LabDataset:
    """One of the lab's data sets, by its short name."""

    short: str

    def fingerprint(self, known: Fingerprints) -> str:
        from ..lab.data import LabImages

        return LabImages(self.short).fingerprint

    def identities(self, known: Fingerprints) -> Sequence[str]:
        """Which image of which version of the renderer."""
        whole = self.fingerprint(known)
        return [f"{whole} {i}" for i in range(len(LabPictures(self.short)))]

    def open(self, device: str) -> LabPictures:
        return LabPictures(self.short)

    def columns(self) -> Sequence[str]:
        return COLUMNS

    def relation(self) -> pa.Table:
        from ..lab.data import LabImages

        return LabImages(self.short).table()

    def synonyms(self) -> Mapping[str, str]:
        """Word -> the fact that it says, which is the name in `facts`."""
        from ..lab.world import FACT_OF

        return FACT_OF

    def concepts(self) -> Sequence[Concept]:
        """What the masks are of."""
        from ..lab.world import CATEGORY_OF

        return tuple(CATEGORY_OF.items())

    def describe(self) -> dict[str, str]:
        from ..lab.data import COUNTS

        return {
            "images": str(COUNTS[self.short]),
            "origin": "rendered by the lab, 64 px, with masks, boxes and captions",
        }


class LabPictures:
    """The opened data set."""

    def __init__(self, short: str) -> None:
        from ..lab.data import LabImages

        self._images, self._dataset = LabImages(short), f"lab.{short}"

    def __len__(self) -> int:
        return len(self._images)

    def image_name(self, index: int) -> str:
        return self._images.image_name(index)

    def dataset_name(self, index: int) -> str:
        return self._dataset

    def read(self, index: int) -> np.ndarray:
        return self._images.image(index)

    def segments(self, index: int) -> Segments:
        import numpy as np

        from ..lab.world import CATEGORY_OF

        found = self._images.regions(index)
        concepts = tuple((fact, CATEGORY_OF[fact]) for fact, _ in found)
        return Segments(concepts, np.stack([mask for _, mask in found]), frozenset(CATEGORY_OF.values()))


def built() -> Built:
    return Built(things=[Dataset(f"lab.{n}", LabDataset(n)) for n in ("probe", "audit", "train", "shifted")])
