"""Streaming the top images gives what sorting everything gives, whatever the shards, their order and the ties."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from clq.ops.kernels.similarity import TopK, cosine, pool, top_images, unit_rows


@st.composite
def activations(draw: st.DrawFn) -> torch.Tensor:
    """Few distinct values, so that ties are the rule."""
    n, units = draw(st.integers(1, 30)), draw(st.integers(1, 4))
    values = st.sampled_from([-2.0, -0.0, 0.0, 0.5, 1.0, 3.0, float("inf")])
    return torch.tensor(draw(st.lists(values, min_size=n * units, max_size=n * units))).reshape(n, units)


def by_full_sort(x: torch.Tensor, k: int) -> list[list[int]]:
    return [sorted(range(len(x)), key=lambda i: (-float(x[i, u]), i))[:k] for u in range(x.shape[1])]


@settings(max_examples=60, deadline=None)
@given(activations(), st.integers(1, 12), st.data())
def test_streamed_equals_full_sort(x: torch.Tensor, k: int, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.sets(st.integers(0, len(x)), max_size=4)) | {0, len(x)})
    shards = data.draw(st.permutations([(a, x[a:b]) for a, b in pairwise(cuts)]))
    top = TopK(k)
    for offset, shard in shards:
        top.update(shard, offset)
    values, index = top.result()
    assert index.tolist() == by_full_sort(x, k)
    assert torch.equal(values, x.T.gather(1, index))
    assert top.constant.tolist() == [bool((x[:, u] == x[0, u]).all()) for u in range(x.shape[1])]
    assert top.count == len(x)


@settings(max_examples=30, deadline=None)
@given(activations(), st.integers(1, 6), st.data())
def test_merged_workers_equal_one(x: torch.Tensor, k: int, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(x)))
    first, second = TopK(k), TopK(k)
    first.update(x[:cut], 0)
    second.update(x[cut:], cut)
    second.merge(first)
    assert torch.equal(second.result()[1], top_images(x, k)[1])


@settings(max_examples=20, deadline=None)
@given(activations(), st.integers(1, 6))
def test_units_do_not_depend_on_each_other(x: torch.Tensor, k: int) -> None:
    _, index = top_images(x, k)
    for u in range(x.shape[1]):
        assert torch.equal(top_images(x[:, u : u + 1], k)[1][0], index[u])


def test_memory_is_of_the_size_of_the_answer() -> None:
    top = TopK(3)
    for offset in range(0, 1000, 50):
        top.update(torch.randn(50, 4), offset)
    values, index = top.result()
    assert values.shape == index.shape == (4, 3)
    assert sum(t.untyped_storage().nbytes() for t in (values, index)) <= 4 * 3 * 12


def test_nan_is_refused_with_its_place() -> None:
    x = torch.zeros(4, 3)
    x[2, 1] = float("nan")
    with pytest.raises(ValueError, match="unit 1 on image 12"):
        TopK(2).update(x, 10)


def test_programmer_mistakes_raise() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        TopK(0)
    with pytest.raises(ValueError, match="no activations"):
        TopK(1).result()
    with pytest.raises(ValueError, match="shape"):
        TopK(1).update(torch.zeros(3), 0)
    top = TopK(1)
    top.update(torch.zeros(1, 2), 0)
    with pytest.raises(ValueError, match="2 units, got 3"):
        top.update(torch.zeros(1, 3), 1)


@pytest.mark.parametrize("shape", [(2,), (2, 3, 4, 5, 6)])
def test_pooling_refuses_other_ranks_and_says_the_shape(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=str(len(shape) and shape[0])):
        pool(torch.zeros(shape))


def test_pooling_choices() -> None:
    tokens = torch.arange(24.0).reshape(2, 3, 4)
    assert torch.equal(pool(tokens), tokens[:, 0])
    assert torch.equal(pool(tokens, -1), tokens[:, 2])
    assert torch.equal(pool(tokens, "mean"), tokens.mean(1))
    assert torch.equal(pool(tokens, "max"), tokens.amax(1))
    assert pool(torch.ones(1, 2, 3, 3, dtype=torch.float16)).dtype == torch.float32
    for x, how in ((tokens, 3), (tokens[..., None], "cls"), (tokens[..., None], 0), (tokens, "avg")):
        with pytest.raises(ValueError, match=r"token|pooling"):
            pool(x, how)


def test_cosine_of_a_zero_vector_is_zero_and_nan_is_refused() -> None:
    p = cosine(torch.tensor([[0.0, 0.0], [3.0, 4.0]]), torch.tensor([[1.0, 0.0]]))
    assert p[:, 0].tolist() == pytest.approx([0.0, 0.6])
    with pytest.raises(ValueError, match="NaN"):
        unit_rows(torch.tensor([[float("nan")]]))
    with pytest.raises(ValueError, match="dimensions"):
        cosine(torch.ones(1, 2), torch.ones(1, 3))
