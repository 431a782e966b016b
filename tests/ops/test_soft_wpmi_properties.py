"""Blocked soft WPMI equals the written-out formula; what couples its scores is stated as tests."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from clq.ops.kernels.dissect import best_words, rank_reorder
from clq.ops.kernels.similarity import cosine, top_images
from clq.ops.kernels.wpmi import Block, MatrixCosines, VectorCosines, soft_wpmi, soft_wpmi_blocks, wpmi


def world(seed: int, n: int = 40, words: int = 30, units: int = 6, d: int = 8) -> tuple[torch.Tensor, ...]:
    """Image vectors, text vectors, activations that follow random directions."""
    g = torch.Generator().manual_seed(seed)
    images, texts, directions = (torch.randn(rows, d, generator=g, dtype=torch.float64) for rows in (n, words, units))
    return images, texts, images @ directions.T


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    k=st.integers(1, 60),
    words=st.integers(1, 80),
    a=st.sampled_from([0.0, 2.0, 10.0, 100.0, 1000.0]),
    lam=st.sampled_from([0.0, 0.6, 1.0]),
    p=st.sampled_from([(0.998, 0.97), (1.0, 0.0), (0.5, 0.9)]),
    budget=st.sampled_from([1, 10_000, 1 << 28]),
)
def test_blocked_equals_dense(
    seed: int, k: int, words: int, a: float, lam: float, p: tuple[float, float], budget: int
) -> None:
    images, texts, activations = world(seed, words=words)
    start, end = p
    dense = soft_wpmi(
        cosine(images, texts), activations, top_k=k, a=a, lam=lam, p_start=start, p_end=end, min_prob=1e-7
    )
    _, top = top_images(activations, k)
    cosines = VectorCosines(images.numpy(), texts)
    found = soft_wpmi_blocks(cosines, top, a=a, lam=lam, p_start=start, p_end=end, n=4, full=True, budget=budget)
    assert found.matrix is not None
    assert torch.allclose(found.matrix, dense, rtol=0, atol=1e-9 * max(1.0, a / 10))
    places = min(4, words)
    assert not torch.isnan(found.score[:, :places]).any()
    assert torch.allclose(found.score[:, :places], dense.sort(1, True).values[:, :places], rtol=0, atol=1e-6)
    assert (found.index[:, places:] == -1).all()
    means = cosine(images, texts)[top].mean(1)
    assert torch.allclose(found.mean_cosine[:, :places], means.gather(1, found.index[:, :places]), atol=1e-9)


def test_a_matrix_and_the_vectors_behind_it_agree() -> None:
    images, texts, activations = world(3)
    _, top = top_images(activations, 10)
    one = soft_wpmi_blocks(VectorCosines(images, texts), top, full=True)
    two = soft_wpmi_blocks(MatrixCosines(cosine(images, texts).numpy()), top, full=True)
    assert one.matrix is not None and two.matrix is not None
    assert torch.allclose(one.matrix, two.matrix, atol=1e-10)
    assert torch.equal(one.index, two.index)


def test_duplicate_words_score_the_same_and_the_lowest_wins_across_blocks() -> None:
    images, texts, activations = world(5, words=25)
    _, top = top_images(activations, 10)
    found = soft_wpmi_blocks(VectorCosines(images, texts.repeat(3, 1)), top, n=3, full=True, budget=1)
    assert found.matrix is not None
    assert torch.allclose(found.matrix[:, :25], found.matrix[:, 50:], atol=1e-10)
    best = found.index[:, 0]
    assert (best < 25).all()
    assert torch.equal(found.index, torch.stack([best, best + 25, best + 50], 1))


def test_words_under_the_floor_get_no_place() -> None:
    images, texts, activations = world(7)
    _, top = top_images(activations, 10)
    means = cosine(images, texts)[top].mean(1)
    floor = float(means.max(1).values.min()) + 1e-6  # at least one unit has no word left
    found = soft_wpmi_blocks(VectorCosines(images, texts), top, floor=floor)
    filled = found.index >= 0
    assert (found.mean_cosine[filled] >= floor).all()
    assert not filled[means.max(1).values.argmin()].any()
    assert torch.isnan(found.score[~filled]).all()


def test_scores_couple_units_words_images_and_k() -> None:
    images, texts, activations = world(11)
    p = cosine(images, texts)
    whole = soft_wpmi(p, activations, top_k=10)
    assert (soft_wpmi(p, activations[:, :3], top_k=10) - whole[:3]).abs().max() > 1e-3
    assert (soft_wpmi(p[:, :15], activations, top_k=10) - whole[:, :15]).abs().max() > 1e-3
    assert (soft_wpmi(p[:20], activations[:20], top_k=10) - whole).abs().max() > 1e-3
    assert (soft_wpmi(p, activations, top_k=5) - whole).abs().max() > 1e-3


def test_with_lam_one_no_score_exceeds_ln_u_and_one_unit_scores_zero() -> None:
    images, texts, activations = world(13)
    p = cosine(images, texts)
    assert float(soft_wpmi(p, activations, top_k=10).max()) <= math.log(6) + 1e-12
    assert (soft_wpmi(p, activations[:, :1], top_k=10) == 0).all()


def test_more_top_images_than_images_are_clamped() -> None:
    images, texts, activations = world(17, n=12)
    p = cosine(images, texts)
    assert torch.equal(soft_wpmi(p, activations, top_k=100), soft_wpmi(p, activations, top_k=12))
    assert torch.equal(wpmi(p, activations, top_k=100), wpmi(p, activations, top_k=12))


class Watched(VectorCosines):
    """Remembers the widths that were asked for."""

    def rows(self, images: torch.Tensor) -> Block:
        block = super().rows(images)
        self.widths: list[tuple[int, int]] = []

        def watched(start: int, stop: int) -> torch.Tensor:
            self.widths.append((start, stop))
            return block(start, stop)

        return watched


def test_blocks_fit_the_budget_and_every_word_is_read_twice() -> None:
    images, texts, activations = world(19, n=50, words=1000, units=20)
    cosines, budget = Watched(images, texts), 1 << 19
    soft_wpmi_blocks(cosines, top_images(activations, 10)[1], budget=budget)
    assert max(8 * 50 * (stop - start) for start, stop in cosines.widths) <= budget / 3
    seen = [word for start, stop in cosines.widths for word in range(start, stop)]
    assert sorted(seen) == sorted([*range(1000), *range(1000)])  # once for the normaliser, once for the scores


def test_nothing_to_score_is_refused() -> None:
    with pytest.raises(ValueError, match="nothing to score"):
        soft_wpmi_blocks(MatrixCosines(np.zeros((3, 0))), torch.zeros(1, 1, dtype=torch.int64))
    with pytest.raises(ValueError, match="p in"):
        soft_wpmi_blocks(MatrixCosines(np.zeros((3, 2))), torch.zeros(1, 1, dtype=torch.int64), p_start=1.5)
    with pytest.raises(ValueError, match="do not meet"):
        VectorCosines(torch.zeros(2, 3), torch.zeros(2, 4))
    with pytest.raises(ValueError, match="NaN"):
        soft_wpmi_blocks(
            VectorCosines(torch.full((3, 2), math.nan), torch.ones(2, 2)), torch.zeros(1, 1, dtype=torch.int64)
        )


def test_rank_reorder_has_no_value_where_the_reference_has_nan() -> None:
    p = torch.rand(40, 3, generator=torch.Generator().manual_seed(0))
    p[:, 1] = -0.2
    activations = torch.rand(40, 2, generator=torch.Generator().manual_seed(1))
    activations[:, 1] = 2.5
    score = rank_reorder(p, activations)
    assert not torch.isnan(score).any()
    index, value = best_words(score, 3)
    assert index[0, 2] == -1 and set(index[0, :2].tolist()) == {0, 2}
    assert index[1].tolist() == [-1, -1, -1] and torch.isnan(value[1]).all()
    with pytest.raises(ValueError, match="give 40 or more"):
        rank_reorder(p[:39], activations[:39])
