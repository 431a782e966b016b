"""Percentile bootstrap."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clq.ops.kernels import bootstrap
from clq.ops.kernels.bootstrap import Bootstrap

VALUES = np.random.Generator(np.random.PCG64(1)).normal(3.0, 2.0, 400)


def test_the_interval_of_a_mean_is_that_of_the_normal_approximation() -> None:
    low, high = Bootstrap(resamples=4000).of_mean(VALUES)
    spread = 1.96 * VALUES.std() / math.sqrt(len(VALUES))
    assert (low, high) == pytest.approx((VALUES.mean() - spread, VALUES.mean() + spread), abs=0.02)


def test_an_interval_holds_the_truth_as_often_as_its_level_says() -> None:
    rng = np.random.Generator(np.random.PCG64(2))
    held = [low <= 0 <= high for low, high in (Bootstrap(0.8, 400, s).of_mean(rng.normal(size=60)) for s in range(400))]
    assert 0.74 <= np.mean(held) <= 0.85


def test_a_seed_gives_the_same_draws_and_another_seed_or_stream_others() -> None:
    def draws(seed: int, stream: int) -> list[list[int]]:
        return next(Bootstrap(resamples=4, seed=seed).weights(9, stream)).tolist()  # type: ignore[no-any-return]

    assert draws(0, 0) == draws(0, 0)
    assert len({str(draws(*which)) for which in ((0, 0), (1, 0), (0, 1), (1, 1))}) == 4


@settings(derandomize=True, max_examples=30, deadline=None)
@given(st.integers(1, 40), st.integers(1, 50), st.integers(1, 200))
def test_blocks_are_the_whole(count: int, resamples: int, block: int) -> None:
    boot = Bootstrap(resamples=resamples, seed=3)
    whole = np.concatenate(list(boot.weights(count)))
    assert whole.shape == (resamples, count) and (whole.sum(1) == count).all()
    before, bootstrap.BLOCK = bootstrap.BLOCK, block
    try:
        assert (np.concatenate(list(boot.weights(count))) == whole).all()
    finally:
        bootstrap.BLOCK = before


def test_what_says_nothing_about_its_spread_has_no_interval() -> None:
    assert all(map(math.isnan, Bootstrap().of_mean(np.array([1.0]))))
    assert all(map(math.isnan, Bootstrap().interval(np.full(5, np.nan))))
    assert Bootstrap().interval(np.array([1.0, np.nan, 1.0])) == (1.0, 1.0)
    assert Bootstrap().of_mean(np.ones(7)) == (1.0, 1.0)
