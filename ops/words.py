"""Captions as bags of words: the nouns, adjectives and verbs of each, in base form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from ..engine.artifact import Artifact, Result
from ..engine.operator import Axis, Global, Inputs, Operator
from ..engine.resources import Resources
from .embeddings import texts_of

if TYPE_CHECKING:
    from .kernels.words import Lexicon


@dataclass(frozen=True, eq=False)
class CaptionWords(Global):
    """A table with one row a caption, in their order: 'words', its content words, with declared synonyms made one.

    `lexicon` is a source that opens into the base forms; `phrases` adds adjective-noun and noun-noun pairs.
    """

    version: ClassVar[int] = 2
    couples: ClassVar[frozenset[Axis]] = frozenset()
    captions: Operator
    lexicon: Operator
    phrases: bool

    def label(self) -> str:
        return "words of the captions" + (", and phrases" if self.phrases else "")

    def compute(self, inputs: Inputs, resources: Resources) -> Result:
        import pyarrow as pa

        from .kernels.words import caption_phrases, caption_words

        opened: Any = inputs.opened(self.captions)  # type: ignore[arg-type]
        lexicon: Lexicon = inputs.opened(self.lexicon)  # type: ignore[arg-type]
        synonyms = opened.synonyms() if hasattr(opened, "synonyms") else {}
        bags = []
        for text in texts_of(self.captions, inputs):
            found = list(dict.fromkeys(synonyms.get(w, w) for w in caption_words(text, lexicon)))
            bags.append(found + (caption_phrases(text, lexicon) if self.phrases else []))
        return Result(table=pa.table({"words": pa.array(bags, pa.list_(pa.string()))}))


def bags_of(artifact: Artifact) -> list[list[str]]:
    """The words of each caption."""
    found: list[list[str]] = artifact.table()["words"].to_pylist()
    return found
