"""Captions as bags of words: the nouns, adjectives and verbs of each, in base form."""

from __future__ import annotations

from collections.abc import Iterable
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


@dataclass(frozen=True, eq=False)
class WordShares(Global):
    """A table 'text', 'share': of all captions, the share that hold a word; sorted by word."""

    couples: ClassVar[frozenset[Axis]] = frozenset({"words"})
    bags: CaptionWords

    def label(self) -> str:
        return "share of the captions that hold each word"

    def compute(self, inputs: Inputs, resources: Resources) -> Result:
        import pyarrow as pa
        import pyarrow.compute as pc

        bags = inputs.artifact(self.bags).table()["words"].combine_chunks()
        held = pa.table({"row": pc.list_parent_indices(bags), "text": pc.list_flatten(bags)})
        each = held.group_by(["row", "text"]).aggregate([]).group_by("text").aggregate([([], "count_all")])
        share = pc.divide(each["count_all"].cast(pa.float64()), float(max(len(bags), 1)))
        return Result(table=pa.table({"text": each["text"], "share": share}).sort_by("text"))


def bags_of(artifact: Artifact, captions: Iterable[int]) -> dict[int, list[str]]:
    """The words of some captions, by their place."""
    import pyarrow as pa

    places = sorted(set(captions))
    found = artifact.table()["words"].take(pa.array(places, pa.int64()))
    return dict(zip(places, found.to_pylist(), strict=True))


def shares_of(artifact: Artifact) -> dict[str, float]:
    """The share of all captions that hold each word."""
    table = artifact.table()
    return dict(zip(table["text"].to_pylist(), table["share"].to_pylist(), strict=True))
