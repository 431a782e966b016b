"""FALCON: words of the captions that lie near the crops of a unit or group, and the contrast that tests them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from ..engine.artifact import Result
from ..engine.operator import Axis, Global, Inputs, Operator, Source
from ..engine.resources import Resources
from .answers import UnitAnswer, evidence_schema, where
from .crops import CropEmbeddings
from .embeddings import texts_of
from .groups import groups_of
from .words import CaptionWords, WordShares, bags_of, shares_of

if TYPE_CHECKING:
    import torch

Rule = Literal["per_word", "published"]
LOOKED_UP = 2048  # crops at a time, and so many captions: bounds memory at one block of cosines in double precision
POOLED = 16_384


@dataclass(frozen=True, eq=False)
class RetrievedCaptions(Global):
    """The k captions nearest to each crop: 'index' and 'score' [crops, k], one softmax over the whole pool.

    `temperature` None: the judge's own learned scale.
    """

    couples: ClassVar[frozenset[Axis]] = frozenset({"words"})
    crops: CropEmbeddings
    captions: Operator
    judge: Source
    k: int
    temperature: float | None

    def label(self) -> str:
        return f"{self.k} captions nearest to each crop"

    def compute(self, inputs: Inputs, resources: Resources) -> Result:
        import numpy as np
        import torch

        from .kernels.falcon import retrieve

        found = inputs.artifact(self.crops)
        if not found.files or not len(found.load("image")):
            empty = np.zeros((0, self.k))
            return Result({"index": empty.astype(np.int64), "score": empty})
        scale = self.temperature if self.temperature is not None else inputs.opened(self.judge).scale
        held = inputs.artifact(self.captions)

        def pool() -> Iterator[torch.Tensor]:
            return (torch.from_numpy(block) for block in held.blocks("vectors", POOLED))

        # Many units share a crop: each is looked up once.
        where = np.column_stack([found.load("image"), found.load("box")])
        _, first, back = np.unique(where, axis=0, return_index=True, return_inverse=True)
        vectors = torch.from_numpy(found.load("vectors")[first])
        near = [
            retrieve(vectors[start : start + LOOKED_UP], pool(), k=self.k, temperature=scale)
            for start in range(0, len(vectors), LOOKED_UP)
        ]
        index, score = torch.cat([n.index for n in near]).numpy(), torch.cat([n.score for n in near]).numpy()
        return Result({"index": index[back.ravel()], "score": score[back.ravel()]})


@dataclass(frozen=True, eq=False)
class WordScores(Global):
    """A table 'unit', 'text', 'score': the words of each unit's captions, best first, before any contrast.

    Rule 'published': best caption score a crop, mean over crops. Rule 'per_word': share of the retrieved captions that
    hold the word, less its share of all captions. `words` (a word list) lets only its own words through, by base form.
    """

    couples: ClassVar[frozenset[Axis]] = frozenset({"images", "k"})
    crops: CropEmbeddings
    retrieved: RetrievedCaptions
    bags: CaptionWords
    corpus: WordShares
    words: Operator | None
    rule: Rule
    most: int

    def label(self) -> str:
        return f"words of the captions scored, {self.rule}"

    def compute(self, inputs: Inputs, resources: Resources) -> Result:
        import pyarrow as pa

        from .kernels.contrast import published_scores, shares

        near = inputs.artifact(self.retrieved)
        index, score = near.load("index").tolist(), near.load("score").tolist()
        bags = self.words_of(inputs, (caption for captions in index for caption in captions))
        corpus = shares_of(inputs.artifact(self.corpus)) if self.rule == "per_word" else {}
        rows: list[dict[str, Any]] = []
        for unit, places in rows_by_unit(inputs, self.crops).items():
            if self.rule == "published":
                found = published_scores([index[p] for p in places], [score[p] for p in places], bags)
            else:
                found = shares([index[p] for p in places], bags, corpus)
            rows += [{"unit": unit, "text": w, "score": v} for w, v in list(found.items())[: self.most]]
        schema = pa.schema([("unit", pa.int32()), ("text", pa.string()), ("score", pa.float64())])
        return Result(table=pa.Table.from_pylist(rows, schema=schema))

    def words_of(self, inputs: Inputs, captions: Iterable[int]) -> dict[int, list[str]]:
        """The words of some captions that the list lets through, by the captions' places."""
        return words_let_through(inputs, self.bags, self.words, captions)


def words_let_through(
    inputs: Inputs, bags: CaptionWords, words: Operator | None, captions: Iterable[int]
) -> dict[int, list[str]]:
    """The words of some captions, by the captions' places; only those of a list, where there is one."""
    found = bags_of(inputs.artifact(bags), captions)
    if words is None:
        return found
    allowed = let_through(texts_of(words, inputs), inputs, bags)
    return {caption: [w for w in bag if w in allowed] for caption, bag in found.items()}


def let_through(words: list[str], inputs: Inputs, bags: CaptionWords) -> set[str]:
    """The words of a list and their base forms; single words need no look-up of phrases."""
    lexicon: Any = inputs.opened(bags.lexicon)  # type: ignore[arg-type]
    out = {w.lower() for w in words}
    for word in tuple(out) if len(out) <= 5_000 else ():
        for lemma in (lexicon.noun_lemma(word), lexicon.adjective_lemma(word), lexicon.verb_lemma(word)):
            if lemma is not None:
                out.add(lemma)
    return out


def rows_by_unit(inputs: Inputs, crops: CropEmbeddings) -> dict[int, list[int]]:
    """Unit -> places of its rows among the crops, in the order of their rank."""
    found = inputs.artifact(crops)
    out: dict[int, list[tuple[int, int]]] = defaultdict(list)
    if found.files:
        for place, (unit, rank) in enumerate(zip(found.load("unit"), found.load("rank"), strict=True)):
            out[int(unit)].append((int(rank), place))
    return {unit: [place for _, place in sorted(places)] for unit, places in sorted(out.items())}


@dataclass(frozen=True, eq=False)
class DistinctTexts(Global):
    """The distinct texts of a table, sorted: each word is embedded once however many units share it."""

    texts: Operator

    def label(self) -> str:
        return "distinct candidate words"

    def compute(self, inputs: Inputs, resources: Resources) -> Result:
        import pyarrow as pa

        held = sorted(set(inputs.artifact(self.texts).table()["text"].to_pylist()))
        return Result(table=pa.table({"text": pa.array(held, pa.string())}))


@dataclass(frozen=True, eq=False)
class CropCoherence(Global):
    """How alike the judge finds the crops of each target: 'with_diagonal' and 'off_diagonal' [targets], NaN where there
    are none (see `kernels.falcon.coherence`). FALCON, section 3.2."""

    couples: ClassVar[frozenset[Axis]] = frozenset({"images", "k"})
    crops: CropEmbeddings

    def label(self) -> str:
        return "how alike the crops of each target are"

    def compute(self, inputs: Inputs, resources: Resources) -> Result:
        import numpy as np

        from .kernels.falcon import coherence

        alike = np.full((2, len(inputs.artifact(self.crops.high).load("constant"))), np.nan)
        places = rows_by_unit(inputs, self.crops)
        if places:
            vectors = tensor(inputs, self.crops)
            for target, rows in places.items():
                found = coherence(vectors[rows])
                alike[:, target] = found.with_diagonal, found.off_diagonal
        return Result({"with_diagonal": alike[0], "off_diagonal": alike[1]})


@dataclass(frozen=True, eq=False)
class FalconUnits(UnitAnswer):
    """The answer of EXPLAIN by FALCON: the best `top` words of each unit or group that a contrast, if any, has kept.

    `alike` and `least_alike`: only targets whose crops are that much alike get a word, `diagonal` counts each crop with
    itself, as published.
    """

    scores: Operator
    crops: CropEmbeddings
    alike: CropCoherence | None
    least_alike: float | None
    diagonal: bool
    top: int

    def label(self) -> str:
        return f"answer: {self.layer} of {self.model}"

    def compute(self, inputs: Inputs, resources: Resources) -> Result:
        kept: dict[int, list[tuple[str, float]]] = defaultdict(list)
        for row in inputs.artifact(self.scores).table().to_pylist():
            if row.get("kept", True):
                kept[row["unit"]].append((row["text"], row["score"]))
        high = inputs.artifact(self.crops.high)
        groups, behind = groups_of(high), high.load("count") if "count" in high.names else None
        alike = None if self.alike is None else inputs.artifact(self.alike).load("off_diagonal")
        tested = alike if not self.diagonal or self.alike is None else inputs.artifact(self.alike).load("with_diagonal")

        def words(unit: int) -> list[tuple[str, float]]:
            failed = tested is not None and self.least_alike is not None and not tested[unit] > self.least_alike
            return [] if failed else kept[unit]

        def about(unit: int) -> dict[str, Any]:
            columns = self.unit(unit) if groups is None else {**self.group(unit, groups[unit]), "units": groups[unit]}
            if behind is not None:
                columns["images"] = int(behind[unit])
            if alike is not None and alike[unit] == alike[unit]:  # a single crop is compared with nothing
                columns["coherence"] = float(alike[unit])
            return columns

        return self.named(len(high.load("constant")), words, self.top, about)


@dataclass(frozen=True, eq=False)
class CropEvidence(UnitAnswer):
    """The rows of EVIDENCE for FALCON: the top images of each unit or group with box and nearest caption."""

    crops: CropEmbeddings
    retrieved: RetrievedCaptions
    captions: Operator
    images: Source

    def label(self) -> str:
        return "evidence: top images, boxes, captions"

    def compute(self, inputs: Inputs, resources: Resources) -> Result:
        found = inputs.artifact(self.crops)
        rows: list[dict[str, Any]] = []
        if found.files:
            high = inputs.artifact(self.crops.high)
            value, groups = high.load("value"), groups_of(high)
            texts = texts_of(self.captions, inputs)
            nearest = inputs.artifact(self.retrieved).load("index")
            image, rank, box = found.load("image"), found.load("rank"), found.load("box").tolist()
            images = inputs.opened(self.images)
            for unit, places in rows_by_unit(inputs, self.crops).items():
                about = self.unit(unit) if groups is None else self.group(unit, groups[unit])
                for p in places:
                    left, top, right, bottom = box[p]
                    rows.append(
                        {
                            **about, "rank": int(rank[p]) + 1, "side": "high", **where(images, int(image[p])),
                            "activation": float(value[unit][rank[p]]), "x0": left, "y0": top, "x1": right,
                            "y1": bottom, "caption": texts[nearest[p][0]],
                        }
                    )  # fmt: skip
        return self.rows(rows, evidence_schema())


def tensor(inputs: Inputs, operator: Operator, name: str = "vectors") -> torch.Tensor:
    """One stored array as a tensor."""
    import torch

    return torch.from_numpy(inputs.artifact(operator).load(name))
