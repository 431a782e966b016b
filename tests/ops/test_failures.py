"""Failing slices: what groups add to the wrong class, words against right images, and how slices are written."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from clq.lang.slices import Cluster, Confusion, read_slice
from clq.ops.kernels.failures import Pushing, clusters, differences

SEEDS = st.integers(0, 10_000)


@settings(max_examples=60, deadline=None)
@given(SEEDS, st.integers(1, 30), st.integers(2, 5), st.integers(5, 60))
def test_what_groups_add_in_blocks_is_the_formula(seed: int, block: int, classes: int, images: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(images, 6)).astype(np.float32)
    weight = rng.normal(size=(classes, 6))
    true, predicted = rng.integers(0, classes, images), rng.integers(0, classes, images)
    groups = [(0,), (1, 4), (2, 3, 5)]
    fires = rng.random((images, 3)) < 0.5
    wrong = np.flatnonzero(true != predicted)
    slices = [wrong, wrong[predicted[wrong] == 0], wrong[true[wrong] == 1], wrong[:0]]
    inside = np.zeros((images, len(slices)), bool)
    for s, some in enumerate(slices):
        inside[some, s] = True
    pushing = Pushing(weight, groups, sparse.csr_matrix(inside), true, predicted)
    for start in range(0, images, block):
        part = slice(start, start + block)
        pushing.update(x[part], sparse.csr_matrix(fires[part]))
    found = pushing.result()

    def adds(i: int, t: int, p: int, g: int) -> float:
        units = list(groups[g])
        return float((weight[p, units] - weight[t, units]) @ x[i, units].astype(float)) if fires[i, g] else 0.0

    for s, some in enumerate(slices):
        for g in range(len(groups)):
            if not len(some):
                assert np.isnan(found.wrong[s, g])
                continue
            own = [adds(i, true[i], predicted[i], g) for i in some]
            assert found.wrong[s, g] == pytest.approx(np.mean(own), abs=1e-9)
            assert found.share[s, g] == pytest.approx(fires[some, g].mean())
            if len(some) > 1:
                assert found.deviation[s, g] == pytest.approx(np.std(own, ddof=1), abs=1e-6)
            right = []
            for i in some:
                same = np.flatnonzero((true == true[i]) & (predicted == true[i]))
                right.append(np.mean([adds(r, true[i], predicted[i], g) for r in same]) if len(same) else 0.0)
            assert found.right[s, g] == pytest.approx(np.mean(right), abs=1e-9)


@given(SEEDS, st.integers(2, 12), st.integers(2, 12))
def test_words_are_compared_with_right_images_of_the_same_classes(seed: int, first: int, second: int) -> None:
    rng = np.random.default_rng(seed)
    wrong, true = rng.random((first + second, 3)), np.array([7] * first + [8] * second)
    right = {7: rng.random((5, 3)), 8: rng.random((1, 3))}
    found = differences([wrong], [true], right)
    means = (first * right[7].mean(0) + second * right[8].mean(0)) / (first + second)
    assert found.score[0] == pytest.approx(wrong.mean(0) - means)
    assert np.isinf(found.high[0]).all(), "one right image says nothing of how much they vary"
    never = differences([wrong], [true], {7: right[7], 8: right[8][:0]})
    assert never.score[0] == pytest.approx(wrong[:first].mean(0) - right[7].mean(0)), "a class that is never right"
    error = wrong[:first].var(0, ddof=1) / first + right[7].var(0, ddof=1) / 5
    assert never.high[0] - never.score[0] == pytest.approx(1.96 * np.sqrt(error))
    assert never.low[0] + never.high[0] == pytest.approx(2 * never.score[0])
    assert np.isnan(differences([wrong], [true], {}).score).all()


def test_the_interval_holds_the_truth_nineteen_times_in_twenty() -> None:
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(400):
        wrong, right = rng.binomial(20, 0.3, (30, 1)) / 20, rng.binomial(20, 0.2, (40, 1)) / 20
        found = differences([wrong], [np.zeros(30, int)], {0: right})
        held += int(found.low[0, 0] <= 0.1 <= found.high[0, 0])
    assert 0.92 <= held / 400 <= 0.98


@given(SEEDS, st.integers(1, 6))
def test_clusters_are_numbered_by_size_and_every_image_has_one(seed: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    centres = np.eye(6)[rng.integers(0, 4, 40)] + rng.normal(0, 0.05, (40, 6))
    found = clusters(centres.astype(np.float32), k, seed)
    assert len(found) == 40 and found.max() < k
    sizes = np.bincount(found, minlength=k)
    assert (np.diff(sizes) <= 0).all()
    assert np.array_equal(found, clusters(centres.astype(np.float32), k, seed))
    assert clusters(np.zeros((0, 6), np.float32), 3, 0).shape == (0,)


NAMES = st.lists(st.sampled_from(["car", "boat", "as", "same as", "a as b", "b", "*"]), min_size=2, unique=True)


@given(NAMES, st.data())
def test_a_slice_means_what_it_was_written_for(classes: list[str], data: st.DataObject) -> None:
    numbers = [None, *(i for i, c in enumerate(classes) if c != "*")]
    true, predicted = data.draw(st.sampled_from(numbers)), data.draw(st.sampled_from(numbers))
    if true == predicted and true is not None:
        return
    text = Confusion(true, predicted).written(classes)
    ways = {
        (t, p) for t in numbers for p in numbers if Confusion(t, p).written(classes) == text and (t != p or t is None)
    }
    found = read_slice(text, classes)
    assert isinstance(found, Confusion) and (found.true, found.predicted) in ways


def test_clusters_and_what_is_no_slice() -> None:
    assert read_slice("cluster 2 of 8", ["car", "boat"]) == Cluster(1, 8)
    assert Cluster(1, 8).written([]) == "cluster 2 of 8"
    for text in ("cluster 9 of 8", "cluster 0 of 8", "car", "car as car", "car as ship", "", "as", "car  as boat"):
        assert read_slice(text, ["car", "boat"]) is None
    assert read_slice("* as *", ["car"]) == Confusion(None, None), "all wrong images"
