"""From a mask to a crop of the original picture: the largest island's box, its shape, its place in original pixels.

Boxes are (left, top, right, bottom), right and bottom exclusive. FALCON, section 3.2, with its script's defects mended:
islands are 4-connected components (the script's sweep is not), an empty mask means the whole image (it crashed), a
box can be squared so that objects keep their proportions, and it can be given a least side.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor
from torch.nn import functional


class Box(NamedTuple):
    """Pixels left <= x < right, top <= y < bottom."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def area(self) -> int:
        return (self.right - self.left) * (self.bottom - self.top)


class Frame(NamedTuple):
    """The part of the original picture that a model's input shows, in original pixels (fractions allowed)."""

    left: float
    top: float
    width: float
    height: float


def largest_box(mask: NDArray[Any]) -> Box:
    """Bounding box of largest area among the 4-connected islands of a mask [H,W]; the whole image if it is empty.

    Of equal areas the one whose bottom-right corner comes first in row-major order. Raises ValueError unless 2-D.
    """
    if mask.ndim != 2:
        raise ValueError(f"expected a mask [height, width], got shape {mask.shape}")
    labels, _ = ndimage.label(mask)
    boxes = [Box(x.start, y.start, x.stop, y.stop) for y, x in ndimage.find_objects(labels)]
    if not boxes:
        return Box(0, 0, mask.shape[1], mask.shape[0])
    return min(boxes, key=lambda box: (-box.area, box.bottom, box.right))


def enlarged(box: Box, height: int, width: int, *, least: int = 1, square: bool = False) -> Box:
    """The box grown about its centre to a least side, and to a square, moved into an image of height x width.

    A side never exceeds the image's, so where the image itself is too small the result is not square.
    """
    w, h = max(box.right - box.left, least), max(box.bottom - box.top, least)
    if square:
        w = h = max(w, h)
    left, right = _grown(box.left, box.right, w, width)
    top, bottom = _grown(box.top, box.bottom, h, height)
    return Box(left, top, right, bottom)


def frame_of(height: int, width: int, resize: int, crop: int) -> Frame:
    """What a model sees of an original of height x width: shorter side to `resize`, then a central square `crop`.

    Raises ValueError when the crop is larger than the resized picture.
    """
    if crop > resize:
        raise ValueError(f"a crop of {crop} does not fit a picture resized to {resize}")
    scale = min(height, width) / resize
    side = crop * scale
    return Frame((width - side) / 2, (height - side) / 2, side, side)


def to_original(box: Box, input_height: int, input_width: int, frame: Frame, height: int, width: int) -> Box:
    """A box on the model's input, as a box on the original picture of height x width (rounded outwards, clipped)."""
    fx, fy = frame.width / input_width, frame.height / input_height
    left, top = math.floor(frame.left + box.left * fx + 1e-6), math.floor(frame.top + box.top * fy + 1e-6)
    right, bottom = math.ceil(frame.left + box.right * fx - 1e-6), math.ceil(frame.top + box.bottom * fy - 1e-6)
    left, top = min(max(left, 0), width - 1), min(max(top, 0), height - 1)
    return Box(left, top, min(max(right, left + 1), width), min(max(bottom, top + 1), height))


def crop(image: Tensor, box: Box, size: int = 224) -> Tensor:
    """Image [C,H,W] cut to the box and resized to [C,size,size]: bilinear, half-pixel centres, no antialiasing.

    Proportions are those of the box: square it first to keep the object's. Golden vector: falcon_crop.
    """
    part = image[None, :, box.top : box.bottom, box.left : box.right]
    if not part.numel():
        raise ValueError(f"box {tuple(box)} holds no pixel of an image of shape {tuple(image.shape)}")
    return functional.interpolate(part, size=(size, size), mode="bilinear", align_corners=False)[0]


def _grown(start: int, stop: int, side: int, limit: int) -> tuple[int, int]:
    side = min(side, limit)
    begin = start - (side - (stop - start)) // 2
    begin = min(max(begin, 0), limit - side)
    return begin, begin + side
