"""Preprocessing as data: what a model wants done to an image. Part of every key, done once for models that agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import numpy as np
    import torch


@dataclass(frozen=True)
class Preprocess:
    """Resize, crop, scale to [0, 1], subtract `mean` and divide by `std` (RGB order).

    `size` is the side of the square that the model takes; None: images as they are (they must agree in size).
    `mode`: 'squash' resizes both sides to `size`; 'shortest' resizes the shorter side to `resize` (default: `size`),
    then cuts out the centre; 'longest' fits the longer side and pads with `fill`.
    """

    size: int | None
    mean: tuple[float, ...]
    std: tuple[float, ...]
    mode: Literal["squash", "shortest", "longest"] = "squash"
    resize: int | None = None
    interpolation: Literal["bilinear", "bicubic"] = "bicubic"
    fill: int = 0

    def canonical(self) -> tuple[Any, ...]:
        """The value that enters keys."""
        return (self.size, self.mean, self.std, self.mode, self.resize, self.interpolation, self.fill)

    def describe(self) -> str:
        """One line for SHOW MODEL."""
        how = "as stored" if self.size is None else f"{self.mode} to {self.size}"
        if self.mode == "shortest" and self.resize not in {None, self.size}:
            how = f"shorter side to {self.resize}, centre {self.size}"
        return f"RGB, {how} ({self.interpolation}), mean {list(self.mean)}, std {list(self.std)}"

    def __call__(self, images: Sequence[np.ndarray]) -> torch.Tensor:
        """uint8 images n x [H, W, 3] -> float32 [n, 3, size, size]."""
        from .kernels.preprocess import prepare

        return prepare(images, self)
