"""wordnet: its distinct noun lemmas, 119,034 words; wordnet(root='object.n.01'): those below one synset."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from ...engine.fingerprint import Fingerprints
from ...engine.operator import digest
from ...lang.citation import Citation
from ...lang.declare import ConstructorDeclaration, Parameter
from ...lang.diagnostic import Diagnostic
from ..things import Built, Constructor, Texts
from ..works import WORDNET

VERSION = "wordnet-3.0"


@dataclass(frozen=True)
class WordNetWords:
    """Noun lemmas of WordNet 3.0, `_` written as a space; with `root`, those of the synsets below it."""

    root: str | None = None
    citations: ClassVar[tuple[Citation, ...]] = (WORDNET,)

    @cached_property
    def held(self) -> list[str]:
        from ..wordnet import table

        if self.root is None:
            return table.lemmas()
        try:
            return table.subtree_words(self.root)
        except KeyError as error:
            raise Diagnostic(
                "unknown-name", f"WordNet has no synset {self.root}",
                hint="write it as WordNet names it, such as 'bird.n.01'",
            ) from error  # fmt: skip

    def fingerprint(self, known: Fingerprints) -> str:
        return digest([VERSION, self.root])

    def open(self, device: str) -> WordNetWords:
        return self

    def texts(self) -> Sequence[str]:
        return self.held

    def describe(self) -> dict[str, str]:
        return {
            "words": str(len(self.held)),
            "origin": f"WordNet 3.0 nouns{f' below {self.root}' if self.root else ''}",
        }


def make_wordnet(name: str, root: str | None) -> Texts:
    spec = WordNetWords(root)
    if root is not None:
        _ = spec.held
    return Texts(name, spec)


DECLARATION = ConstructorDeclaration(
    "wordnet",
    "noun lemmas of WordNet 3.0",
    (Parameter("root", "str", None, "a synset such as 'object.n.01': only the words below it", nullable=True),),
    kind="vocabulary",
    citation=WORDNET,
)


def built() -> Built:
    return Built(things=[Texts("wordnet", WordNetWords())], constructors=[Constructor(DECLARATION, make_wordnet)])
