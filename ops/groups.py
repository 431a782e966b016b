"""Groups of units that fire together, each with its images: FALCON's subject, beside the choices for single units."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from ..engine.artifact import Artifact, Result
from ..engine.operator import Axis, Global, Inputs
from ..engine.resources import Resources
from .activations import PooledActivations
from .answers import Units, chosen

if TYPE_CHECKING:
    import numpy as np
    import torch
    from scipy import sparse

Grouping = Literal["merged", "published", "given"]
Membership = Literal["exact", "superset"]


@dataclass(frozen=True, eq=False)
class FeatureGroups(Global):
    """Groups of units of a layer, those of most images first, as the targets of what follows.

    'size' [groups] and 'member' [sum of sizes]: the units of each, ascending. 'index' and 'value' [groups, most]: its
    highest images by the sum of its units' shares Z, and the sum of their activations there; -1 and NaN where it has
    fewer. 'count' [groups]: how many images it has in all; 'constant': fewer than `least`; 'minimum': the lowest sum.

    Z are the activations with rows of 2-norm 1; a unit fires where Z >= mean + `multiple` standard deviations, both
    over all entries of the layer (FALCON, section 3.1). `grouping` is said in `kernels.groups`; 'given' takes `given`.
    An image belongs to a group whose units all fire, under `membership` 'exact' only if no other unit does. `units`:
    only these count. `most_groups` None: all. Four passes over the shards; memory for one, and for the firings.
    """

    couples: ClassVar[frozenset[Axis]] = frozenset({"units", "images", "k"})
    activations: PooledActivations
    grouping: Grouping
    given: tuple[tuple[int, ...], ...]
    units: Units
    multiple: float
    membership: Membership
    least: int
    most: int
    most_groups: int | None

    def label(self) -> str:
        layer = self.activations.layer
        if self.grouping == "given":
            return f"images of {len(self.given)} groups of {layer}, {self.multiple:g} deviations above its mean"
        return f"groups of {layer}, {self.grouping}, {self.multiple:g} deviations above its mean"

    def compute(self, inputs: Inputs, resources: Resources) -> Result:
        import numpy as np

        from .kernels import groups as kernel
        from .kernels.falcon import Moments

        held = inputs.artifact(self.activations)
        moments = Moments()
        for _, z in _shares(held):
            moments.update(z)
        threshold = moments.threshold(self.multiple)
        firings, count = kernel.Firings(threshold), 0
        for _, z in _shares(held):
            if not count and (self.units is not None or self.given):
                firings = kernel.Firings(threshold, self.among(z.shape[1]))
            firings.update(z.numpy())
            count += len(z)
        fires = firings.matrix()
        groups = self._groups(fires)
        inside = kernel.members(fires, groups, self.membership)
        images = np.asarray(inside.sum(0)).reshape(-1).astype(np.int64)
        if self.grouping != "given":
            order = sorted(range(len(groups)), key=lambda g: (-images[g], groups[g]))[: self.most_groups]
            groups, images, inside = [groups[g] for g in order], images[order], inside[:, order]
        index, value, minimum = self._highest(held, groups, inside.tocsr())
        return Result(
            {
                "size": np.array([len(g) for g in groups], np.int32),
                "member": np.array([unit for g in groups for unit in g], np.int32),
                "index": index, "value": value, "minimum": minimum, "count": images, "constant": images < self.least,
            },
            facts={"threshold": float(threshold), "mean": moments.mean, "images": count},
        )  # fmt: skip

    def among(self, count: int) -> np.ndarray | None:
        """Which units count [D]; None: all. Raises Diagnostic for units that the layer has not."""
        import numpy as np

        layer, model = self.activations.layer, self.activations.model.name
        chosen(tuple(unit for group in self.given for unit in group), count, layer, model)
        if self.units is None:
            return None
        among = np.zeros(count, np.bool_)
        among[chosen(self.units, count, layer, model)] = True
        return among

    def _groups(self, fires: sparse.csr_matrix) -> Sequence[tuple[int, ...]]:
        from .kernels import groups as kernel

        if self.grouping == "given":
            return [tuple(sorted({unit % fires.shape[1] for unit in group})) for group in self.given]
        make = kernel.published if self.grouping == "published" else kernel.merged
        return make(fires, self.least)

    def _highest(
        self, held: Artifact, groups: Sequence[tuple[int, ...]], inside: sparse.csr_matrix
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        import numpy as np
        import torch

        from .kernels.low import Best

        if not groups:
            return np.zeros((0, self.most), np.int64), np.zeros((0, self.most), np.float32), np.zeros(0, np.float32)
        best, start, minimum = Best(self.most), 0, np.full(len(groups), np.inf, np.float32)
        for acts, z in _shares(held):
            belongs = torch.from_numpy(inside[start : start + len(z)].toarray())
            best.update(summed(z, groups), belongs)
            minimum = np.minimum(minimum, summed(acts, groups).amin(0).numpy())
            start += len(z)
        index = np.full((len(groups), self.most), -1, np.int64)
        for row, found in zip(index, best.result(), strict=True):
            row[: len(found)] = found
        value, start = np.full(index.shape, np.nan, np.float32), 0
        for acts, _ in _shares(held):
            here = (index >= start) & (index < start + len(acts))
            if here.any():
                value[here] = summed(acts, groups).numpy()[index[here] - start, here.nonzero()[0]]
            start += len(acts)
        return index, value, minimum


def _shares(held: Artifact) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Activations [n,D] shard by shard, and the same with rows of 2-norm 1."""
    import torch

    from .kernels.similarity import unit_rows

    for shard in held.shards("activations"):
        acts = torch.from_numpy(shard["activations"])
        yield acts, unit_rows(acts)


def summed(values: torch.Tensor, groups: Sequence[Sequence[int]]) -> torch.Tensor:
    """[n,D] of units -> [n,G] of groups: the sum over each group's units. A group of one is that unit, to the bit."""
    import torch

    if all(len(group) == 1 for group in groups):
        return values[:, [group[0] for group in groups]]
    owner = torch.tensor([g for g, group in enumerate(groups) for _ in group])
    units = torch.tensor([unit for group in groups for unit in group])
    return torch.zeros(len(values), len(groups), dtype=values.dtype).index_add_(1, owner, values[:, units])


def groups_of(high: Artifact) -> list[tuple[int, ...]] | None:
    """The units of each target, by the artifact that says its images; None where each target is a unit."""
    if "size" not in high.names:
        return None
    sizes, member = high.load("size").tolist(), high.load("member").tolist()
    out, start = [], 0
    for size in sizes:
        out.append(tuple(member[start : start + size]))
        start += size
    return out


def units_that_fire(
    found: FeatureGroups, inputs: Inputs, acts: np.ndarray, groups: Sequence[tuple[int, ...]]
) -> sparse.csr_matrix:
    """[n,G], True where an image with activations [n,D] belongs to a group, as `found` has decided for all images."""
    import torch

    from .kernels import groups as kernel
    from .kernels.similarity import unit_rows

    firings = kernel.Firings(inputs.artifact(found).facts["threshold"], found.among(acts.shape[1]))
    firings.update(unit_rows(torch.from_numpy(acts)).numpy())
    return kernel.members(firings.matrix(), groups, found.membership)
