"""lab.words and lab.captions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from ...engine.fingerprint import Fingerprints
from ...engine.operator import digest
from ..things import Built, Texts

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class LabWords:
    """Every word the lab's world can mean, and twice as many that are absent from it."""

    def fingerprint(self, known: Fingerprints) -> str:
        return digest(self.texts())

    def open(self, device: str) -> LabWords:
        return self

    def texts(self) -> list[str]:
        from ..lab.words import words

        return words()

    def describe(self) -> dict[str, str]:
        return {"words": str(len(self.texts())), "origin": "the lab: its world's words, and words absent from it"}


@dataclass(frozen=True)
class LabCaptions:
    """Sentences about scenes of the lab, and which of its words mean the same."""

    def fingerprint(self, known: Fingerprints) -> str:
        return _digest_of_captions()

    def open(self, device: str) -> LabCaptions:
        return self

    def texts(self) -> Sequence[str]:
        found: list[str] = self.relation()["caption"].to_pylist()
        return found

    def synonyms(self) -> Mapping[str, str]:
        from ..lab.world import SYNONYMS

        return SYNONYMS

    def relation(self) -> pa.Table:
        from ..lab.data import captions

        return captions()

    def describe(self) -> dict[str, str]:
        from ..lab.data import CAPTION_COUNT

        return {"captions": str(CAPTION_COUNT), "origin": "the lab"}


@cache
def _digest_of_captions() -> str:
    lab = LabCaptions()
    return digest([lab.texts(), sorted(lab.synonyms().items())])


def built() -> Built:
    return Built(things=[Texts("lab.words", LabWords()), Texts("lab.captions", LabCaptions(), "captions")])
