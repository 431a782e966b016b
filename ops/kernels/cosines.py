"""Image-word cosines in blocks of words, so that the matrix of all of them never has to exist."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .similarity import unit_rows

Block = Callable[[int, int], Tensor]
Rows = Tensor | NDArray[Any]


class Cosines(Protocol):
    """Image-word cosines P [N,M], read in blocks of words."""

    @property
    def words(self) -> int:
        """M, the number of words."""

    def rows(self, images: Tensor) -> Block:
        """Prepare these images [I]; the block (start, stop) is P[images, start:stop] in float64."""

    def means(self, groups: Tensor) -> Block:
        """Prepare groups of images [U,k]; the block is the mean cosine [U, stop-start] over each group."""

    def means_of(self, groups: Tensor, words: Tensor) -> Tensor:
        """The mean cosine [U,n] over each group [U,k] with words of its own [U,n]."""


class VectorCosines:
    """Cosines of image vectors [N,D] with text vectors [M,D]; tensors, arrays or memory maps, any float type."""

    def __init__(self, image: Rows, text: Rows) -> None:
        if image.ndim != 2 or text.ndim != 2 or image.shape[1] != text.shape[1]:
            raise ValueError(f"vectors do not meet: images {tuple(image.shape)}, texts {tuple(text.shape)}")
        self.image, self.text = image, text

    @property
    def words(self) -> int:
        return int(self.text.shape[0])

    def _images(self, index: Tensor) -> Tensor:
        return unit_rows(float64(self.image[index] if isinstance(self.image, Tensor) else self.image[index.numpy()]))

    def _group_means(self, groups: Tensor) -> Tensor:
        return torch.stack([self._images(group).mean(0) for group in groups])

    def _texts(self, start: int, stop: int) -> Tensor:
        return unit_rows(float64(self.text[start:stop]))

    def rows(self, images: Tensor) -> Block:
        vectors = self._images(images)
        return lambda start, stop: vectors @ self._texts(start, stop).T

    def means(self, groups: Tensor) -> Block:
        vectors = self._group_means(groups)
        return lambda start, stop: vectors @ self._texts(start, stop).T

    def means_of(self, groups: Tensor, words: Tensor) -> Tensor:
        some, place = torch.unique(words, return_inverse=True)
        texts = unit_rows(float64(self.text[some] if isinstance(self.text, Tensor) else self.text[some.numpy()]))
        vectors = self._group_means(groups)
        return torch.stack([(texts[each] * vectors).sum(1) for each in place.T], 1)


class MatrixCosines:
    """Cosines that are already a matrix P [N,M]."""

    def __init__(self, p: Rows) -> None:
        if p.ndim != 2:
            raise ValueError(f"expected cosines [images, words], got shape {tuple(p.shape)}")
        self.p = p

    @property
    def words(self) -> int:
        return int(self.p.shape[1])

    def rows(self, images: Tensor) -> Block:
        index = images if isinstance(self.p, Tensor) else images.numpy()
        return lambda start, stop: float64(self.p[index, start:stop])

    def means(self, groups: Tensor) -> Block:
        blocks = [self.rows(group) for group in groups]
        return lambda start, stop: torch.stack([block(start, stop).mean(0) for block in blocks])

    def means_of(self, groups: Tensor, words: Tensor) -> Tensor:
        picked = [
            float64(self.p[group[:, None], some] if isinstance(self.p, Tensor) else self.p[np.ix_(group, some)])
            for group, some in zip(groups, words, strict=True)
        ]
        return torch.stack([p.mean(0) for p in picked])


def float64(x: Rows) -> Tensor:
    return x.double() if isinstance(x, Tensor) else torch.from_numpy(np.asarray(x, dtype=np.float64))
