"""Maps, masks, boxes and their way back to the pixels of the original picture."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from clq.ops.kernels import boxes, gradcam
from clq.ops.kernels.boxes import Box


def test_a_flat_map_gives_an_empty_mask_and_the_whole_image() -> None:
    maps = gradcam.upsampled(gradcam.unit_cam(torch.ones(1, 3, 4, 4), torch.tensor([1])), 8, 10)
    assert not torch.isnan(maps).any()
    assert boxes.largest_box(gradcam.mask(maps)[0].numpy()) == Box(0, 0, 10, 8)


def test_an_images_map_depends_on_that_image_alone() -> None:
    x = torch.rand(4, 3, 5, 5, generator=torch.Generator().manual_seed(0))
    units = torch.tensor([0, 2])
    assert torch.equal(gradcam.unit_cam(x, units)[2:3], gradcam.unit_cam(x[2:3], units))


def test_maps_refuse_what_is_not_spatial() -> None:
    with pytest.raises(ValueError, match="not maps"):
        gradcam.grad_cam(torch.ones(2, 3), torch.ones(2, 3))
    with pytest.raises(ValueError, match="do not meet"):
        gradcam.linear_cam(torch.ones(1, 3, 2, 2), torch.ones(4))
    with pytest.raises(ValueError, match="shape"):
        gradcam.unit_cam(torch.ones(2, 3), torch.tensor([0]))


def test_islands_touch_by_sides_not_by_corners() -> None:
    mask = np.array([[1, 0, 0, 0], [0, 1, 1, 0], [0, 0, 0, 1]])
    assert boxes.largest_box(mask) == Box(1, 1, 3, 2)


def test_of_equal_boxes_the_one_that_ends_first_wins() -> None:
    mask = np.array([[0, 0, 1, 1], [1, 0, 0, 0], [1, 0, 0, 0]])
    assert boxes.largest_box(mask) == Box(2, 0, 4, 1)


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_an_enlarged_box_holds_the_box_inside_the_image(data: st.DataObject) -> None:
    width, height = data.draw(st.integers(1, 40)), data.draw(st.integers(1, 40))
    left, top = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    box = Box(left, top, data.draw(st.integers(left + 1, width)), data.draw(st.integers(top + 1, height)))
    least, square = data.draw(st.integers(1, 50)), data.draw(st.booleans())
    big = boxes.enlarged(box, height, width, least=least, square=square)
    assert 0 <= big.left <= box.left < box.right <= big.right <= width
    assert 0 <= big.top <= box.top < box.bottom <= big.bottom <= height
    assert big.right - big.left >= min(least, width)
    if square and max(big.right - big.left, big.bottom - big.top) <= min(width, height):
        assert big.right - big.left == big.bottom - big.top


def test_what_a_centre_crop_shows_maps_back_to_the_original() -> None:
    frame = boxes.frame_of(480, 640, resize=256, crop=224)
    assert frame == pytest.approx((110, 30, 420, 420))
    whole = boxes.to_original(Box(0, 0, 224, 224), 224, 224, frame, 480, 640)
    assert whole == Box(110, 30, 530, 450)
    assert boxes.to_original(Box(112, 112, 113, 113), 224, 224, frame, 480, 640) == Box(320, 240, 322, 242)
    with pytest.raises(ValueError, match="does not fit"):
        boxes.frame_of(10, 10, resize=8, crop=9)


def test_a_box_outside_the_picture_still_holds_a_pixel() -> None:
    frame = boxes.Frame(0, 0, 10, 10)
    assert boxes.to_original(Box(0, 0, 1, 1), 100, 100, frame, 10, 10) == Box(0, 0, 1, 1)


def test_a_crop_of_the_whole_image_at_its_size_is_the_image() -> None:
    image = torch.rand(3, 8, 8, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(boxes.crop(image, Box(0, 0, 8, 8), 8), image)
    with pytest.raises(ValueError, match="no pixel"):
        boxes.crop(image, Box(3, 3, 3, 5))
