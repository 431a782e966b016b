"""Groups of units: both groupings against a few naive lines, membership, and what chance must not make."""

from __future__ import annotations

import math
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from clq.engine.operator import Source
from clq.engine.store import Store
from clq.lang.diagnostic import Diagnostic
from clq.ops.activations import PooledActivations
from clq.ops.answers import Units
from clq.ops.groups import FeatureGroups, groups_of, summed
from clq.ops.kernels import falcon
from clq.ops.kernels import groups as kernel
from clq.ops.kernels.similarity import unit_rows

SEEDS = st.integers(0, 10_000)
LEAST = 3


def firings(seed: int, images: int = 40, units: int = 6) -> np.ndarray:
    """bool [images, units]: noise, two units that are one, and one that fires only with another."""
    rng = np.random.default_rng(seed)
    fires = rng.random((images, units)) < rng.uniform(0.05, 0.5, units)
    fires[:, 1] = fires[:, 0]
    fires[:, 2] &= fires[:, 3]
    return fires


def information(x: np.ndarray, y: np.ndarray) -> float:
    """N I(x;y) in nats by its definition, 0 where x and y avoid each other."""
    if (x & y).mean() <= x.mean() * y.mean():
        return 0.0
    cells = [((x == a) & (y == b)).mean() * math.log(((x == a) & (y == b)).mean() / ((x == a).mean() * (y == b).mean()))
             for a in (0, 1) for b in (0, 1) if ((x == a) & (y == b)).any()]  # fmt: skip
    return len(x) * sum(cells)


def merged_naively(fires: np.ndarray, least: int) -> list[tuple[int, ...]]:
    """Every pair is counted anew at every step."""
    groups, explains = [(u,) for u in range(fires.shape[1])], [fires[:, u].copy() for u in range(fires.shape[1])]
    while True:
        k = len(groups)
        cost = math.log(k * (k - 1) / 2) + math.log(len(fires)) / 2
        pairs = [
            (-information(explains[x], explains[y]), x, y)
            for x, y in combinations(range(k), 2)
            if (explains[x] & explains[y]).sum() >= max(least, 2)
        ]
        best = min(pairs, default=(0.0, 0, 0))
        if -best[0] <= cost:
            break
        both = explains[best[1]] & explains[best[2]]
        groups.append(tuple(sorted(groups[best[1]] + groups[best[2]])))
        explains += [both]
        for x in best[1:]:
            explains[x] = explains[x] & ~both
    left: dict[tuple[int, ...], int] = {}
    for group, images in zip(groups, explains, strict=True):
        left[group] = left.get(group, 0) + int(images.sum())
    return sorted(group for group, images in left.items() if images >= least)


@settings(max_examples=60, deadline=None)
@given(SEEDS, st.integers(20, 120), st.integers(4, 8), st.integers(1, 6))
def test_merging_is_the_greedy_of_its_definition(seed: int, images: int, units: int, least: int) -> None:
    fires = firings(seed, images, units)
    found = kernel.merged(sparse.csr_matrix(fires), least)
    assert found == merged_naively(fires, least)
    assert any(set(group) >= {0, 1} for group in found) or fires[:, 0].sum() < 12, "units that are one are one group"


@settings(max_examples=40, deadline=None)
@given(SEEDS, st.integers(300, 600), st.integers(5, 30))
def test_chance_makes_no_group(seed: int, images: int, units: int) -> None:
    """Independent units, each with a rate of its own, whatever that is."""
    rng = np.random.default_rng(seed)
    fires = rng.random((images, units)) < rng.uniform(0.02, 0.6, units)
    found = kernel.merged(sparse.csr_matrix(fires), 5)
    assert sum(len(group) > 1 for group in found) <= 1, "of a pair the information passes its cost once in hundreds"


def test_planted_groups_are_found_and_nothing_else() -> None:
    rng = np.random.default_rng(0)
    planted = [tuple(sorted(rng.choice(60, size, replace=False).tolist())) for size in (2, 3, 4, 5)]
    fires = rng.random((3000, 60)) < 0.02
    for group in planted:
        fires[np.ix_(rng.choice(3000, 150, replace=False), group)] = True
    found = kernel.merged(sparse.csr_matrix(fires), 11)
    assert [group for group in found if len(group) > 1] == sorted(planted)
    shattered = kernel.published(sparse.csr_matrix(fires), 100)
    assert not set(planted) & set(shattered), "a stray firing takes an image out of its published group"


@given(SEEDS, st.integers(1, 17), st.floats(0.2, 1.5))
def test_published_groups_in_blocks_are_those_of_the_formula(seed: int, block: int, threshold: float) -> None:
    z = unit_rows(torch.randn(40, 5, generator=torch.Generator().manual_seed(seed)).relu())
    read = kernel.Firings(threshold)
    for part in z.split(block):
        read.update(part.numpy())
    fires = read.matrix()
    expected = falcon.groups(z, threshold, least=LEAST)
    assert kernel.published(fires, LEAST) == [g.features for g in expected]
    for membership in ("exact", "superset"):
        inside = kernel.members(fires, [g.features for g in expected], membership)  # type: ignore[arg-type]
        wanted = falcon.groups(z, threshold, least=LEAST, superset=membership == "superset")
        by_set = {g.features: g.images for g in wanted}
        for column, group in enumerate(expected):
            assert tuple(inside[:, column].nonzero()[0]) == by_set[group.features]


@given(SEEDS)
def test_sums_of_single_units_are_the_units_to_the_bit(seed: int) -> None:
    x = torch.randn(7, 5, generator=torch.Generator().manual_seed(seed))
    assert torch.equal(summed(x, [(3,), (0,)]), x[:, [3, 0]])
    assert torch.allclose(summed(x, [(3, 1), (0,)]), torch.stack([x[:, 3] + x[:, 1], x[:, 0]], 1))
    assert torch.equal(summed(x, [(3, 1), (0,)])[:, 1], x[:, 0])


class Read:
    """Inputs of an operator: artifacts of a store."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def artifact(self, operator: Any) -> Any:
        return self.store.find(operator)

    def opened(self, source: Source) -> Any:
        raise AssertionError("nothing is opened")


def held(folder: Path, acts: np.ndarray, shard: int) -> tuple[Read, PooledActivations]:
    """Activations in a store, cut into shards."""
    store = Store(folder)
    scan = PooledActivations(Source("model", "m", "net"), Source("dataset", "d", "photos"), "layer")
    paths = [store.put_shard(scan, range(i, min(i + shard, len(acts))), {"activations": acts[i : i + shard]})
             for i in range(0, len(acts), shard)]  # fmt: skip
    store.finish(scan, paths, len(acts), 0.0, {})
    return Read(store), scan


def grouped(scan: PooledActivations, **changed: Any) -> FeatureGroups:
    fields: dict[str, Any] = {
        "grouping": "merged", "given": (), "units": None, "multiple": 1.0, "membership": "superset", "least": LEAST,
        "most": 4, "most_groups": None,
    }  # fmt: skip
    return FeatureGroups(scan, **{**fields, **changed})


@settings(max_examples=30, deadline=None)
@given(
    seed=SEEDS, shard=st.integers(3, 40), grouping=st.sampled_from(["merged", "published"]),
    multiple=st.sampled_from([0.5, 1.0]),
)  # fmt: skip
def test_the_operator_in_shards_is_the_formula(
    seed: int, shard: int, grouping: str, multiple: float, tmp_path_factory: pytest.TempPathFactory
) -> None:
    acts = np.random.default_rng(seed).random((40, 5), np.float32)
    read, scan = held(tmp_path_factory.mktemp("store"), acts, shard)
    membership = "exact" if grouping == "published" else "superset"
    result = grouped(scan, grouping=grouping, multiple=multiple, membership=membership).compute(read, None)  # type: ignore[arg-type]
    z = unit_rows(torch.from_numpy(acts))
    threshold = float(z.mean() + multiple * z.std())
    assert result.facts["threshold"] == pytest.approx(threshold, abs=1e-6)
    fires = (z >= result.facts["threshold"]).numpy()
    make = kernel.published if grouping == "published" else kernel.merged
    sets = make(sparse.csr_matrix(fires), LEAST)
    inside = {s: np.flatnonzero(fires[:, s].all(1) & (grouping != "published" or fires.sum(1) == len(s))) for s in sets}
    order = sorted(sets, key=lambda s: (-len(inside[s]), s))
    arrays = result.arrays or {}
    assert arrays["size"].tolist() == [len(s) for s in order]
    assert arrays["member"].tolist() == [unit for s in order for unit in s]
    assert arrays["count"].tolist() == [len(inside[s]) for s in order]
    for row, group in enumerate(order):
        share = z[:, list(group)].sum(1).numpy()
        best = sorted(inside[group].tolist(), key=lambda i: (-share[i], i))[:4]
        assert arrays["index"][row].tolist() == [*best, *[-1] * (4 - len(best))]
        sums = acts[:, list(group)].sum(1)
        assert arrays["value"][row][: len(best)] == pytest.approx(sums[best], rel=1e-5)
        assert np.isnan(arrays["value"][row][len(best) :]).all()
        assert arrays["minimum"][row] == pytest.approx(sums.min(), rel=1e-5)


def test_some_units_alone_groups_that_are_given_and_none_at_all(tmp_path: Path) -> None:
    acts = np.random.default_rng(1).random((60, 6), np.float32)
    read, scan = held(tmp_path, acts, 25)
    store = read.store

    def of(operator: FeatureGroups) -> tuple[list[tuple[int, ...]] | None, Any]:
        found = store.put(operator, operator.compute(read, None), 0.0)  # type: ignore[arg-type]
        return groups_of(found), found

    some: Units = (slice(0, 3), -1)
    groups, _ = of(grouped(scan, units=some, multiple=0.5))
    assert groups and {unit for group in groups for unit in group} <= {0, 1, 2, 5}
    groups, found = of(grouped(scan, grouping="given", given=((4, 1), (2,)), multiple=0.0, least=60))
    assert groups == [(1, 4), (2,)], "in the order that they are given in"
    assert found.load("constant").all(), "too few images are told, not left out"
    assert found.load("index").min() >= 0
    groups, found = of(grouped(scan, multiple=30.0))
    assert groups == [] and found.load("index").shape == (0, 4)
    groups, _ = of(grouped(scan, multiple=0.0, most_groups=2))
    assert groups is not None and len(groups) == 2
    with pytest.raises(Diagnostic, match="layer of net has 6 units"):
        of(grouped(scan, grouping="given", given=((9,),)))
