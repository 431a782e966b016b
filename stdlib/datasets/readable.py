"""A data set without the images that cannot be read, where `SET on_error = 'skip'` says to do without them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from ...engine.fingerprint import Fingerprints
from ...engine.operator import Operator, Source, digest
from ...engine.plan import graph_of, ordered
from ...lang.diagnostic import Diagnostic
from ...ops.handles import Concept
from .combined import CombinedImages, concepts_of, synonyms_of

if TYPE_CHECKING:
    import pyarrow as pa

TOLD = 3  # images that a note names


@dataclass(frozen=True)
class Readable:
    """The images of `whole`, a data set's spec, that stand under `numbers`; `reasons` says why the others do not."""

    whole: Any
    numbers: tuple[int, ...]
    reasons: Mapping[int, str]

    def open(self, device: str) -> CombinedImages:
        return CombinedImages([(self.whole.open(device), list(self.numbers))])

    def columns(self) -> Sequence[str]:
        found: Sequence[str] = self.whole.columns()
        return found

    def relation(self) -> pa.Table:
        return self.whole.relation().take(list(self.numbers))

    def synonyms(self) -> Mapping[str, str]:
        return synonyms_of(self.whole)

    def concepts(self) -> Sequence[Concept]:
        return concepts_of(self.whole)

    def describe(self) -> dict[str, str]:
        return {**self.whole.describe(), "unreadable": f"{len(self.reasons)} left out"}


def readable(source: Source, known: Fingerprints) -> Source:
    """The source without the images that are known to be unreadable; itself if there are none.

    Raises Diagnostic 'empty-data' if no image is left.
    """
    if source.kind != "dataset" or source.identities is None:
        return source
    identities = source.identities()
    reasons = {i: reason for i, one in enumerate(identities) if (reason := known.unreadable(one)) is not None}
    if not reasons:
        return source
    numbers = tuple(i for i in range(len(identities)) if i not in reasons)
    if not numbers:
        first = f"{source.spec.open('cpu').image_name(0)}: {reasons[0]}"
        raise Diagnostic("empty-data", f"none of the {len(identities)} images of {source.name} can be read ({first})")
    left = [identities[i] for i in numbers]
    fingerprint = digest(["readable", source.fingerprint, sorted(reasons)])
    spec = Readable(source.spec, numbers, reasons)
    return replace(source, fingerprint=fingerprint, spec=spec, identities=partial(list, left))


def left_out(roots: Sequence[Operator]) -> list[Source]:
    """The data sets behind some operators that stand without their unreadable images."""
    return [o for o in ordered(graph_of(roots)) if isinstance(o, Source) and isinstance(o.spec, Readable)]


def told(source: Source) -> str:
    """What a note says of the images that were left out."""
    spec: Readable = source.spec
    images = spec.whole.open("cpu")
    some = [f"{images.image_name(i)} ({reason})" for i, reason in list(spec.reasons.items())[:TOLD]]
    more = len(spec.reasons) - len(some)
    names = "; ".join(some) + (f"; and {more} more" if more else "")
    count = len(spec.numbers) + len(spec.reasons)
    which = "image" if len(spec.reasons) == 1 else "images"
    return f"{len(spec.reasons)} unreadable {which} of the {count} of {source.name} left out: {names}"
