"""The lexicon that captions are read with: NLTK's WordNet where the user has it, else the table that ships with clq."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...engine.fingerprint import Fingerprints
from ...engine.operator import Source, digest


@dataclass(frozen=True)
class Lexicon:
    """Base forms of nouns, verbs and adjectives; keyed by where they come from."""

    def fingerprint(self, known: Fingerprints) -> str:
        return digest(["lexicon", self.open("cpu").source])

    def open(self, device: str) -> Any:
        from ..wordnet.lexicon import lexicon

        return lexicon()

    def source(self, known: Fingerprints) -> Source:
        """The leaf of a plan that stands for it."""
        return Source("lexicon", self.fingerprint(known), self.open("cpu").source, self)
