"""Network Dissection: thresholds of a layer's units, what their maps overlap, and the names that follow."""

from __future__ import annotations

import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from ..engine.artifact import Artifact, Result
from ..engine.operator import Axis, Global, Inputs, Operator, Source
from ..engine.resources import Resources
from ..lang.diagnostic import Diagnostic
from .activations import PooledActivations
from .answers import UnitAnswer
from .embeddings import texts_of
from .handles import Concept, Segments
from .judged import spoken_alike

if TYPE_CHECKING:
    import numpy as np

AHEAD = 64  # images whose masks are read together


def _block(maps: Artifact, resources: Resources) -> int:
    """How many images' maps to look at together: keys and counts of an activation take some ten times its bytes."""
    _, units, height, width = maps.shape("activations")
    return max(1, min(512, resources.memory // (40 * units * height * width)))


@dataclass(frozen=True, eq=False)
class MapThresholds(Global):
    """'threshold' [units]: the activation that a share `quantile` of all places of all images exceed. Exact, read as a
    stream."""

    couples: ClassVar[frozenset[Axis]] = frozenset({"images"})
    maps: PooledActivations
    quantile: float

    def label(self) -> str:
        return f"thresholds of the highest {100 * self.quantile:g} % of the maps"

    def compute(self, inputs: Inputs, resources: Resources) -> Result:
        from .kernels.netdissect import exceeding, thresholds

        held = inputs.artifact(self.maps)
        images, units, height, width = held.shape("activations")
        places = images * height * width
        rank = exceeding(self.quantile, places)
        if rank < 1:
            enough = math.ceil(1 / self.quantile / (height * width))
            raise Diagnostic(
                "bad-argument", f"{100 * self.quantile:g} % of {places:,} places, {height} × {width} in each of "
                f"{images} images, is less than one: no unit of {self.maps.layer} would be on anywhere", exit_code=1,
                hint=f"give it {enough:,} images or more, or a larger quantile",
                about=(self.maps.images.name,),
            )  # fmt: skip
        size = _block(held, resources)
        return Result({"threshold": thresholds(lambda: held.blocks("activations", size), units, rank)})


@dataclass(frozen=True, eq=False)
class ConceptOverlaps(Global):
    """'both' and 'on' [units, concepts], 'area' [concepts]; see `kernels.netdissect.Overlaps`. Masks are
    read as a stream beside the maps, and no finer than `finest` pixels on the shorter side."""

    couples: ClassVar[frozenset[Axis]] = frozenset({"images"})
    thresholds: MapThresholds
    model: Source  # its preprocessing says which part of an image it sees
    images: Source
    concepts: tuple[Concept, ...]
    finest: int | None

    def label(self) -> str:
        return f"overlaps of units with {len(self.concepts)} concepts"

    def compute(self, inputs: Inputs, resources: Resources) -> Result:
        from .kernels.crops import frame
        from .kernels.netdissect import overlaps

        held = inputs.artifact(self.thresholds.maps)
        threshold = inputs.artifact(self.thresholds).load("threshold")
        prepare = inputs.opened(self.model).prepare
        found = overlaps(
            self._beside(held, inputs.opened(self.images), resources), threshold,
            {concept: number for number, concept in enumerate(self.concepts)},
            lambda height, width: frame(prepare, height, width), finest=self.finest, budget=resources.memory,
        )  # fmt: skip
        return Result({"both": found.both, "on": found.on, "area": found.area})

    def _beside(self, maps: Artifact, images: Any, resources: Resources) -> Iterator[tuple[np.ndarray, Segments]]:
        """The maps [units, h, w] of each image and what is where in it; the masks of a block are read by threads."""
        start, size = 0, min(AHEAD, _block(maps, resources))
        with (
            resources.showing(f"masks of {self.images.name}", len(images)) as progress,
            ThreadPoolExecutor(resources.workers) as pool,
        ):
            for block in maps.blocks("activations", size):
                numbers = range(start, start + len(block))
                yield from zip(block, pool.map(lambda i: self._read(images, i), numbers), strict=True)
                start += len(block)
                progress.advance(len(block))

    def _read(self, images: Any, index: int) -> Segments:
        try:
            found: Segments = images.segments(index)
            return found
        except (OSError, ValueError, SyntaxError) as error:  # Pillow raises SyntaxError for a broken PNG
            raise Diagnostic(
                "unreadable-image", f"the mask of {images.image_name(index)} cannot be read: {error}", exit_code=1,
                hint="repair it, or remove it: an image without a mask counts as not annotated",
                about=(images.dataset_name(index), self.images.name),
            ) from error  # fmt: skip


@dataclass(frozen=True, eq=False)
class DissectedUnits(UnitAnswer):
    """The answer of EXPLAIN for units that overlap concepts: the `top` concepts of highest IoU above `least`, of those
    among `words` where there are any; or one row with concept NULL. Equal ones are in the order of the concepts."""

    overlaps: ConceptOverlaps
    words: Operator | None
    least: float
    top: int

    def label(self) -> str:
        which = "" if self.units is None else " (selected units)"
        return f"answer: {self.layer} of {self.model}, IoU above {self.least:g}{which}"

    def compute(self, inputs: Inputs, resources: Resources) -> Result:
        import numpy as np

        from .kernels.netdissect import Overlaps

        held = inputs.artifact(self.overlaps)
        iou = Overlaps(*(held.load(name) for name in ("both", "on", "area"))).iou
        names = [name for name, _ in self.overlaps.concepts]
        asked = self._asked(names, inputs)

        def words(unit: int) -> list[tuple[str, float]]:
            order = asked[np.argsort(-iou[unit, asked], kind="stable")]
            return [(names[c], float(iou[unit, c])) for c in order[: self.top] if iou[unit, c] > self.least]

        return self.named(len(iou), words, self.top)

    def _asked(self, names: list[str], inputs: Inputs) -> np.ndarray:
        import numpy as np

        if self.words is None:
            return np.arange(len(names))
        wanted = {spoken_alike(text) for text in texts_of(self.words, inputs)}
        found = np.flatnonzero([spoken_alike(name) in wanted for name in names])
        if not len(found):
            raise Diagnostic(
                "empty-data", f"the masks of {self.overlaps.images.name} are of none of the words", exit_code=1,
                hint=f"they are of {len(names)} concepts, such as {', '.join(names[:5])}",
                about=(self.words.name if isinstance(self.words, Source) else "",),
            )  # fmt: skip
        return found
