"""EVALUATE by the images: simulation, detection, and whether a score notices that its labels are wrong."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from ..engine.artifact import Result
from ..engine.operator import Inputs
from ..engine.resources import Resources
from .judged import Label, Score
from .presence import PresenceEvaluation, SaidPresence, SeenPresence

if TYPE_CHECKING:
    import numpy as np

    from .kernels.bootstrap import Bootstrap

    Weighted = Callable[[np.ndarray], Mapping[str, np.ndarray]]

Sampling = Literal["all", "top_and_random"]


@dataclass(frozen=True)
class Scored:
    """What is said of one unit on `count` images: `scores` [R] by name, under weights [R,count], and what each would be
    by chance."""

    about: Label
    count: int
    scores: Weighted
    chance: Mapping[str, float]


def with_intervals(units: Sequence[Scored], boot: Bootstrap) -> Iterator[Score]:
    """The scores of units, each with its interval; units on equally many images share the draws."""
    import numpy as np

    from .kernels.agreement import once

    for count in dict.fromkeys(one.count for one in units):
        some = [one for one in units if one.count == count]
        calls = [lambda w, one=one: np.stack(list(one.scores(w).values()), 1) for one in some]
        for one, intervals in zip(some, boot.of_each(calls, count), strict=True):
            for (name, value), interval in zip(one.scores(once(count)).items(), intervals, strict=True):
                yield Score(name, float(value[0]), interval, one.chance.get(name, math.nan), count, one.about)


def over_units(rows: Sequence[Score], boot: Bootstrap) -> Iterator[Score]:
    """The rows, and for each metric the mean over the units for which it is defined, units being what is drawn."""
    import numpy as np

    yield from rows
    for metric in dict.fromkeys(row.metric for row in rows):
        own = [row for row in rows if row.metric == metric and not math.isnan(row.value)]
        if not own:
            yield Score(metric, math.nan)
            continue
        values, chance = np.array([r.value for r in own]), np.array([r.baseline for r in own])
        baseline = math.nan if np.isnan(chance).all() else float(np.nanmean(chance))
        yield Score(metric, float(values.mean()), boot.of_mean(values), baseline, len(own))


def share_known(labels: Sequence[Label], known: Sequence[Label], boot: Bootstrap) -> Score:
    """How many of the labels the images can speak of: what is said of the rest is nothing."""
    import numpy as np

    units = {label.unit for label in known}
    hit = np.array([float(label.unit in units) for label in labels])
    return Score("known", float(hit.mean()), boot.of_mean(hit), n=len(labels))


@dataclass(frozen=True, eq=False)
class Simulation(PresenceEvaluation):
    """How well presence of the label simulates the unit: correlation, rank correlation and cosine, and how well it
    tells the images that the unit is most active on, a share `active` of all: auc, auprc, wpmi.

    On all images, or on `drawn` of the `top_share` of highest activation and as many others. `baseline` of a
    correlation is its mean over the labels of the other units; of the others what chance gives.
    """

    metric: ClassVar[str] = "simulation"
    sampling: Sampling
    drawn: int
    top_share: float
    active: float

    def label(self) -> str:
        return f"simulation of {self.layer} of {self.model} from its labels"

    def compute(self, inputs: Inputs, resources: Resources) -> Result:
        presence = self.presence(inputs)
        every = self.labelled(inputs)
        labels, boot = self.known(every, presence), self.bootstrap
        dealt = self._dealt(labels, presence, inputs) if self.sampling == "all" else {}
        rows: list[Score] = []
        for some in self.pairs(labels, presence, inputs, resources):
            rows += with_intervals([self._unit(*pair, presence, labels, dealt) for pair in some], boot)
        found = [*over_units(rows, boot)]
        return self.scored([*found, share_known(every, labels, boot)] if self.columns else found)

    def _unit(
        self, label: Label, x: np.ndarray, s: np.ndarray, presence: SaidPresence | SeenPresence,
        labels: Sequence[Label], dealt: Mapping[str, float],
    ) -> Scored:  # fmt: skip
        import numpy as np

        from .kernels import agreement

        active = agreement.most_active(x, self.active)
        if self.sampling == "top_and_random":
            which = self._drawn(label, x)
            chance = self._dealt_on(which, x, label, presence, labels)
            x, s, active = x[which], s[which], active[which]
        else:
            chance = dealt[label.target]

        curve, rank_x, rank_s = agreement.Curve(s, active), agreement.ranks(x), agreement.ranks(s)

        def scores(w: np.ndarray) -> Mapping[str, np.ndarray]:
            precision, area = curve.scores(w)
            return {
                "correlation": agreement.correlation(x, s, w), "spearman": agreement.correlation(rank_x, rank_s, w),
                "cosine": agreement.cosine(x, s, w), "auc": area, "auprc": precision,
                "wpmi": agreement.wpmi(active, s, w),
            }  # fmt: skip

        unrelated = float(agreement.wpmi(np.ones(len(s), bool), s, agreement.once(len(s)))[0])
        chances = {"correlation": chance, "auc": 0.5, "auprc": float(active.mean()), "wpmi": unrelated}
        return Scored(label, len(x), scores, chances)

    def _drawn(self, label: Label, x: np.ndarray) -> np.ndarray:
        import numpy as np

        from .kernels.agreement import top_and_random

        rng = np.random.Generator(np.random.PCG64([self.seed, label.unit or 0]))
        return top_and_random(x, self.top_share, self.drawn, rng)

    def _dealt(
        self, labels: Sequence[Label], presence: SaidPresence | SeenPresence, inputs: Inputs
    ) -> dict[str, float]:
        """The mean correlation of each unit with the labels of the other units, each as often as it is given."""
        from .kernels.agreement import Correlations

        words, often = _given(labels)
        units = [label.unit for label in labels if label.unit is not None]
        sums: Correlations | None = None
        blocks = inputs.artifact(self.activations).blocks("activations", 4096)
        for x, s in zip(blocks, presence.blocks(words), strict=True):
            sums = sums or Correlations(x[:, units], s)
            sums.update(x[:, units], s)
        assert sums is not None
        found = sums.result()
        where = {word: m for m, word in enumerate(words)}
        rows = zip(labels, found, strict=True)
        return {label.target: _mean(row, _without(often, where[label.words[0]])) for label, row in rows}

    def _dealt_on(
        self, which: np.ndarray, x: np.ndarray, label: Label, presence: SaidPresence | SeenPresence,
        labels: Sequence[Label],
    ) -> float:  # fmt: skip
        """The same on the images drawn for one unit."""
        from .kernels.agreement import Correlations

        words, often = _given(labels)
        own, seen = x[which][:, None], presence.rows(words, which)
        sums = Correlations(own, seen)
        sums.update(own, seen)
        return _mean(sums.result()[0], _without(often, words.index(label.words[0])))


def _given(labels: Sequence[Label]) -> tuple[list[str], np.ndarray]:
    """The distinct first words, and to how many units each is given."""
    import numpy as np

    counts = Counter(label.words[0] for label in labels)
    return list(counts), np.array(list(counts.values()), np.float64)


def _without(often: np.ndarray, word: int) -> np.ndarray:
    """The counts without one unit that has this word."""
    found = often.copy()
    found[word] -= 1
    return found


def _mean(values: np.ndarray, often: np.ndarray) -> float:
    """The mean of what is defined of `values`, each as often as `often` says."""
    import numpy as np

    there = ~np.isnan(values) & (often > 0)
    return float(values[there] @ often[there] / often[there].sum()) if there.any() else math.nan


@dataclass(frozen=True, eq=False)
class Detection(PresenceEvaluation):
    """How well the unit detects its label: activation ranks the images (auprc, auc), goes with presence (correlation,
    difference of means), or is on for a share `active` of them (f1, iou, precision, recall, balanced_accuracy).

    `baseline` is what a unit would reach that has nothing to do with the label.
    """

    metric: ClassVar[str] = "detection"
    active: float

    def label(self) -> str:
        return f"detection of labels by {self.layer} of {self.model}"

    def compute(self, inputs: Inputs, resources: Resources) -> Result:
        presence = self.presence(inputs)
        every = self.labelled(inputs)
        labels, boot = self.known(every, presence), self.bootstrap
        rows: list[Score] = []
        for some in self.pairs(labels, presence, inputs, resources):
            rows += with_intervals([self._unit(*pair) for pair in some], boot)
        found = [*over_units(rows, boot)]
        return self.scored([*found, share_known(every, labels, boot)] if self.columns else found)

    def _unit(self, label: Label, x: np.ndarray, s: np.ndarray) -> Scored:
        from .kernels.agreement import SURE, Overlap, most_active, once

        present, active = s >= SURE, most_active(x, self.active)
        by_chance = Overlap.of(active, present, once(len(x))).by_chance()
        chances = {name: float(getattr(by_chance, name)[0]) for name in OVERLAPS}
        chances |= {"auprc": float(present.mean()), "auc": 0.5, "correlation": 0.0, "mean_difference": 0.0}
        return Scored(label, len(x), detection_scores(x, present, active), chances)


OVERLAPS = ("f1", "iou", "precision", "recall", "balanced_accuracy")


def detection_scores(x: np.ndarray, present: np.ndarray, active: np.ndarray) -> Weighted:
    """All scores of detection for activations, presence and activity [N]."""
    from .kernels import agreement

    curve, there = agreement.Curve(x, present), present.astype(float)

    def scores(w: np.ndarray) -> Mapping[str, np.ndarray]:
        (precision, area), overlap = curve.scores(w), agreement.Overlap.of(active, present, w)
        return {
            "auprc": precision, "auc": area, "correlation": agreement.correlation(x, there, w),
            "mean_difference": agreement.mean_difference(x, present, w),
            **{name: getattr(overlap, name) for name in OVERLAPS},
        }  # fmt: skip

    return scores


@dataclass(frozen=True, eq=False)
class Sanity(PresenceEvaluation):
    """Whether scores notice what they should: the mean of each over the units as it is, part NULL; with a share of the
    true labels taken away, 'missing'; with as many wrong ones added as there are true ones times a share, 'extra'; and
    with the images of each unit dealt anew, 'shuffled'. Beside each, the share of the units whose score falls.

    A score that does not fall when labels are taken away, or wrong ones are added, does not measure what it seems to.
    Units whose label no image or every image holds have nothing to take or to add and are left out.
    """

    metric: ClassVar[str] = "sanity"
    active: float
    removed: float
    added: float

    def label(self) -> str:
        return f"sanity tests of scores of {self.layer} of {self.model}"

    def compute(self, inputs: Inputs, resources: Resources) -> Result:
        presence = self.presence(inputs)
        labels = self.known(self.labelled(inputs), presence)
        found: dict[str, dict[str | None, list[float]]] = {}
        for some in self.pairs(labels, presence, inputs, resources):
            for pair in some:
                for part, scores in self._parts(*pair).items():
                    for name, value in scores.items():
                        found.setdefault(name, {}).setdefault(part, []).append(value)
        return self.scored(self._scores(found))

    def _parts(self, label: Label, x: np.ndarray, s: np.ndarray) -> dict[str | None, dict[str, float]]:
        import numpy as np

        from .kernels import agreement

        y = s >= agreement.SURE
        if not y.any() or y.all():
            return {}
        rng = np.random.Generator(np.random.PCG64([self.seed, label.unit or 0]))
        fewer, more = agreement.fewer_labels(y, self.removed, rng), agreement.more_labels(y, self.added, rng)
        dealt = rng.permutation(x)
        tests: dict[str | None, tuple[np.ndarray, np.ndarray]] = {
            None: (x, y), "missing": (x, fewer), "extra": (x, more), "shuffled": (dealt, y),
        }  # fmt: skip
        ones = agreement.once(len(x))
        found = {}
        for part, (values, there) in tests.items():
            active = agreement.most_active(values, self.active)
            scores = dict(detection_scores(values, there, active)(ones))
            scores["cosine"] = agreement.cosine(values, there.astype(float), ones)
            found[part] = {name: float(value[0]) for name, value in scores.items()}
        return found

    def _scores(self, found: Mapping[str, Mapping[str | None, Sequence[float]]]) -> Iterator[Score]:
        import numpy as np

        boot = self.bootstrap
        for name, parts in found.items():
            whole = np.array(parts[None])
            for part, values in parts.items():
                own = np.array(values)
                there = ~np.isnan(own) & ~np.isnan(whole)
                count = int(there.sum())
                if not count:
                    continue
                yield Score(name, float(own[there].mean()), boot.of_mean(own[there]), n=count, part=part)
                if part is not None:
                    falls = (own < whole)[there].astype(float)
                    yield Score(f"{name}_falls", float(falls.mean()), boot.of_mean(falls), n=count, part=part)
