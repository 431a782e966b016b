"""Low images from blocks are those of the formulas that see everything at once, however the blocks are cut."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from clq.ops.kernels.falcon import low_published, nearest_silent, silent_images
from clq.ops.kernels.low import DrawnSilent, LookAlikes, NearestSilent, lots, silence
from clq.ops.kernels.similarity import unit_rows

SEEDS = st.integers(0, 10_000)
BLOCKS = st.integers(1, 40)


def layer(seed: int) -> tuple[torch.Generator, torch.Tensor, torch.Tensor]:
    """Activations [n,u], of which some repeat and some units are never positive, and judge vectors [n,d]."""
    g = torch.Generator().manual_seed(seed)
    n, u = 2 + seed % 31, 1 + seed % 5
    acts = torch.randn(n, u, generator=g).round(decimals=1)
    acts[:, 0] -= 4.0
    vectors = torch.randint(-2, 3, (n, 3), generator=g).float()
    return g, acts, vectors


def below_of(acts: torch.Tensor, ratio: float) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """The silence of each unit below its third highest image, and the images that the formula finds silent."""
    nth = acts.sort(dim=0, descending=True).values[min(2, len(acts) - 1)]
    found = [silent_images(acts[:, u], float(nth[u]), ratio=ratio) for u in range(acts.shape[1])]
    return silence(nth, acts.amin(0), ratio), found


@given(SEEDS, BLOCKS, st.sampled_from([0.1, 0.3, 0.9]))
def test_silence_is_that_of_the_formula(seed: int, block: int, ratio: float) -> None:
    _, acts, _ = layer(seed)
    below, found = below_of(acts, ratio)
    for u, silent in enumerate(found):
        assert (acts[:, u].double() < below[u]).nonzero()[:, 0].tolist() == silent.tolist()


@given(SEEDS, BLOCKS, st.integers(1, 6))
def test_the_nearest_silent_images_in_blocks(seed: int, block: int, n: int) -> None:
    g, acts, vectors = layer(seed)
    below, found = below_of(acts, 0.5)
    words = torch.randint(-2, 3, (4, 3), generator=g).float()
    unit = torch.randint(0, acts.shape[1], (4,), generator=g)
    streamed = NearestSilent(words, unit, below, n)
    for start in range(0, len(acts), block):
        streamed.update(vectors[start : start + block], acts[start : start + block])
    expected = [nearest_silent(words[w : w + 1], vectors, found[int(unit[w])], n=n)[0].tolist() for w in range(4)]
    assert streamed.best.result() == expected


@given(SEEDS, BLOCKS, st.integers(1, 6))
def test_without_units_all_images_count(seed: int, block: int, n: int) -> None:
    _, _, vectors = layer(seed)
    streamed = NearestSilent(vectors[:2], torch.zeros(2, dtype=torch.long), None, n)
    for start in range(0, len(vectors), block):
        streamed.update(vectors[start : start + block])
    assert streamed.best.result() == nearest_silent(vectors[:2], vectors, torch.arange(len(vectors)), n=n).tolist()


@given(SEEDS, BLOCKS, st.integers(1, 6), st.sampled_from([-1.0, 0.0, 0.3]))
def test_look_alikes_in_blocks(seed: int, block: int, most: int, least: float) -> None:
    _, acts, _ = layer(seed)
    z = unit_rows(acts)
    mean = float(z.double().mean())
    units = list(range(acts.shape[1]))
    high = [torch.argsort(z[:, u], descending=True)[:2] for u in units]
    streamed = LookAlikes(torch.stack([z[h].double().mean(0) for h in high]), [(u,) for u in units], mean, least, most)
    for start in range(0, len(z), block):
        streamed.update(z[start : start + block])
    for u in units:
        index, alike = low_published(z, high[u], torch.tensor([u]), mean, least=least, most=most)
        gaps = (alike[:-1] - alike[1:]).tolist()
        if all(g > 1e-12 for g in gaps):  # otherwise the order is that of rounding
            assert streamed.best.result()[u] == index.tolist()


@given(SEEDS, BLOCKS, st.integers(0, 2**31), st.integers(1, 6))
def test_lots_depend_on_seed_and_image_alone(seed: int, block: int, lot: int, n: int) -> None:
    _, acts, _ = layer(seed)
    below, found = below_of(acts, 0.5)
    whole, parts, more = (DrawnSilent(below, k, lot) for k in (n, n, n + 3))
    whole.update(acts)
    more.update(acts)
    for start in range(0, len(acts), block):
        parts.update(acts[start : start + block])
    drawn = whole.best.result()
    assert parts.best.result() == drawn
    for some, larger, silent in zip(drawn, more.best.result(), found, strict=True):
        assert some == larger[: len(some)]
        assert set(some) <= set(silent.tolist()) and len(some) == min(n, len(silent))


def test_lots_are_uniform_and_unlike_for_other_seeds() -> None:
    one, two = lots(0, 0, 50_000), lots(1, 0, 50_000)
    counts, _ = np.histogram(one, bins=50, range=(0, 1))
    assert abs(counts - 1000).max() < 5 * np.sqrt(1000)
    assert abs(np.corrcoef(one, two)[0, 1]) < 0.02
    assert abs(np.corrcoef(one[:-1], one[1:])[0, 1]) < 0.02
    assert lots(0, 1000, 5).tolist() == one[1000:1005].tolist()
