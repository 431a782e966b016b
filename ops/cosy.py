"""EVALUATE by images of the label: do they activate the unit more than other images do?"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from ..engine.artifact import Result
from ..engine.operator import Inputs
from ..engine.resources import Resources
from .agreement import over_units, share_known
from .judged import Label, Score
from .presence import PresenceEvaluation, SaidPresence, SeenPresence, activations_of

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True, eq=False)
class CosyScores(PresenceEvaluation):
    """AUC and mean activation difference of images of the label against controls, and the p of no difference.

    Images of the label are the `most` that the judge finds nearest to it, or those that `columns` say hold it (at most
    `most`, drawn by the seed). Controls are all other images, or `controls` of them drawn by the seed.
    """

    metric: ClassVar[str] = "cosy"
    most: int
    controls: int | None

    def label(self) -> str:
        return f"CoSy scores of labels of {self.layer} of {self.model}"

    def compute(self, inputs: Inputs, resources: Resources) -> Result:
        presence = self.presence(inputs)
        every = self.labelled(inputs)
        labels, boot = self.known(every, presence), self.bootstrap
        held = inputs.artifact(self.activations)
        chosen = self._chosen(list(dict.fromkeys(label.words[0] for label in labels)), presence)
        rows: list[Score] = []
        for some in self.in_blocks(labels, held.rows, resources):
            x = activations_of(held, [label.unit for label in some if label.unit is not None])
            for i, label in enumerate(some):
                rows += self._rows(label, x[:, i], chosen[label.words[0]])
        found = [*over_units(rows, boot)]
        return self.scored([*found, share_known(every, labels, boot)] if self.columns else found)

    def _chosen(self, words: Sequence[str], presence: SaidPresence | SeenPresence) -> Mapping[str, np.ndarray]:
        """The images that show each word."""
        import numpy as np
        import torch

        from ..lang.diagnostic import Diagnostic
        from .judged import spoken_alike
        from .kernels.similarity import TopK

        if isinstance(presence, SaidPresence):
            rng = np.random.Generator(np.random.PCG64([self.seed, 1]))
            found = {word: presence.said[spoken_alike(word)] for word in words}
            return {word: np.sort(rng.permutation(rows)[: self.most]) for word, rows in found.items()}
        top, start = TopK(self.most), 0
        for block in presence.blocks(words):
            top.update(torch.from_numpy(block), start)
            start += len(block)
        if start <= self.most:
            message = f"{self.images.name} has {start:,} images: with {self.most:,} of a label no other is left"
            raise Diagnostic("bad-argument", message, hint="write images=… with fewer, or take more images ON")
        index = top.result()[1].numpy()
        return {word: np.sort(rows) for word, rows in zip(words, index, strict=True)}

    def _rows(self, label: Label, x: np.ndarray, shown: np.ndarray) -> Iterator[Score]:
        import numpy as np

        from .kernels.agreement import once
        from .kernels.bootstrap import BLOCK, IN_CACHE
        from .kernels.cosy import cosy, rank_sum

        others = np.setdiff1d(np.arange(len(x)), shown)
        if self.controls is not None:
            rng = np.random.Generator(np.random.PCG64([self.seed, 2]))
            others = np.sort(rng.permutation(others)[: self.controls])
        control, concept = x[others], x[shown]
        if not len(control) or not len(concept):
            return
        count = len(control) + len(concept)
        value, boot = cosy(control, concept, once(len(control)), once(len(concept))), self.bootstrap
        few = min(len(control), len(concept)) < 2
        rows = BLOCK // IN_CACHE * count  # blocks of both kinds together stay in the cache
        sides = boot.weights(len(control), 1, rows), boot.weights(len(concept), 2, rows)
        drawn = [] if few else [
            cosy(control, concept, first.astype(np.float64), second.astype(np.float64))
            for first, second in zip(*sides, strict=True)
        ]  # fmt: skip
        for name, chance in (("auc", 0.5), ("mad", 0.0)):
            own = float(getattr(value, name)[0])
            interval = (math.nan, math.nan)
            if drawn and not math.isnan(own):
                interval = boot.interval(np.concatenate([getattr(d, name) for d in drawn]))
            yield Score(name, own, interval, chance, count, label)
        yield Score("p", rank_sum(control, concept)[1], n=count, about=label)
