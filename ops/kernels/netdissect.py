"""Network Dissection: how well a unit's highest activations overlap the pixels of a concept.

Bau, Zhou, Khosla, Oliva and Torralba, Network Dissection: Quantifying Interpretability of Deep Visual Representations
(CVPR 2017), section 2.2. A unit is on at a pixel where its activation map, brought to the size of the masks, exceeds
T, the value that a share `quantile` of all its activations exceeds: those of all places of all images as the layer
gives them. IoU is the pixels where unit and concept are both over those where either is, summed over the data set;
an image counts for a concept only if it is annotated in the concept's category.

Both are exact. T is found by radix selection: three readings of the maps, in each a count for each unit and digit, so
memory depends neither on the images nor on their places. Counts are whole numbers: no order of images or blocks changes
a score.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from ..handles import Concept, Segments
from .boxes import Frame

DIGITS = ((21, 11), (10, 11), (0, 10))  # where each digit of a float32 begins, and its bits
SIGN = np.uint32(1 << 31)
ROUNDING = 1e-9  # of a share times a count: 0.005 * 32,000 is 160

Floats = NDArray[np.float32]
Counts = NDArray[np.int64]
Maps = Callable[[], Iterable[Floats]]  # read anew at each call: blocks [n, units, h, w]


def exceeding(quantile: float, places: int) -> int:
    """How many of a unit's activations exceed its threshold, if all differ."""
    return math.floor(quantile * places + ROUNDING)


def thresholds(maps: Maps, units: int, rank: int) -> Floats:
    """Of each unit [units] the activation that has `rank` others before it, from the highest. Exact.

    Raises ValueError if there are not so many.
    """
    prefix = np.zeros(units, np.uint32)
    left = np.full(units, rank, np.int64)
    for shift, bits in DIGITS:
        counts = np.zeros((units, 1 << bits), np.int64)
        above = shift + bits
        for block in maps():
            keys = _ordered(np.moveaxis(block, 1, 0).reshape(units, -1))
            digit = (keys >> np.uint32(shift)) & np.uint32((1 << bits) - 1)
            place = digit.astype(np.int64) + (np.arange(units) << bits)[:, None]
            if above < 32:
                place = place[keys >> np.uint32(above) == prefix[:, None]]
            counts += np.bincount(place.ravel(), minlength=units << bits).reshape(units, -1)
        if (counts.sum(1) <= left).any():
            raise ValueError(f"no unit has more than {rank} activations")
        from_above = counts[:, ::-1].cumsum(1)
        chosen = (from_above <= left[:, None]).sum(1)  # digits wholly before the one that is looked for
        left -= np.where(chosen > 0, from_above[np.arange(units), chosen - 1], 0)
        prefix = (prefix << np.uint32(bits)) | ((1 << bits) - 1 - chosen).astype(np.uint32)
    bits_of = np.where(prefix & SIGN, prefix ^ SIGN, ~prefix)
    return bits_of.astype(np.uint32).view(np.float32)


def _ordered(x: Floats) -> NDArray[np.uint32]:
    """Whole numbers that are in the order of float32 numbers."""
    raw = np.ascontiguousarray(x, np.float32).view(np.uint32)
    return np.where(raw & SIGN, ~raw, raw | SIGN)


@dataclass
class Overlaps:
    """In pixels: `both` [units, concepts], where unit and concept are; `on` [units, concepts], where the unit is on in
    images that are annotated in the concept's category; `area` [concepts]."""

    both: Counts
    on: Counts
    area: Counts

    @property
    def iou(self) -> NDArray[np.float64]:
        """[units, concepts]; 0 where neither unit nor concept is anywhere."""
        either = self.on + self.area - self.both
        return np.where(either > 0, self.both / np.maximum(either, 1), 0.0)


def overlaps(
    images: Iterable[tuple[Floats, Segments]], threshold: Floats, concepts: Mapping[Concept, int],
    frame: Callable[[int, int], Frame], *, finest: int | None, budget: int,
) -> Overlaps:  # fmt: skip
    """Pixels of units and concepts, summed over images: of each its maps [units, h, w] and what it shows where.

    `concepts` says which are counted and under which number; `frame(height, width)` which part of a mask the model saw.
    Masks whose shorter side is more than `finest` pixels are sampled to that. `budget`: bytes to hold at once.
    """
    units, count = len(threshold), len(concepts)
    both, area = np.zeros((units, count), np.int64), np.zeros(count, np.int64)
    categories = list(dict.fromkeys(category for _, category in concepts))
    on = np.zeros((units, len(categories)), np.int64)
    for maps, segments in images:
        annotated = np.array([category in segments.categories for category in categories], bool)
        if not annotated.any() or segments.masks is None:
            continue
        kept = [i for i, concept in enumerate(segments.concepts) if concept in concepts]
        number = np.array([concepts[segments.concepts[i]] for i in kept], np.int64)
        masks = sampled(segments.masks[kept], frame, finest)
        height, width = masks.shape[1:]
        flat = torch.from_numpy(masks.reshape(len(kept), height * width).astype(np.float32)).T
        area[number] += masks.sum((1, 2))
        # No place of an upsampled map is higher than the highest of the map: most units are off on most images.
        awake = np.flatnonzero(maps.max((1, 2)) > threshold)
        for part in _parts(awake, 8 * height * width, budget):
            lit = upsampled(maps[part], height, width) > torch.from_numpy(threshold[part])[:, None, None]
            lit_pixels = lit.reshape(len(part), -1)
            on[np.ix_(part, annotated)] += lit_pixels.sum(1).numpy()[:, None]
            both[np.ix_(part, number)] += (lit_pixels.float() @ flat).round().long().numpy()
    of = np.array([categories.index(category) for _, category in concepts], np.int64)
    return Overlaps(both, on[:, of], area)


def sampled(masks: NDArray[np.bool_], frame: Callable[[int, int], Frame], finest: int | None) -> NDArray[np.bool_]:
    """Masks [n, H, W] cut to what the model saw; if that is finer than `finest`, the pixels nearest to the centres of a
    coarser grid."""
    seen = frame(*masks.shape[1:])
    top, left = round(seen.top), round(seen.left)
    bottom, right = max(top + 1, round(seen.top + seen.height)), max(left + 1, round(seen.left + seen.width))
    masks = masks[:, top:bottom, left:right]
    side = min(masks.shape[1:])
    if finest is None or side <= finest:
        return masks
    rows, columns = (_centres(length, max(1, round(length * finest / side))) for length in masks.shape[1:])
    return masks[:, rows][:, :, columns]


def _centres(length: int, count: int) -> NDArray[np.int64]:
    return ((np.arange(count) + 0.5) * length / count).astype(np.int64)


def upsampled(maps: Floats, height: int, width: int) -> torch.Tensor:
    """Maps [units, h, w] at the size of masks: bilinear, the centre of a cell of the map at the centre of its patch."""
    big = functional.interpolate(
        torch.from_numpy(np.ascontiguousarray(maps))[None], size=(height, width), mode="bilinear", align_corners=False
    )
    return big[0]


def _parts(units: NDArray[np.int64], each: int, budget: int) -> Iterator[NDArray[np.int64]]:
    size = max(1, budget // max(each, 1))
    return (units[start : start + size] for start in range(0, len(units), size))
