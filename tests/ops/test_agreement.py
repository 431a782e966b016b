"""Scores of labels by the images: what must hold of them whatever the images are."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.stats import mannwhitneyu, pearsonr, spearmanr

from clq.ops.kernels import agreement
from clq.ops.kernels.agreement import Correlations, Curve, Overlap, fewer_labels, more_labels, most_active, once, ranks
from clq.ops.kernels.bootstrap import Bootstrap
from clq.ops.kernels.cosy import cosy

COUNT = 24
few = st.integers(0, 6).map(float)  # so that there are ties
scores = st.lists(few, min_size=COUNT, max_size=COUNT).map(np.array)
labels = st.lists(st.booleans(), min_size=COUNT, max_size=COUNT).map(np.array)
weights = st.lists(st.integers(0, 3), min_size=COUNT, max_size=COUNT).map(np.array).filter(lambda w: w.sum() > 1)
Every = dict[str, Callable[[Any, Any, Any], Any]]
EVERY: Every = {
    "average precision": lambda x, y, w: Curve(x, y).scores(w)[0],
    "auc": lambda x, y, w: Curve(x, y).scores(w)[1],
    "correlation": lambda x, y, w: agreement.correlation(x, y.astype(float), w),
    "cosine": lambda x, y, w: agreement.cosine(x, y.astype(float), w),
    "mean difference": agreement.mean_difference,
    "wpmi": lambda x, y, w: agreement.wpmi(y, (x + 1) / 8, w),
    "f1": lambda x, y, w: Overlap.of(x > 3, y, w).f1,
    "iou": lambda x, y, w: Overlap.of(x > 3, y, w).iou,
    "balanced accuracy": lambda x, y, w: Overlap.of(x > 3, y, w).balanced_accuracy,
}


@pytest.mark.parametrize("name", EVERY)
@given(x=scores, y=labels, w=weights)
@settings(derandomize=True, max_examples=60, deadline=None)
def test_a_weight_is_so_many_images(name: str, x: Any, y: Any, w: Any) -> None:
    repeated = np.repeat(np.arange(COUNT), w)
    weighed = EVERY[name](x, y, w[None].astype(float))
    alone = EVERY[name](x[repeated], y[repeated], once(len(repeated)))
    assert_allclose(weighed, alone, rtol=0, atol=1e-9)


@given(x=scores, y=labels)
@settings(derandomize=True, max_examples=60, deadline=None)
def test_areas_are_those_of_their_definitions(x: Any, y: Any) -> None:
    precision, area = (float(v[0]) for v in Curve(x, y).scores(once(COUNT)))
    cuts = sorted(set(x.tolist()), reverse=True)
    hits = [int((y & (x >= cut)).sum()) for cut in cuts]
    steps = zip(cuts, hits, [0, *hits], strict=False)
    expected = sum((now - before) / max(y.sum(), 1) * now / (x >= cut).sum() for cut, now, before in steps)
    assert math.isnan(precision) if not y.any() else precision == pytest.approx(expected)
    if y.any() and not y.all():
        statistic = mannwhitneyu(x[y], x[~y]).statistic
        assert area == pytest.approx(statistic / (y.sum() * (~y).sum()))
    else:
        assert math.isnan(area)


@given(x=scores, s=scores)
@settings(derandomize=True, max_examples=60, deadline=None)
def test_correlations_are_those_of_scipy(x: Any, s: Any) -> None:
    ones = once(COUNT)
    r, rank = agreement.correlation(x, s, ones)[0], agreement.correlation(ranks(x), ranks(s), ones)[0]
    sums = Correlations(x[:5, None], s[:5, None])
    for start in range(0, COUNT, 5):
        sums.update(x[start : start + 5, None], s[start : start + 5, None])
    together = sums.result()[0, 0]
    if np.ptp(x) == 0 or np.ptp(s) == 0:
        assert math.isnan(r) and math.isnan(rank) and math.isnan(together)
    else:
        assert (r, rank) == pytest.approx((pearsonr(x, s)[0], spearmanr(x, s)[0]), abs=1e-9)
        assert together == pytest.approx(r, abs=1e-9)


def test_correlation_does_not_see_scale_or_a_large_mean() -> None:
    rng = np.random.Generator(np.random.PCG64(0))
    x, s = rng.normal(size=200), rng.random(200)
    r = agreement.correlation(x, s, once(200))[0]
    assert agreement.correlation(1e-6 * x + 1e3, s, once(200))[0] == pytest.approx(r, abs=1e-6)
    assert math.isnan(agreement.correlation(np.full(200, 0.1), s, once(200))[0])


@pytest.mark.parametrize(
    ("share", "count", "expected"), [(0.1, 30, 3), (0.1, 31, 4), (0.07, 100, 7), (0.001, 30, 1), (1.0, 30, 29)]
)  # fmt: skip
def test_so_many_images_are_the_most_active(share: float, count: int, expected: int) -> None:
    x = np.random.Generator(np.random.PCG64(1)).permutation(count).astype(float)
    assert most_active(x, share).sum() == expected
    assert x[most_active(x, share)].min() == count - expected
    assert most_active(np.minimum(x, count - 2), share).sum() == max(expected, 2), "what equals the last of them is on"
    assert not most_active(np.zeros(count), share).any(), "a unit is not on where it is least active"
    assert most_active(np.eye(count)[0], 0.5).sum() == 1


def test_presence_is_one_half_where_the_cosine_is_the_opposite_of_the_offset() -> None:
    assert agreement.presence_of(np.array([0.25]), 58.0, -0.25)[0] == 0.5
    assert agreement.presence_of(np.array([0.30]), 58.0, -0.25)[0] == pytest.approx(1 / (1 + math.exp(-2.9)))


def test_chance_is_what_unrelated_labels_reach_on_average() -> None:
    rng = np.random.Generator(np.random.PCG64(3))
    active, present = np.arange(400) < 40, np.arange(400) < 100
    chance = Overlap.of(active, present, once(400)).by_chance()
    drawn = [Overlap.of(rng.permutation(active), present, once(400)) for _ in range(400)]
    for name in ("f1", "iou", "precision", "recall", "balanced_accuracy"):
        mean = np.mean([getattr(d, name)[0] for d in drawn])
        assert mean == pytest.approx(float(getattr(chance, name)[0]), abs=0.01)


@given(y=labels, share=st.floats(0.01, 1.0), seed=st.integers(0, 9))
@settings(derandomize=True, max_examples=60, deadline=None)
def test_worse_labels_are_so_many(y: Any, share: float, seed: int) -> None:
    there = int(y.sum())
    fewer = fewer_labels(y, share, np.random.Generator(np.random.PCG64(seed)))
    more = more_labels(y, share, np.random.Generator(np.random.PCG64(seed)))
    assert not (fewer & ~y).any() and there - fewer.sum() == math.ceil(share * there - 1e-9)
    assert not (y & ~more).any() and more.sum() - there == min(math.ceil(share * there - 1e-9), COUNT - there)


@given(x=scores, w=weights)
@settings(derandomize=True, max_examples=60, deadline=None)
def test_cosy_under_weights_is_that_of_repeated_images(x: Any, w: Any) -> None:
    control, concept = x[:16], x[16:]
    first, second = w[:16], w[16:]
    if first.sum() < 2 or second.sum() < 2:
        return
    one = cosy(control, concept, first[None].astype(float), second[None].astype(float))
    other = cosy(
        np.repeat(control, first), np.repeat(concept, second), once(int(first.sum())), once(int(second.sum()))
    )  # fmt: skip
    assert_allclose(one.auc, other.auc, atol=1e-9)
    assert_allclose(one.mad, other.mad, atol=1e-9)


def test_mad_is_undefined_where_controls_are_one_value() -> None:
    same, higher = np.full(30, np.float32(0.1), float), np.full(5, 3.0)
    found = cosy(same, higher, once(30), once(5))
    assert math.isnan(found.mad[0]) and found.auc[0] == 1.0
    once_more = np.append(same, 0.7)
    drawn = np.append(np.ones(30), 0.0)[None]  # a draw of the bootstrap without the only one that differs
    assert math.isnan(cosy(once_more, higher, drawn, once(5)).mad[0])
    nearly = same.copy()
    nearly[0] = float(np.nextafter(np.float32(0.1), np.float32(1)))
    assert cosy(nearly, higher, once(30), once(5)).mad[0] > 1e6


def test_draws_are_shared_and_those_of_one_score() -> None:
    rng = np.random.Generator(np.random.PCG64(4))
    x, y = rng.normal(size=50), rng.normal(size=50)
    boot = Bootstrap(resamples=300, seed=7)
    (one, other), (third,) = boot.of_each(
        [lambda w: np.stack([w @ x / 50, w @ y / 50], 1), lambda w: (w @ (x * y) / 50)[:, None]], 50
    )
    assert one == boot.of_mean(x) and other == boot.of_mean(y) and third == boot.of_mean(x * y)
    assert [len(i) for i in boot.of_each([lambda w: np.stack([w[:, 0], w[:, 0]], 1)], 1)] == [2]
