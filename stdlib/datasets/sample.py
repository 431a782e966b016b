"""sample(images, n=…, seed=…): some images of a data set, drawn without replacement, the same ones everywhere."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ...engine.fingerprint import Fingerprints
from ...engine.operator import digest
from ...lang.declare import REQUIRED, ConstructorDeclaration, Parameter, Selected
from ...lang.diagnostic import Diagnostic
from ...ops.handles import Concept
from ..things import Built, Constructor, Dataset
from .combined import CombinedImages, combine, concepts_of, synonyms_of

if TYPE_CHECKING:
    import pyarrow as pa


def drawn(count: int, n: int, seed: int) -> list[int]:
    """n of `count` numbers, ascending. Each number has a lot, a digest of seed and number; the lowest lots are drawn.

    So a larger sample of one seed holds every smaller one, and no library's random numbers are asked.
    """
    lots = ((hashlib.blake2b(f"{seed} {i}".encode(), digest_size=16).digest(), i) for i in range(count))
    return sorted(i for _, i in sorted(lots)[:n])


@dataclass(frozen=True)
class Sample:
    """Images of `whole`, in its order: `n` of them, or this share of all."""

    whole: Dataset
    n: int | None
    share: float | None
    seed: int

    @cached_property
    def numbers(self) -> list[int]:
        """Which images. Raises Diagnostic for more than there are."""
        count = len(self.whole.spec.open("cpu"))
        n = self.n if self.n is not None else round((self.share or 0) * count)
        if n > count:
            raise Diagnostic("bad-argument", f"{self.whole.name} has {count:,} images; {n:,} cannot be drawn from it")
        if n == 0:
            raise Diagnostic("empty-data", f"this share of the {count:,} images of {self.whole.name} is no image")
        return drawn(count, n, self.seed)

    def fingerprint(self, known: Fingerprints) -> str:
        return digest(["sample", self.whole.spec.fingerprint(known), self.whole.name, self.numbers])

    @property
    def identities(self) -> Callable[[Fingerprints], Sequence[str]] | None:
        """Those of the images in the whole, where it can tell."""
        every = getattr(self.whole.spec, "identities", None)
        return None if every is None else lambda known: [every(known)[i] for i in self.numbers]

    def open(self, device: str) -> CombinedImages:
        return CombinedImages([(self.whole.spec.open(device), self.numbers)])

    def columns(self) -> Sequence[str]:
        return self.whole.columns()

    def relation(self) -> pa.Table:
        return self.whole.relation().take(self.numbers)

    def synonyms(self) -> Mapping[str, str]:
        return synonyms_of(self.whole.spec)

    def concepts(self) -> Sequence[Concept]:
        return concepts_of(self.whole.spec)

    def describe(self) -> dict[str, str]:
        many = str(self.n) if self.n is not None else f"{self.share:g} of all"
        return {"images": many, "origin": f"a sample of {self.whole.name}, seed {self.seed}"}


def make_sample(name: str, of: Any, n: int | None, share: float | None, seed: int) -> Dataset:
    if (n is None) == (share is None):
        raise Diagnostic("bad-argument", "Say how many, or which share: sample(lab.probe, n=50), sample(…, share=0.1)")
    whole = combine([(of.thing, of.items) if isinstance(of, Selected) else (of, None)])  # type: ignore[list-item]
    return Dataset(name, Sample(whole, n, share, seed))


DECLARATION = ConstructorDeclaration(
    "sample",
    "some images of a data set, drawn by a seed",
    (
        Parameter("of", "thing", REQUIRED, "the images to draw from", kind="dataset"),
        Parameter("n", "int", None, "how many images", low=1, nullable=True),
        Parameter("share", "float", None, "how large a share of all", low=0.0, high=1.0, nullable=True),
        Parameter("seed", "int", 0, "which sample; a larger one of the same seed holds the smaller", low=0),
    ),
    kind="dataset",
)


def built() -> Built:
    return Built(constructors=[Constructor(DECLARATION, make_sample)])
