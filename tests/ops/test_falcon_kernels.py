"""FALCON's selections and retrieval: sharding never matters, ties are settled, small and odd inputs have answers."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from clq.ops.kernels import falcon
from clq.ops.kernels.similarity import unit_rows


def vectors(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 40), st.integers(1, 8), st.data())
def test_retrieval_does_not_depend_on_sharding(seed: int, pool: int, k: int, data: st.DataObject) -> None:
    images, captions = vectors(seed, 3, 6), vectors(seed + 1, pool, 6)
    captions = captions[
        torch.randint(pool, (pool,), generator=torch.Generator().manual_seed(seed))
    ]  # repeated captions
    cuts = sorted(data.draw(st.sets(st.integers(0, pool), max_size=5)) | {0, pool})
    whole = falcon.retrieve(images, captions, k=k)
    parts = falcon.retrieve(images, (captions[a:b] for a, b in pairwise(cuts)), k=k)
    assert torch.allclose(whole.score, parts.score, rtol=1e-9)
    assert torch.allclose(whole.cosine, parts.cosine, rtol=1e-12)
    dense = torch.softmax(100 * unit_rows(images.double()) @ unit_rows(captions.double()).T, 1)
    assert torch.allclose(whole.score, dense.sort(dim=1, descending=True).values[:, :k], rtol=1e-9)
    assert whole.index.shape == (3, min(k, pool))


def test_equal_captions_go_to_the_first() -> None:
    caption = torch.tensor([[1.0, 0.0]])
    found = falcon.retrieve(caption, [caption, caption, caption], k=2)
    assert found.index.tolist() == [[0, 1]]
    assert found.score.tolist()[0] == pytest.approx([1 / 3, 1 / 3])


def test_retrieval_refuses_an_empty_or_foreign_pool() -> None:
    with pytest.raises(ValueError, match="empty"):
        falcon.retrieve(torch.ones(1, 2), [])
    with pytest.raises(ValueError, match="do not meet"):
        falcon.retrieve(torch.ones(1, 2), torch.ones(1, 3))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.lists(st.integers(0, 5), min_size=1, max_size=5))
def test_moments_in_shards_equal_moments_of_all(seed: int, sizes: list[int]) -> None:
    z = 100 + vectors(seed, sum(sizes) + 1, 4).double()
    moments = falcon.Moments()
    for shard in z.split([*sizes, 1]):
        moments.update(shard)
    assert moments.mean == pytest.approx(float(z.mean()), rel=1e-12)
    assert moments.std == pytest.approx(float(z.std()), rel=1e-9)


def test_moments_refuse_nan_and_too_few() -> None:
    with pytest.raises(ValueError, match="two entries"):
        _ = falcon.Moments().std
    with pytest.raises(ValueError, match="NaN"):
        falcon.Moments().update(torch.tensor([math.nan]))


def test_superset_membership_lets_an_image_join_smaller_groups() -> None:
    z = torch.tensor([[1, 0, 0], [1, 0, 0], [1, 1, 0], [0, 0, 0], [0, 0, 1]])
    assert falcon.groups(z, 1, least=2) == [falcon.Group((0,), (0, 1))]
    assert falcon.groups(z, 1, least=2, superset=True) == [falcon.Group((0,), (0, 1, 2))]
    assert [g.features for g in falcon.groups(z, 1, least=1)] == [(0,), (0, 1), (2,)]


def test_a_single_image_has_no_pair() -> None:
    alike = falcon.coherence(vectors(0, 1, 4))
    assert alike.with_diagonal == pytest.approx(1)
    assert math.isnan(alike.off_diagonal)


def test_silent_is_relative_to_the_firing_images() -> None:
    activation = torch.tensor([10.0, 8.0, 2.5, 2.0, -1.0])
    assert falcon.silent_images(activation, 8.0).tolist() == [3, 4]
    negative = torch.tensor([-1.0, -2.0, -9.0, -10.0])  # all outputs below zero: no image of the top is silent
    assert falcon.silent_images(negative, -2.0).tolist() == [2, 3]


def test_nearest_silent_images_of_each_word() -> None:
    images = torch.tensor([[1.0, 0.0], [0.9, 0.1], [0.0, 1.0], [1.0, 0.0], [0.0, 1.0]])
    words = torch.eye(2)
    found = falcon.nearest_silent(words, images, torch.tensor([4, 3, 2, 1]), n=2)
    assert found.tolist() == [[3, 1], [2, 4]]
    assert falcon.nearest_silent(words, images, torch.tensor([2]), n=20).shape == (2, 1)


def test_low_images_exclude_whatever_the_group_fires_on() -> None:
    z = unit_rows(vectors(1, 50, 8).abs())
    z[:5, 0] = 5.0
    index, alike = falcon.low_published(z, torch.arange(5), torch.tensor([0]), 0.2, least=0.1, most=7)
    assert len(index) == 7
    assert (z[index, 0] < 0.2).all()
    assert (alike.diff() <= 0).all() and (alike >= 0.1).all()


@given(st.integers(1, 6), st.integers(1, 30), st.integers(1, 12), st.integers(0, 2**31))
def test_first_best_is_a_stable_sort(rows: int, columns: int, k: int, seed: int) -> None:
    x = torch.randint(0, 4, (rows, columns), generator=torch.Generator().manual_seed(seed)).double()
    expected = x.sort(dim=1, descending=True, stable=True).indices[:, :k]
    assert torch.equal(falcon.first_best(x, k), expected)
