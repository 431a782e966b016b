"""Which images hold the label of a unit: what a data set says of them, or what a judge predicts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

from ..engine.artifact import Result
from ..engine.operator import Axis, Inputs, Operator, Source
from ..engine.resources import Resources
from ..lang.diagnostic import Diagnostic
from .embeddings import texts_of
from .judged import Evaluation, Label, LabelTexts, Score, labels_of, spoken_alike

if TYPE_CHECKING:
    import numpy as np

BLOCK = 4096  # images at a time


@dataclass
class SaidPresence:
    """Presence as columns of a data set say it, names or lists of names: 0 or 1. `said` has the images of each name."""

    count: int
    said: dict[str, np.ndarray]

    @staticmethod
    def of(images: Source, columns: Sequence[str]) -> SaidPresence:
        import numpy as np

        relation = images.spec.relation()
        found: dict[str, list[int]] = {}
        for column in columns:
            for i, value in enumerate(relation[column].to_pylist()):
                for name in value if isinstance(value, list) else (value,):
                    if name is not None:
                        found.setdefault(spoken_alike(str(name)), []).append(i)
        other = getattr(images.spec, "synonyms", None)
        for word, name in (other() if other is not None else {}).items():
            if spoken_alike(name) in found:
                found.setdefault(spoken_alike(word), found[spoken_alike(name)])
        return SaidPresence(len(relation), {name: np.unique(rows) for name, rows in found.items()})

    def knows(self, word: str) -> bool:
        return spoken_alike(word) in self.said

    def blocks(self, words: Sequence[str], size: int = BLOCK) -> Iterator[np.ndarray]:
        """[n, words] in blocks of images."""
        import numpy as np

        rows = [self.said.get(spoken_alike(word), np.zeros(0, np.int64)) for word in words]
        for start in range(0, self.count, size):
            block = np.zeros((min(size, self.count - start), len(words)))
            for m, own in enumerate(rows):
                first, last = np.searchsorted(own, [start, start + len(block)])
                block[own[first:last] - start, m] = 1.0
            yield block

    def rows(self, words: Sequence[str], which: np.ndarray) -> np.ndarray:
        """[which, words] of some images."""
        import numpy as np

        return np.stack([np.isin(which, self.said.get(spoken_alike(word), ())) for word in words], 1).astype(np.float64)


@dataclass
class SeenPresence:
    """Presence as a judge predicts it, a sigmoid of its cosines; `texts` are vectors by word, of 2-norm 1."""

    images: Any  # the artifact of the images' vectors
    texts: dict[str, np.ndarray]
    slope: float
    offset: float

    def knows(self, word: str) -> bool:
        return True

    def _seen(self, vectors: np.ndarray, words: Sequence[str]) -> np.ndarray:
        import numpy as np

        from .kernels.agreement import presence_of

        texts = np.stack([self.texts[word] for word in words])
        return presence_of(vectors.astype(np.float64) @ texts.T.astype(np.float64), self.slope, self.offset)

    def blocks(self, words: Sequence[str], size: int = BLOCK) -> Iterator[np.ndarray]:
        return (self._seen(block, words) for block in self.images.blocks("vectors", size))

    def rows(self, words: Sequence[str], which: np.ndarray) -> np.ndarray:
        return self._seen(self.images.take("vectors", which), words)


def activations_of(held: Any, units: Sequence[int]) -> np.ndarray:
    """Activations [N, units] of some units, in float64, read block by block. Raises Diagnostic 'unknown-unit'."""
    import numpy as np

    blocks = []
    for block in held.blocks("activations", BLOCK):
        if max(units) >= block.shape[1]:
            message = f"unit {max(units)} has a label here, and the layer that is measured has {block.shape[1]} units"
            raise Diagnostic("unknown-unit", message)
        blocks.append(block[:, list(units)].astype(np.float64))
    return np.concatenate(blocks)


@dataclass(frozen=True, eq=False)
class UnitEvaluation(Evaluation):
    """A metric that looks at units on `images`: `activations` of the whole layer there."""

    couples: ClassVar[frozenset[Axis]] = frozenset({"units", "words", "images"})
    activations: Operator
    images: Source

    def scored(self, scores: Iterable[Score], kind: str = "unit") -> Result:
        """Rows whose metric begins with what was asked for: several metrics have an auc."""
        return super().scored((replace(s, metric=f"{self.metric}_{s.metric}") for s in scores), kind)

    def labelled(self, inputs: Inputs) -> list[Label]:
        """Units that have a word. Raises Diagnostic 'empty-data' if none has, 'unknown-unit' for one that is not in the
        layer."""
        labels = [label for label in labels_of(self.judged, inputs) if label.words and label.unit is not None]
        if not labels:
            raise Diagnostic("empty-data", f"no unit of {self.layer} has a label: there is nothing to measure")
        return labels

    def in_blocks(self, labels: Sequence[Label], images: int, resources: Resources) -> Iterator[Sequence[Label]]:
        """The labels, so many at a time that activations and presence of each, and what is made of them, fit."""
        size = max(1, resources.memory // (64 * max(images, 1)))
        return (labels[start : start + size] for start in range(0, len(labels), size))


@dataclass(frozen=True, eq=False)
class PresenceEvaluation(UnitEvaluation):
    """A metric that compares activations with presence: that which `columns` of the images say, or, where there are
    none, what the judge predicts from `vectors` of the images and `words`, those of the labels `texts`."""

    columns: tuple[str, ...]
    texts: LabelTexts | None
    vectors: Operator | None
    words: Operator | None
    slope: float
    offset: float

    def presence(self, inputs: Inputs) -> SaidPresence | SeenPresence:
        if self.vectors is None or self.words is None or self.texts is None:
            return SaidPresence.of(self.images, self.columns)
        vectors = inputs.artifact(self.words).load("vectors")
        texts = dict(zip(texts_of(self.texts, inputs), vectors, strict=True))
        return SeenPresence(inputs.artifact(self.vectors), texts, self.slope, self.offset)

    def known(self, labels: Sequence[Label], presence: SaidPresence | SeenPresence) -> list[Label]:
        """Labels that the images can speak of. Raises Diagnostic 'empty-data' if there is none."""
        found = [label for label in labels if presence.knows(label.words[0])]
        if not found:
            columns = " and ".join(self.columns)
            raise Diagnostic(
                "empty-data", f"{columns} of {self.images.name} names none of the labels, such as {labels[0].words[0]}",
                hint="say which columns name what the images hold: labels='…'; or presence=judge",
            )  # fmt: skip
        return found

    def pairs(
        self, labels: Sequence[Label], presence: SaidPresence | SeenPresence, inputs: Inputs, resources: Resources
    ) -> Iterator[list[tuple[Label, np.ndarray, np.ndarray]]]:
        """Each unit with its activations [N] and the presence [N] of its label; so many together as fit."""
        import numpy as np

        held = inputs.artifact(self.activations)
        for some in self.in_blocks(labels, held.rows, resources):
            words = list(dict.fromkeys(label.words[0] for label in some))
            s = np.concatenate(list(presence.blocks(words)))
            x = activations_of(held, [label.unit for label in some if label.unit is not None])
            where = {word: place for place, word in enumerate(words)}
            columns = ((np.ascontiguousarray(x[:, i]), where[label.words[0]]) for i, label in enumerate(some))
            yield [(label, own, s[:, m]) for label, (own, m) in zip(some, columns, strict=True)]
