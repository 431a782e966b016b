"""EVALUATE by other images: does a unit keep its name when the images are drawn anew?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from ..engine.artifact import Result
from ..engine.operator import Axis, Global, Inputs, Operator
from ..engine.resources import Resources
from ..lang.diagnostic import Diagnostic
from .judged import Evaluation, Label, Score, labels_of
from .replay import Replay

INTERVALS = 1000  # draws that an interval is made of


@dataclass(frozen=True, eq=False)
class Stability(Evaluation):
    """In what share of `draws` a unit keeps its first word when as many images are drawn with replacement and the whole
    method is applied to them; and for how many units it stays in all of them.

    `answer` is replayed from what it has read: `by_image` has a row for each image, `fixed` stays as it is. `baseline`
    of a unit is how often the other units get its word. A unit without a word is left out; one that loses its word has
    not kept it.
    """

    metric: ClassVar[str] = "stability"
    couples: ClassVar[frozenset[Axis]] = frozenset({"units", "words", "images"})
    answer: Operator
    by_image: tuple[Operator, ...]
    fixed: tuple[Operator, ...]
    draws: int

    def label(self) -> str:
        return f"stability of names of {self.layer} of {self.model} over {self.draws} draws of the images"

    def compute(self, inputs: Inputs, resources: Resources) -> Result:
        import numpy as np

        labels = [label for label in labels_of(self.judged, inputs) if label.words]
        if not labels:
            raise Diagnostic("empty-data", f"no unit of {self.layer} has a label: there is nothing to measure")
        images = inputs.artifact(self.by_image[0]).rows
        rng = np.random.Generator(np.random.PCG64(self.seed))
        keys = frozenset(o.key for o in self.by_image), frozenset(o.key for o in self.fixed)
        answer = self.answer
        assert isinstance(answer, Global)
        found = []
        for _ in range(self.draws):
            drawn = np.sort(rng.integers(0, images, images))  # in the order of the images, which decides between ties
            found.append(first_words(answer.compute(Replay(inputs, resources, *keys, drawn), resources)))
        return self.scored(self._scores(labels, found))

    def _scores(self, labels: Sequence[Label], found: Sequence[Mapping[str, str]]) -> Iterator[Score]:
        import numpy as np

        targets = [label.target for label in labels]
        kept = np.array([[float(one.get(label.target) == label.words[0]) for one in found] for label in labels])
        often = Counter(one[target] for one in found for target in targets if target in one)
        boot, others = self.bootstrap, len(found) * (len(labels) - 1)
        chance = np.full(len(labels), np.nan)
        if others:
            chance = np.array([often[label.words[0]] for label in labels]) - kept.sum(1)
            chance = chance / others
        for label, own, other in zip(labels, kept, chance.tolist(), strict=True):
            yield Score("stability", float(own.mean()), boot.of_mean(own), other, len(own), label)
        stays, always = kept.mean(1), kept.all(1).astype(float)
        yield Score("stability", float(stays.mean()), boot.of_mean(stays), float(chance.mean()), len(labels))
        yield Score("stability_always", float(always.mean()), boot.of_mean(always), n=len(labels))


def first_words(answer: Result) -> dict[str, str]:
    """Target -> its first word, of those that have one."""
    table = answer.table
    assert table is not None
    rows = table.select(["target", "rank", "concept"]).to_pylist()
    return {row["target"]: row["concept"] for row in rows if row["rank"] == 1 and row["concept"] is not None}
