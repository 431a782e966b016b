"""The five similarities equal their formulas in numpy, however they are cut into blocks; what couples is stated as
tests."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))

import formulas

from clq.ops.kernels import native
from clq.ops.kernels.best import BestWords, Ranking
from clq.ops.kernels.columns import TIE, Stream, cosine_blocks, cubed_blocks
from clq.ops.kernels.cosines import Block, MatrixCosines, VectorCosines
from clq.ops.kernels.reorder import baseline, rank_reorder_blocks, sorted_images
from clq.ops.kernels.similarity import cosine, top_images
from clq.ops.kernels.wpmi import soft_wpmi_blocks, wpmi_blocks

BUDGETS = st.sampled_from([1, 10_000, 1 << 28])


def world(seed: int, n: int = 40, words: int = 30, units: int = 6, d: int = 8) -> tuple[torch.Tensor, ...]:
    """Image vectors, text vectors, activations that follow random directions."""
    g = torch.Generator().manual_seed(seed)
    images, texts, directions = (torch.randn(rows, d, generator=g, dtype=torch.float64) for rows in (n, words, units))
    return images, texts, images @ directions.T


def soft_wpmi(images: torch.Tensor, texts: torch.Tensor, acts: torch.Tensor, k: int = 10, n: int = 5) -> BestWords:
    return soft_wpmi_blocks(VectorCosines(images, texts), top_images(acts, k)[1], full=True, n=n)


def wpmi(images: torch.Tensor, texts: torch.Tensor, acts: torch.Tensor, k: int = 10, n: int = 5) -> BestWords:
    return wpmi_blocks(VectorCosines(images, texts), top_images(acts, k)[1], full=True, n=n)


def rank_reorder(images: torch.Tensor, texts: torch.Tensor, acts: torch.Tensor, k: int = 10, n: int = 5) -> BestWords:
    values, top = top_images(acts, k)
    return rank_reorder_blocks(VectorCosines(images, texts), values, top, full=True, n=n)


def streamed(images: torch.Tensor, texts: torch.Tensor, acts: torch.Tensor) -> Stream:
    return Stream(lambda size: ((acts[i : i + size], images[i : i + size]) for i in range(0, len(acts), size)), texts)


def cos_similarity(images: torch.Tensor, texts: torch.Tensor, acts: torch.Tensor, n: int = 5) -> BestWords:
    return over_all(cosine_blocks, images, texts, acts, n)


def cos_similarity_cubed(images: torch.Tensor, texts: torch.Tensor, acts: torch.Tensor, n: int = 5) -> BestWords:
    return over_all(cubed_blocks, images, texts, acts, n)


def over_all(
    blocks: Callable[..., object], images: torch.Tensor, texts: torch.Tensor, acts: torch.Tensor, n: int,
    budget: int = 1 << 28,
) -> BestWords:  # fmt: skip
    ranking = Ranking(VectorCosines(images, texts), top_images(acts, 5)[1], n, None, full=True, tie=TIE)
    for start, score in blocks(streamed(images, texts, acts), budget=budget):  # type: ignore[attr-defined]
        ranking.update(score, start)
    return ranking.result()


SIMILARITIES: dict[str, Callable[..., BestWords]] = {
    "soft_wpmi": soft_wpmi, "wpmi": wpmi, "rank_reorder": rank_reorder, "cos_similarity": cos_similarity,
    "cos_similarity_cubed": cos_similarity_cubed,
}  # fmt: skip


def matrix(found: BestWords) -> torch.Tensor:
    assert found.matrix is not None
    return found.matrix


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    k=st.integers(1, 60),
    words=st.integers(1, 80),
    a=st.sampled_from([0.0, 2.0, 10.0, 100.0, 1000.0]),
    lam=st.sampled_from([0.0, 0.6, 1.0]),
    p=st.sampled_from([(0.998, 0.97), (1.0, 0.0), (0.5, 0.9), None]),
    least=st.sampled_from([1e-7, 1e-30]),
    budget=BUDGETS,
)
def test_wpmi_in_blocks_is_its_formula(
    seed: int, k: int, words: int, a: float, lam: float, p: tuple[float, float] | None, least: float, budget: int
) -> None:
    """p None is WPMI, in which each image counts fully."""
    images, texts, activations = world(seed, words=words)
    cosines, top = VectorCosines(images.numpy(), texts), top_images(activations, k)[1]
    held = cosine(images, texts)
    if p is None:
        dense = formulas.wpmi(held.numpy(), activations.numpy(), k, a, lam, least)
        found = wpmi_blocks(cosines, top, a=a, lam=lam, min_prob=least, n=4, full=True, budget=budget)
    else:
        least = 1e-7  # a rest of 1 - p + 1e-30 is nothing at p = 1
        dense = formulas.soft_wpmi(held.numpy(), activations.numpy(), k, a, lam, least, *p)
        found = soft_wpmi_blocks(cosines, top, a=a, lam=lam, p_start=p[0], p_end=p[1], n=4, full=True, budget=budget)
    expected = torch.from_numpy(dense)
    assert torch.allclose(matrix(found), expected, rtol=1e-10, atol=1e-9 * max(1.0, a / 10))
    places = min(4, words)
    assert not torch.isnan(found.score[:, :places]).any()
    assert torch.allclose(found.score[:, :places], expected.sort(1, True).values[:, :places], rtol=0, atol=1e-6)
    assert (found.index[:, places:] == -1).all()
    means = held[top].mean(1)
    assert torch.allclose(found.mean_cosine[:, :places], means.gather(1, found.index[:, :places]), atol=1e-9)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    n=st.integers(4, 150),
    words=st.integers(1, 40),
    power=st.sampled_from([0.5, 1.0, 2.0, 3.0, 5.0, 2.5]),
    scale=st.sampled_from([0.0, 0.5, 1.0]),
    permutations=st.sampled_from([None, 1, 5]),
    budget=BUDGETS,
)
def test_rank_reorder_in_blocks_is_its_formula(
    seed: int, n: int, words: int, power: float, scale: float, permutations: int | None, budget: int
) -> None:
    images, texts, activations = world(seed, n=n, words=words)
    images[1], activations[1] = images[0], activations[0]  # an image that is there twice ties with itself
    held = cosine(images, texts).float()
    values, top = top_images(activations, n // 2)
    drawn = None  # permutations [units, permutations, n // 2]
    if permutations is not None:
        rng = np.random.default_rng(seed)
        drawn = np.array([[rng.permutation(n // 2) for _ in range(permutations)] for _ in values])
    found = rank_reorder_blocks(
        MatrixCosines(held), values, top, power=power, scale_power=scale, full=True, budget=budget,
        permutations=None if drawn is None else torch.from_numpy(drawn),
    )  # fmt: skip
    dense = formulas.rank_reorder(held.double().numpy(), activations.numpy(), (n // 2 + 0.1) / n, power, scale, drawn)
    assert np.array_equal(np.isnan(dense), np.isinf(matrix(found).numpy()))
    assert np.allclose(np.nan_to_num(dense), np.where(np.isnan(dense), 0, matrix(found)), rtol=1e-9, atol=1e-12)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    n=st.integers(1, 100),
    words=st.integers(1, 80),
    size=st.sampled_from([1e-12, 1.0, 1e9]),
    narrow=st.booleans(),
    budget=BUDGETS,
)
def test_columns_in_blocks_are_their_formulas(
    seed: int, n: int, words: int, size: float, narrow: bool, budget: int
) -> None:
    images, texts, activations = world(seed, n=n, words=words)
    images, texts = images.float(), texts.float()
    activations = (activations * size).float() if narrow else activations * size
    activations[:, 2] = 0.0
    activations[:, 4] = 2.5
    held = cosine(images.double(), texts.double()).numpy()
    near = 5e-6 if narrow else 1e-9
    for blocks, formula in (
        (cosine_blocks, formulas.cos_similarity), (cubed_blocks, formulas.cos_similarity_cubed),
    ):  # fmt: skip
        found = matrix(over_all(blocks, images, texts, activations, 3, budget))
        assert np.abs(found.numpy() - formula(held, activations.double().numpy())).max() <= near, formula.__name__


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6))
@pytest.mark.parametrize("name", SIMILARITIES)
def test_images_words_and_units_may_come_in_any_order(name: str, seed: int) -> None:
    similarity = SIMILARITIES[name]
    images, texts, activations = world(seed)
    whole = matrix(similarity(images, texts, activations))
    g = torch.Generator().manual_seed(seed)
    image, word, unit = (torch.randperm(len(x), generator=g) for x in (images, texts, activations.T))
    moved = matrix(similarity(images[image], texts[word], activations[image][:, unit]))
    assert torch.allclose(moved, whole[unit][:, word], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", ["cos_similarity", "cos_similarity_cubed", "rank_reorder"])
def test_of_these_units_and_words_are_independent(name: str) -> None:
    images, texts, activations = world(11)
    whole = matrix(SIMILARITIES[name](images, texts, activations))
    part = matrix(SIMILARITIES[name](images, texts[:9], activations[:, 2:5]))
    assert torch.allclose(part, whole[2:5, :9], atol=1e-12)


@pytest.mark.parametrize("name", SIMILARITIES)
def test_duplicate_words_score_the_same_and_the_lowest_comes_first(name: str) -> None:
    images, texts, activations = world(5, words=25)
    found = SIMILARITIES[name](images, texts.repeat(3, 1), activations, n=3)
    scores = matrix(found)
    assert torch.allclose(scores[:, :25], scores[:, 50:], atol=1e-10)
    best = found.index[:, 0]
    assert (best < 25).all()
    assert torch.equal(found.index, torch.stack([best, best + 25, best + 50], 1))


def test_a_matrix_and_the_vectors_behind_it_agree() -> None:
    images, texts, activations = world(3)
    _, top = top_images(activations, 10)
    one = soft_wpmi_blocks(VectorCosines(images, texts), top, full=True)
    two = soft_wpmi_blocks(MatrixCosines(cosine(images, texts).numpy()), top, full=True)
    assert one.matrix is not None and two.matrix is not None
    assert torch.allclose(one.matrix, two.matrix, atol=1e-10)
    assert torch.equal(one.index, two.index)


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
    for similarity in (soft_wpmi, wpmi):
        whole = matrix(similarity(images, texts, activations))
        assert (matrix(similarity(images, texts, activations[:, :3])) - whole[:3]).abs().max() > 1e-3
        assert (matrix(similarity(images, texts[:15], activations)) - whole[:, :15]).abs().max() > 1e-3
        assert (matrix(similarity(images[:20], texts, activations[:20])) - whole).abs().max() > 1e-3
        assert (matrix(similarity(images, texts, activations, k=5)) - whole).abs().max() > 1e-3


def test_with_lam_one_no_score_exceeds_ln_u_and_one_unit_scores_zero() -> None:
    images, texts, activations = world(13)
    assert float(matrix(soft_wpmi(images, texts, activations)).max()) <= math.log(6) + 1e-12
    assert (matrix(soft_wpmi(images, texts, activations[:, :1])) == 0).all()


def test_more_top_images_than_images_are_clamped() -> None:
    images, texts, activations = world(17, n=12)
    for similarity in (soft_wpmi, wpmi):
        many, all_ = (matrix(similarity(images, texts, activations, k=k)) for k in (100, 12))
        assert torch.equal(many, all_)


class Watched(VectorCosines):
    """Remembers the widths that were asked for."""

    def rows(self, images: torch.Tensor) -> Block:
        block = super().rows(images)
        self.widths: list[tuple[int, int]] = []

        def watched(start: int, stop: int) -> torch.Tensor:
            self.widths.append((start, stop))
            return block(start, stop)

        return watched


def test_blocks_fit_the_budget_and_words_are_read_again_where_they_are_not_kept() -> None:
    images, texts, activations = world(19, n=50, words=1000, units=20)
    cosines, budget = Watched(images, texts), 1 << 19
    soft_wpmi_blocks(cosines, top_images(activations, 10)[1], budget=budget)
    assert max(8 * 50 * (stop - start) for start, stop in cosines.widths) <= budget / 6
    seen = [word for start, stop in cosines.widths for word in range(start, stop)]
    once = [word for word in range(1000) if seen.count(word) == 1]
    assert set(seen) == set(range(1000)) and len(seen) == 2000 - len(once)
    assert 0 < 8 * 50 * len(once) <= budget / 2  # kept from the pass for the norm of the softmax


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
    values, top = top_images(activations, 10)
    found = rank_reorder_blocks(MatrixCosines(p), values, top, n=3, full=True)
    assert not torch.isnan(matrix(found)).any()
    assert found.index[0, 2] == -1 and set(found.index[0, :2].tolist()) == {0, 2}
    assert found.index[1].tolist() == [-1, -1, -1] and torch.isnan(found.score[1]).all()
    with pytest.raises(ValueError, match="one image has none"):
        rank_reorder_blocks(MatrixCosines(p), values[:, :1], top[:, :1])


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(
        st.lists(st.floats(-1, 1, width=32) | st.sampled_from([0.0, -0.0, 1e-45]), min_size=3, max_size=3),
        min_size=1, max_size=70,
    )
)  # fmt: skip
def test_images_are_sorted_by_their_cosines_and_equal_ones_by_number(rows: list[list[float]]) -> None:
    p = np.array(rows, np.float32)
    assert np.array_equal(sorted_images(torch.from_numpy(p)), np.argsort(p, axis=0, kind="stable").T)


@pytest.mark.parametrize("power", [1.0, 2.0, 3.0, 4.0, 8.0, 2.5])
@pytest.mark.parametrize("shape", ["uniform", "outlier", "shifted", "constant"])
def test_the_baseline_is_the_mean_over_all_pairs(power: float, shape: str) -> None:
    s = np.sort(np.random.default_rng(3).random((2, 300)))
    if shape == "outlier":
        s[:, -1] = 1e6
    if shape == "shifted":
        s += 1e4
    if shape == "constant":
        s[:] = 0.1
    expected = [(np.abs(row[:, None] - row[None, :]) ** power).mean() for row in s]
    assert np.allclose(baseline(torch.from_numpy(s), power), expected, rtol=1e-9, atol=0)


def test_any_number_of_threads_gives_the_same() -> None:
    images, texts, activations = world(23, words=300, units=40)
    threads = torch.get_num_threads()
    try:
        found = []
        for count in (1, 3):
            torch.set_num_threads(count)
            found.append([matrix(similarity(images, texts, activations)) for similarity in SIMILARITIES.values()])
    finally:
        torch.set_num_threads(threads)
    for one, three in zip(*found, strict=True):
        assert torch.allclose(one, three, rtol=1e-12, atol=1e-12)


def test_a_part_that_fails_in_a_thread_is_told() -> None:
    def work(start: int, stop: int) -> None:
        raise ValueError(f"{start} {stop}")

    with pytest.raises(ValueError, match="0 "):
        native.in_parts(5, work)
    seen: list[int] = []
    native.in_parts(5, lambda start, stop: seen.extend(range(start, stop)))
    assert sorted(seen) == [0, 1, 2, 3, 4]


def test_values_that_are_not_finite_are_refused() -> None:
    images, texts, activations = world(2)
    activations[3, 1] = math.nan
    for blocks in (cosine_blocks, cubed_blocks):
        with pytest.raises(ValueError, match="NaN or infinity"):
            list(blocks(streamed(images, texts, activations)))
        with pytest.raises(ValueError, match="no images"):
            list(blocks(streamed(images[:0], texts, activations[:0])))
