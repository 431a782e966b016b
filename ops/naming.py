"""EVALUATE by true names: is the first word the right one, and if not, how near is what it means?"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from ..engine.artifact import Result
from ..engine.operator import Axis, Inputs, Operator
from ..engine.resources import Resources
from ..lang.diagnostic import Diagnostic
from .embeddings import texts_of
from .judged import Evaluation, Label, LabelTexts, Names, Score, labels_of, spoken_alike, true_names

if TYPE_CHECKING:
    import numpy as np

COUNTED = 5  # the ranks that top5 looks at


def known_labels(
    labels: Sequence[Label], true: Sequence[tuple[str, ...]], layer: str, model: str
) -> list[tuple[Label, tuple[str, ...]]]:
    """The labels whose true names are known. Raises Diagnostic 'empty-data' where none is, 'bad-argument' where there
    are fewer names than units."""
    last = max((label.unit for label in labels if label.unit is not None), default=-1)
    if last >= len(true):
        raise Diagnostic(
            "bad-argument", f"{len(true)} true names are here, for the units 0 to {len(true) - 1}; unit {last} of "
            f"{layer} has none", hint="give one name for each unit of the layer, in their order",
            about=(layer, model),
        )  # fmt: skip
    found = [(label, true[label.unit]) for label in labels if label.unit is not None and true[label.unit]]
    if not found:
        message = f"the true name of no unit here is known ({layer} of {model})"
        raise Diagnostic("empty-data", message, hint="ask about units that have one", about=(layer, model))
    return found


@dataclass(frozen=True, eq=False)
class Accuracy(Evaluation):
    """How often the true name of a unit is its first word, or among its first five; per unit, its rank.

    The baseline deals the lists of words to the units at random, in expectation. CLIP-Dissect, section 4.2, table 2.
    """

    metric: ClassVar[str] = "accuracy"
    couples: ClassVar[frozenset[Axis]] = frozenset({"units"})
    true: Operator | Names

    def label(self) -> str:
        return f"accuracy of names of {self.layer} of {self.model}"

    def compute(self, inputs: Inputs, resources: Resources) -> Result:
        pairs = known_labels(
            labels_of(self.judged, inputs), true_names(self.true, inputs), self.layer, self.model
        )  # fmt: skip
        return self.scored(self._scores(pairs))

    def _scores(self, pairs: Sequence[tuple[Label, tuple[str, ...]]]) -> Iterator[Score]:
        import numpy as np

        from .kernels.naming import scores_of_ranks

        words = [[spoken_alike(w) for w in label.words] for label, _ in pairs]
        names = [frozenset(map(spoken_alike, true)) for _, true in pairs]
        rank = np.array([_rank(w, n) for w, n in zip(words, names, strict=True)])
        best = np.array([label.scores[0] if label.scores else -math.inf for label, _ in pairs])
        best = np.where(np.isnan(best), -math.inf, best)
        listed = max(map(len, words), default=0)
        count, boot = len(pairs), self.bootstrap
        found = scores_of_ranks(rank, best, listed)
        for (label, _), place in zip(pairs, rank.tolist(), strict=True):
            yield Score("rank", place or math.nan, n=len(label.words), about=label)
        right = (rank == 1).astype(float)
        named = np.array([bool(w) for w in words], float)
        yield Score("named", float(named.mean()), boot.of_mean(named), n=count)
        yield Score("top1", found.top1, boot.of_mean(right), _dealt(words, names, 1), count)
        if not math.isnan(found.top5):
            near = ((rank >= 1) & (rank <= COUNTED)).astype(float)
            yield Score("top5", found.top5, boot.of_mean(near), _dealt(words, names, COUNTED), count)
        for name in ("mean_rank", "median_rank", "auc"):
            value = float(getattr(found, name))

            def drawn(weights: np.ndarray, name: str = name) -> np.ndarray:
                rows = (np.repeat(np.arange(count), w) for w in weights)
                return np.array([getattr(scores_of_ranks(rank[r], best[r], listed), name) for r in rows], float)

            interval = (math.nan, math.nan) if math.isnan(value) else boot.of(drawn, count)
            yield Score(name, value, interval, 0.5 if name == "auc" else math.nan, count)


def _rank(words: Sequence[str], names: frozenset[str]) -> int:
    """The place of the first word that is right, from 1; 0: none is."""
    return next((i for i, word in enumerate(words, 1) if word in names), 0)


def _dealt(words: Sequence[Sequence[str]], names: Sequence[frozenset[str]], ranks: int) -> float:
    """The share expected to be right when every unit gets the words of a unit drawn at random."""
    import numpy as np

    held: dict[str, list[int]] = {}
    for i, listed in enumerate(words):
        for word in listed[:ranks]:
            held.setdefault(word, []).append(i)
    hits = [len({i for name in accepted for i in held.get(name, ())}) for accepted in names]
    return float(np.mean(hits)) / len(words)


@dataclass(frozen=True, eq=False)
class LabelCosine(Evaluation):
    """Cosine of the text vectors of the first word and the true name, the nearest where several are right.

    Unrelated words have a cosine far above 0, so two baselines stand beside it: `baseline` deals the labels to the
    units at random, in expectation; `constant_label` gives every unit the label that is most frequent in the answer.
    CLIP-Dissect, section 4.2, table 3.
    """

    metric: ClassVar[str] = "label_cosine"
    couples: ClassVar[frozenset[Axis]] = frozenset({"units"})
    true: Operator | Names
    texts: LabelTexts
    vectors: Operator

    def label(self) -> str:
        return f"cosine of labels and true names of {self.layer} of {self.model}"

    def compute(self, inputs: Inputs, resources: Resources) -> Result:
        known = known_labels(
            labels_of(self.judged, inputs), true_names(self.true, inputs), self.layer, self.model
        )  # fmt: skip
        pairs = [(label, true) for label, true in known if label.word is not None]
        if not pairs:
            raise Diagnostic("empty-data", f"no unit of {self.layer} has a label: there is nothing to compare")
        vectors = dict(zip(texts_of(self.texts, inputs), inputs.artifact(self.vectors).load("vectors"), strict=True))
        return self.scored(self._scores(pairs, vectors))

    def _scores(
        self, pairs: Sequence[tuple[Label, tuple[str, ...]]], vectors: dict[str, np.ndarray]
    ) -> Iterator[Score]:
        import numpy as np

        from .kernels.naming import unit_length

        words = [label.words[0] for label, _ in pairs]
        kinds = sorted(set(words))
        given = unit_length(np.array([vectors[w] for w in kinds], np.float64))
        near = np.stack(
            [(given @ unit_length(np.array([vectors[n] for n in true], np.float64)).T).max(1) for _, true in pairs], 1
        )  # [distinct words, units]
        index, count = np.array([kinds.index(w) for w in words]), len(pairs)
        own, boot = near[index, np.arange(count)], self.bootstrap
        frequency = np.bincount(index, minlength=len(kinds))
        dealt = frequency @ near / count
        for (label, _), value, chance in zip(pairs, own.tolist(), dealt.tolist(), strict=True):
            yield Score("label_cosine", value, baseline=chance, n=1, about=label)
        constant = near[int(frequency.argmax())]
        yield Score("label_cosine", float(own.mean()), boot.of_mean(own), float(dealt.mean()), count)
        yield Score("constant_label", float(constant.mean()), boot.of_mean(constant), float(dealt.mean()), count)
