"""Images to tensors, as torchvision's and open_clip's PIL transforms do it (resizing is Pillow's, with
antialiasing)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image

if TYPE_CHECKING:
    from ..preprocess import Preprocess

FILTERS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}


def fit(image: np.ndarray, how: Preprocess) -> np.ndarray:
    """One uint8 image [H, W, 3] resized and cropped to [size, size, 3]."""
    size = how.size
    height, width = image.shape[:2]
    if size is None or ((height, width) == (size, size) and how.resize in {None, size}):
        return image
    picture = Image.fromarray(image)
    filter_ = FILTERS[how.interpolation]
    if how.mode == "squash":
        return np.asarray(picture.resize((size, size), filter_))
    if how.mode == "longest":
        scale = size / max(width, height)
        picture = picture.resize((max(1, round(width * scale)), max(1, round(height * scale))), filter_)
        canvas = Image.new("RGB", (size, size), (how.fill,) * 3)
        canvas.paste(picture, ((size - picture.width) // 2, (size - picture.height) // 2))
        return np.asarray(canvas)
    short = how.resize or size
    # The longer side is cut, not rounded: as torchvision's Resize.
    if width <= height:
        picture = picture.resize((short, int(short * height / width)), filter_)
    else:
        picture = picture.resize((int(short * width / height), short), filter_)
    left, top = round((picture.width - size) / 2), round((picture.height - size) / 2)
    return np.asarray(picture.crop((left, top, left + size, top + size)))


def prepare(images: Sequence[np.ndarray], how: Preprocess) -> torch.Tensor:
    """uint8 images n x [H, W, 3] -> float32 [n, 3, H, W], normalised.

    Raises ValueError if `how.size` is None and the images differ in size.
    """
    fitted = [fit(image, how) for image in images]
    if len({f.shape for f in fitted}) > 1:
        raise ValueError("images of different sizes need a preprocessing with a size")
    x = torch.from_numpy(np.stack(fitted)).permute(0, 3, 1, 2).float().div_(255)
    mean, std = torch.tensor(how.mean), torch.tensor(how.std)
    return x.sub_(mean[:, None, None]).div_(std[:, None, None]).contiguous()
