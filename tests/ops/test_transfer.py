"""Maps between spaces: planted maps are found, blocks give what all images give, fits are those of held-out images."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.metrics import r2_score
from sklearn.preprocessing import StandardScaler

from clq.ops.kernels.transfer import (
    STRENGTHS,
    Carried,
    Carrying,
    Cross,
    Gram,
    Kind,
    Maps,
    Spectrum,
    correlations,
    fitted,
    folds_of,
    moments_of,
)

SEEDS = st.integers(0, 10_000)
Array = np.ndarray[Any, Any]


def gathered(y: Array, x: Array, fold: Array, block: int) -> tuple[Gram, Cross]:
    folds = int(fold.max()) + 1
    gram, cross = Gram.start(y[:block], folds), Cross.start(x[:block], y.shape[1], folds)
    for start in range(0, len(y), block):
        part = slice(start, start + block)
        gram.update(y[part], fold[part])
        cross.update(y[part], x[part], fold[part], gram.centre)
    return gram, cross


def carried(
    maps: Maps, cross: Cross, y: Array, x: Array, fold: Array, block: int, direction: Array | None = None,
    label: Array | None = None, k: int = 5,
) -> Carried:  # fmt: skip
    direction = np.eye(x.shape[1]) if direction is None else direction
    label = np.full(len(y), -1) if label is None else label
    carrying = Carrying(maps, direction, cross.centre + cross.total.sum(0) / len(y), k)
    for start in range(0, len(y), block):
        part = slice(start, start + block)
        carrying.update(y[part], x[part], fold[part], label[part])
    return carrying.result()


def spaces(seed: int, images: int, features: int, goals: int, noise: float) -> tuple[Array, Array, Array, Array]:
    """y, x = y W^T + b + noise, the folds, W. Features differ in scale and lie far from zero."""
    rng = np.random.default_rng(seed)
    y = (rng.normal(size=(images, features)) * rng.uniform(0.2, 3, features) + rng.normal(0, 20, features)).astype("f4")
    w = rng.normal(size=(goals, features))
    x = (y @ w.T + rng.normal(size=goals) + noise * rng.normal(size=(images, goals))).astype(np.float32)
    return y, x, folds_of(rng.random(images), 4), w


@settings(max_examples=30, deadline=None)
@given(SEEDS, st.integers(1, 6), st.integers(1, 6))
def test_a_planted_linear_map_is_found(seed: int, features: int, goals: int) -> None:
    y, x, fold, w = spaces(seed, 90, features, goals, 0.0)
    gram, cross = gathered(y, x, fold, 32)
    for kind, strength in (("linear", None), ("ridge", 1e-9), ("ridge", None)):
        maps = fitted(gram, cross, kind, strength)
        assert np.allclose(maps.weight, w, atol=2e-4 if strength is None and kind == "ridge" else 1e-5)
        assert (carried(maps, cross, y, x, fold, 32).fit > 0.9999).all()


@settings(max_examples=30, deadline=None)
@given(SEEDS, st.integers(2, 6), st.integers(-2, 2), st.floats(0.1, 10))
def test_a_planted_turn_is_found_whatever_the_widths(seed: int, width: int, more: int, scale: float) -> None:
    """Goals of fewer dimensions than the features: those that the turn leaves out hold nothing. And the other way."""
    rng = np.random.default_rng(seed)
    goals = max(1, width + more)
    turn = np.linalg.qr(rng.normal(size=(max(width, goals), max(width, goals))))[0][:width, :goals]
    latent = rng.normal(size=(200, min(width, goals)))
    y = latent if width <= goals else latent @ turn.T
    x = scale * (y @ turn) + 3.0
    y, x, fold = (y - 5).astype(np.float32), x.astype(np.float32), folds_of(rng.random(200), 4)
    gram, cross = gathered(y, x, fold, 64)
    maps = fitted(gram, cross, "procrustes", None)
    assert np.allclose(maps.weight, scale * turn.T, atol=1e-4 * scale)
    assert (carried(maps, cross, y, x, fold, 64).fit > 0.9999).all()


@settings(max_examples=30, deadline=None)
@given(SEEDS, st.sampled_from(["linear", "ridge", "procrustes"]))
def test_a_turn_keeps_lengths_and_nothing_else_is_a_turn(seed: int, kind: Kind) -> None:
    y, x, fold, _ = spaces(seed, 60, 4, 4, 1.0)
    weight = fitted(*gathered(y, x, fold, 60), kind, None).weight
    product = weight @ weight.transpose(0, 2, 1)
    scale = np.trace(product, axis1=1, axis2=2)[:, None, None] / 4
    assert np.allclose(product / scale, np.eye(4), atol=1e-9) == (kind == "procrustes")


@settings(max_examples=30, deadline=None)
@given(SEEDS, st.integers(1, 80), st.sampled_from(["linear", "ridge", "procrustes"]))
def test_blocks_of_any_size_give_what_all_images_at_once_give(seed: int, block: int, kind: Kind) -> None:
    y, x, fold, _ = spaces(seed, 70, 3, 4, 2.0)
    label = np.random.default_rng(seed).integers(-1, 4, 70)
    found = []
    for size in (block, 70):
        gram, cross = gathered(y, x, fold, size)
        found.append(carried(fitted(gram, cross, kind, None), cross, y, x, fold, size, label=label))
    for name in ("fit", "low", "high", "correlation", "overlap", "told", "images"):
        assert np.allclose(getattr(found[0], name), getattr(found[1], name), atol=1e-6), name


@settings(max_examples=20, deadline=None)
@given(SEEDS, st.sampled_from([None, 0.03, 1.0]))
def test_what_is_said_of_an_image_comes_from_a_map_fitted_without_it(seed: int, strength: float | None) -> None:
    """As scikit-learn's regressions, fitted fold by fold, and the numbers as numpy has them."""
    y, x, fold, _ = spaces(seed, 80, 3, 3, 3.0)
    gram, cross = gathered(y, x, fold, 32)
    direction, label = np.array([[1.0, 0, 0], [0, 1, 1], [0.3, -1, 2]]), np.arange(80) % 4 - 1
    given_ = fitted(gram, cross, "linear" if strength is None else "ridge", strength)
    told = np.empty_like(x, np.float64)
    for f in range(4):
        out = fold == f
        scaler = StandardScaler().fit(y[~out].astype(float))
        scaled = scaler.transform(y.astype(float))
        # Ridge there weighs the sum of squares, here its mean
        model = LinearRegression() if strength is None else Ridge(alpha=strength * (~out).sum())
        told[out] = model.fit(scaled[~out], x[~out].astype(float)).predict(scaled[out])
    true, told = x @ direction.T.astype(np.float32), told @ direction.T
    found = carried(given_, cross, y, x, fold, 32, direction, label)
    assert np.allclose(found.fit, r2_score(true, told, multioutput="raw_values"), atol=1e-5)
    for k in range(3):
        assert found.correlation[k] == pytest.approx(np.corrcoef(true[:, k], told[:, k])[0, 1], abs=1e-5)
        best = [set(np.argsort(-v[:, k], kind="stable")[:5].tolist()) for v in (true, told)]
        assert found.overlap[k] == pytest.approx(len(best[0] & best[1]) / len(best[0] | best[1]))
    assert found.images.tolist() == np.bincount(label[label >= 0], minlength=3).tolist()
    right = (told.argmax(1) == label) & (label >= 0)
    assert found.told.tolist() == np.bincount(label[right], minlength=3).tolist()
    assert np.allclose(found.deviation, true.std(0), rtol=1e-4)
    beside = correlations(gram, cross, direction, found.deviation)
    assert np.allclose(beside, np.corrcoef(true.T, y.T)[:3, 3:], atol=1e-5)


@settings(max_examples=15, deadline=None)
@given(SEEDS)
def test_the_strength_of_a_fold_is_that_of_the_least_error_on_the_others(seed: int) -> None:
    y, x, fold, _ = spaces(seed, 40, 8, 2, 30.0)
    gram, cross = gathered(y, x, fold, 40)
    maps = fitted(gram, cross, "ridge", None)
    for without, used in enumerate([[1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2], [0, 1, 2, 3]]):
        variance = x[np.isin(fold, used)].astype(float).var(0)
        errors = []
        for strength in STRENGTHS:
            error = np.zeros(2)
            for f in used:
                train, held = np.isin(fold, [u for u in used if u != f]), fold == f
                scaler = StandardScaler().fit(y[train].astype(float))
                model = Ridge(alpha=strength * train.sum()).fit(scaler.transform(y[train].astype(float)), x[train])
                error += ((model.predict(scaler.transform(y[held].astype(float))) - x[held]) ** 2).sum(0)
            errors.append((error / variance).sum())
        assert maps.strength[without] == STRENGTHS[int(np.argmin(errors))]


@given(SEEDS)
@settings(max_examples=20, deadline=None)
def test_errors_on_images_left_out_need_only_their_sums(seed: int) -> None:
    y, x, fold, _ = spaces(seed, 50, 3, 2, 2.0)
    gram, cross = gathered(y, x, fold, 50)
    spectrum = Spectrum(moments_of(gram, cross, [0, 1, 2]))
    each = [spectrum.errors(moments_of(gram, cross, [3]), [0.5], share)[0] for share in np.eye(2)]
    out, weight = fold == 3, spectrum.weight(0.5)
    off = (y[out] - y[~out].mean(0, dtype=float)) @ weight.T - (x[out] - x[~out].mean(0, dtype=float))
    assert np.allclose(each, (off**2).sum(0), rtol=1e-4)
    both = spectrum.errors(moments_of(gram, cross, [3]), [7.0, 0.5], np.array([2.0, 3.0]))
    assert both[1] == pytest.approx(2 * each[0] + 3 * each[1])


def test_images_that_have_nothing_to_do_with_each_other_fit_no_better_than_the_mean() -> None:
    y, x, fold, _ = spaces(0, 400, 6, 5, 0.1)
    x = np.random.default_rng(1).permutation(x)
    label = np.random.default_rng(2).integers(0, 5, 400)
    for kind in ("linear", "ridge", "procrustes"):
        gram, cross = gathered(y, x, fold, 128)
        found = carried(fitted(gram, cross, kind, None), cross, y, x, fold, 128, label=label)
        assert (found.fit < 0.02).all() and (found.low < 0).all() and (np.abs(found.correlation) < 0.2).all()
        assert found.told.sum() / 400 == pytest.approx(0.2, abs=0.06)


def test_the_interval_holds_the_truth_nineteen_times_in_twenty() -> None:
    """A map that is known, on images drawn anew: R2 is 1 - 1/5 in all of them."""
    held = 0
    for seed in range(300):
        rng = np.random.default_rng(seed)
        y = rng.normal(size=(300, 1)).astype(np.float32)
        x = (2 * y + rng.normal(size=(300, 1))).astype(np.float32)
        fold = np.zeros(300, np.int64)
        maps = Maps(np.full((2, 1, 1), 2.0), np.zeros((2, 1)), np.full(2, np.nan))
        _, cross = gathered(y, x, fold, 300)
        found = carried(maps, cross, y, x, fold, 300)
        held += int(found.low[0] <= 0.8 <= found.high[0])
    assert 0.92 <= held / 300 <= 0.98


def test_what_never_changes_is_carried_nowhere_and_carries_nothing() -> None:
    y, x, fold, _ = spaces(3, 60, 3, 2, 0.5)
    y[:, 1], x[:, 1] = 0.1, 1e4 / 3
    gram, cross = gathered(y, x, fold, 16)
    for kind in ("linear", "ridge"):
        maps = fitted(gram, cross, kind, None)
        assert np.abs(maps.weight[:, :, 1]).max() < 1e-6
        found = carried(maps, cross, y, x, fold, 16)
        assert found.fit[0] > 0.2 and np.isnan([found.fit[1], found.correlation[1], found.overlap[1]]).all()
        beside = correlations(gram, cross, np.eye(2), found.deviation)
        assert np.isneginf(beside[:, 1]).all() and np.isneginf(beside[1]).all() and np.isfinite(beside[0, [0, 2]]).all()


@given(SEEDS, st.integers(1, 50), st.integers(3, 7))
def test_folds_are_of_one_size_and_follow_the_lot(seed: int, images: int, folds: int) -> None:
    lots = np.random.default_rng(seed).random(images)
    found = folds_of(lots, folds)
    assert np.ptp(np.bincount(found, minlength=folds)) <= 1
    assert found[np.argsort(lots)].tolist() == [i % folds for i in range(images)]
