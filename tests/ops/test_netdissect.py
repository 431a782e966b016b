"""Network Dissection: exact thresholds from a stream, and overlaps that are what all arrays at once give.

There is no published vector of it; `expected` is the paper's section 2.2 in plain numpy, with loops and without blocks.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from clq.ops.handles import Concept, Segments
from clq.ops.kernels.boxes import Frame
from clq.ops.kernels.netdissect import Overlaps, exceeding, overlaps, sampled, thresholds, upsampled

DOG, CAT, SKY = ("dog", "object"), ("cat", "object"), ("sky", "scene")
NUMBERS: dict[Concept, int] = {DOG: 0, CAT: 1, SKY: 2}
Floats = NDArray[np.float32]


def whole(height: int, width: int) -> Frame:
    return Frame(0.0, 0.0, float(width), float(height))


def cut(maps: Floats, sizes: list[int]) -> Iterator[Floats]:
    start = 0
    for size in [*sizes, len(maps)]:
        if start < len(maps):
            yield maps[start : start + size]
        start += size


def bilinear(a: Floats, height: int, width: int) -> NDArray[np.float64]:
    """A map [h, w] read at the centres of height × width pixels."""
    out = np.zeros((height, width))
    for y in range(height):
        for x in range(width):
            v = min(max((y + 0.5) * a.shape[0] / height - 0.5, 0), a.shape[0] - 1)
            u = min(max((x + 0.5) * a.shape[1] / width - 0.5, 0), a.shape[1] - 1)
            t, s = int(v), int(u)
            below, right = min(t + 1, a.shape[0] - 1), min(s + 1, a.shape[1] - 1)
            top = a[t, s] * (1 - (u - s)) + a[t, right] * (u - s)
            out[y, x] = top * (1 - (v - t)) + (a[below, s] * (1 - (u - s)) + a[below, right] * (u - s)) * (v - t)
    return out


def expected(maps: Floats, segments: list[Segments], threshold: Floats) -> NDArray[np.float64]:
    """IoU [units, concepts], one pixel after another."""
    found = np.zeros((maps.shape[1], len(NUMBERS)))
    for unit in range(maps.shape[1]):
        for (concept, category), number in NUMBERS.items():
            both = either = 0
            for image, shown in enumerate(segments):
                if category not in shown.categories or shown.masks is None:
                    continue
                on = bilinear(maps[image, unit], *shown.masks.shape[1:]) > threshold[unit]
                there = np.zeros_like(on)
                for name, mask in zip(shown.concepts, shown.masks, strict=True):
                    there |= mask if name == (concept, category) else False
                both, either = both + int((on & there).sum()), either + int((on | there).sum())
            found[unit, number] = both / either if either else 0.0
    return found


values = st.one_of(
    st.integers(-3, 3).map(float),  # many alike
    st.floats(-(2.0**100), 2.0**100, width=32),
    st.sampled_from([0.0, -0.0, 1e-45, -1e-45]),
)


@settings(max_examples=80, deadline=None)
@given(
    data=st.lists(values, min_size=24, max_size=24), sizes=st.lists(st.integers(1, 3), max_size=4),
    rank=st.integers(0, 11),
)  # fmt: skip
def test_a_threshold_is_that_of_all_activations_sorted(data: list[float], sizes: list[int], rank: int) -> None:
    maps = np.array(data, np.float32).reshape(6, 2, 2, 1)
    found = thresholds(lambda: cut(maps, sizes), 2, rank)
    for unit in range(2):
        assert found[unit] == np.sort(maps[:, unit].ravel())[::-1][rank]
        assert (maps[:, unit] > found[unit]).sum() <= rank


def test_more_than_there_are_has_no_threshold() -> None:
    maps = np.zeros((2, 1, 2, 2), np.float32)
    assert thresholds(lambda: [maps], 1, 7) == [0]
    with pytest.raises(ValueError, match="more than 8"):
        thresholds(lambda: [maps], 1, 8)


@pytest.mark.parametrize(("quantile", "places", "count"), [(0.005, 32_000, 160), (0.005, 399, 1), (0.005, 199, 0),
                                                          (0.1, 30, 3), (0.29, 100, 29)])  # fmt: skip
def test_a_share_is_not_off_by_one_for_its_rounding(quantile: float, places: int, count: int) -> None:
    assert exceeding(quantile, places) == count


@st.composite
def annotated(draw: st.DrawFn) -> Segments:
    height, width = draw(st.sampled_from([(4, 4), (5, 7), (2, 3)]))
    concepts = tuple(draw(st.permutations(list(NUMBERS)))[: draw(st.integers(0, 3))])
    pixels = len(concepts) * height * width
    bits = draw(st.lists(st.booleans(), min_size=pixels, max_size=pixels))
    categories = frozenset(draw(st.sets(st.sampled_from(["object", "scene"]), max_size=2)))
    kept = tuple(c for c in concepts if c[1] in categories)
    masks = np.array(bits, bool).reshape(-1, height, width)[: len(kept)]
    return Segments(kept, masks if len(kept) else np.zeros((0, height, width), bool), categories)


@settings(max_examples=60, deadline=None)
@given(
    shown=st.lists(annotated(), min_size=4, max_size=4), seed=st.integers(0, 99), rank=st.integers(0, 9),
    budget=st.sampled_from([1, 300, 1 << 30]),
)  # fmt: skip
def test_streamed_overlaps_are_those_of_loops_over_pixels(
    shown: list[Segments], seed: int, rank: int, budget: int
) -> None:
    # Quarters, so that bilinear weights of these sizes leave no doubt of what is above a threshold.
    maps = np.random.default_rng(seed).integers(-8, 8, (4, 3, 2, 2)).astype(np.float32) / 4 + np.float32(1 / 64)
    threshold = thresholds(lambda: [maps], 3, rank) + np.float32(1 / 1024)
    found = overlaps(zip(maps, shown, strict=True), threshold, NUMBERS, whole, finest=None, budget=budget)
    assert found.iou == pytest.approx(expected(maps, shown, threshold), abs=1e-12)


def test_by_hand() -> None:
    """Two images of 2 × 2 pixels and a map as fine: unit 0 is on at dogs, unit 1 at one pixel of no concept."""
    maps = np.array([[[[9, 8], [0, 0]], [[0, 0], [0, 7]]], [[[1, 0], [0, 0]], [[0, 0], [0, 0]]]], np.float32)
    dog = np.array([[[1, 1], [0, 0]]], bool)
    first = Segments((DOG,), dog, frozenset({"object", "scene"}))
    second = Segments((DOG, CAT), np.concatenate([dog, ~dog]), frozenset({"object"}))
    threshold = thresholds(lambda: [maps], 2, exceeding(0.25, 8))
    assert threshold.tolist() == [1, 0]  # two of eight exceed it; of unit 1 one does, all others are alike
    found = overlaps(zip(maps, [first, second], strict=True), threshold, NUMBERS, whole, finest=None, budget=1 << 20)
    assert found.both.tolist() == [[2, 0, 0], [0, 0, 0]]
    assert found.on.tolist() == [[2, 2, 2], [1, 1, 1]]
    assert found.area.tolist() == [4, 2, 0]
    assert found.iou.tolist() == [[0.5, 0, 0], [0, 0, 0]]
    # Without the first image's annotation of objects, what the unit does there counts neither for nor against.
    first = Segments((), np.zeros((0, 2, 2), bool), frozenset({"scene"}))
    found = overlaps(zip(maps, [first, second], strict=True), threshold, NUMBERS, whole, finest=None, budget=1 << 20)
    assert found.on.tolist() == [[0, 0, 2], [0, 0, 1]] and found.area.tolist() == [2, 2, 0]
    # Of some concepts alone, masks of others are left out.
    found = overlaps([(maps[0], second)], threshold, {CAT: 0}, whole, finest=None, budget=1 << 20)
    assert found.area.tolist() == [2] and found.both.tolist() == [[0], [1]] and found.on.tolist() == [[2], [1]]


def test_neither_anywhere_is_no_overlap() -> None:
    none = np.zeros((1, 1), np.int64)
    assert Overlaps(none, none, none[0]).iou.tolist() == [[0.0]]


def test_masks_are_cut_to_what_the_model_sees_and_then_sampled() -> None:
    masks = np.zeros((1, 6, 10), bool)
    masks[0, :, 2:8] = True
    centre = Frame(2.0, 0.0, 6.0, 6.0)
    assert sampled(masks, lambda h, w: centre, None).shape == (1, 6, 6)
    assert sampled(masks, lambda h, w: centre, None).all() and not sampled(masks, whole, None).all()
    found = sampled(masks, whole, 3)
    assert found.shape == (1, 3, 5) and found[0, 0].tolist() == [False, True, True, True, False]
    odd = np.arange(10)[None, None, :].repeat(6, 1) % 2 == 1
    assert sampled(odd, whole, 3).all()  # the centre of two pixels is in the second
    assert sampled(masks, whole, 6) is not None and sampled(masks, whole, 6).shape == masks.shape


def test_a_map_of_one_row_and_one_as_fine_as_the_mask() -> None:
    maps = np.arange(6, dtype=np.float32).reshape(1, 2, 3)
    assert (upsampled(maps, 2, 3).numpy() == maps).all()
    assert upsampled(maps, 4, 9).numpy()[0] == pytest.approx(bilinear(maps[0], 4, 9), abs=1e-6)
    assert math.isclose(float(upsampled(maps[:, :1], 5, 3)[0, 4, 2]), 2.0)
