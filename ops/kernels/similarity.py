"""Cosines, pooling of hooked modules, and the streamed selection of each unit's top images."""

from __future__ import annotations

import torch
from torch import Tensor

SPATIAL = ("mean", "max")
TOKENS = ("cls", "mean", "max")


def unit_rows(x: Tensor) -> Tensor:
    """Rows of x [N,D] divided by their 2-norm; a zero row stays zero, so its cosines are 0 and never NaN.

    Half precision is raised to float32 first. Raises ValueError unless x is 2-D and finite.
    """
    if x.ndim != 2:
        raise ValueError(f"expected vectors [rows, dimensions], got shape {tuple(x.shape)}")
    if not x.dtype.is_floating_point or x.dtype in (torch.float16, torch.bfloat16):
        x = x.float()
    if not bool(torch.isfinite(x).all()):
        raise ValueError("vectors hold NaN or infinity")
    norm = x.norm(dim=1, keepdim=True)
    return x / torch.where(norm > 0, norm, torch.ones_like(norm))


def cosine(image: Tensor, text: Tensor) -> Tensor:
    """P [N,M]: cosine of every image vector [N,D] with every text vector [M,D], in float32 (float64 if both are).

    CLIP-Dissect (Oikarinen and Weng, ICLR 2023), section 3: no temperature here. Couples nothing: each entry
    depends on its own image and text only. Raises ValueError on shapes that do not meet or values not finite.
    """
    image, text = unit_rows(image), unit_rows(text)
    if image.shape[1] != text.shape[1]:
        raise ValueError(f"image vectors have {image.shape[1]} dimensions, text vectors {text.shape[1]}")
    if image.dtype != text.dtype:
        image, text = image.float(), text.float()
    return image @ text.T


def pool(x: Tensor, how: str | int | None = None) -> Tensor:
    """One activation per image and unit, from the output of a hooked module.

    [N,C,H,W] -> [N,C] by 'mean' (default) or 'max'; [N,T,D] -> [N,D] by 'cls' (token 0, default), 'mean', 'max' or
    a token's index; [N,F] -> as is. Half precision is pooled in float32. Couples nothing.

    Raises ValueError, naming the shape, on any other rank and on a reduction that the shape does not have. The
    reference drops other ranks silently and always takes token 0, which is wrong for networks without a CLS token.
    """
    if x.dtype in (torch.float16, torch.bfloat16):
        x = x.float()
    shape = tuple(x.shape)
    if isinstance(how, str) and how not in TOKENS:
        raise ValueError(f"pooling {how!r} is not one of mean, max, cls or a token's index")
    if x.ndim == 2:
        return x
    if x.ndim == 4:
        how = "mean" if how is None else how
        if how not in SPATIAL:
            raise ValueError(f"pooling {how!r} needs tokens [N,T,D], the module gives maps {shape}: use mean or max")
        return x.mean((2, 3)) if how == "mean" else x.amax((2, 3))
    if x.ndim == 3:
        if how == "mean":
            return x.mean(1)
        if how == "max":
            return x.amax(1)
        token = how if isinstance(how, int) else 0
        if not -shape[1] <= token < shape[1]:
            raise ValueError(f"token {token} is not among the {shape[1]} tokens of {shape}")
        return x[:, token]
    raise ValueError(f"cannot pool an output of shape {shape}: expected [N,C,H,W], [N,T,D] or [N,F]")


class TopK:
    """The k highest images of each unit, kept while activations stream past; memory is U x k, whatever N is.

    Equal values are ordered by the lowest image index (the reference leaves that to `torch.topk`, which chooses
    arbitrarily), so the result does not depend on the shards nor on the order in which they come.
    Couples images and k; units are independent of each other.
    """

    def __init__(self, k: int) -> None:
        if k < 1:
            raise ValueError(f"k must be at least 1, got {k}")
        self.k = k
        self.count = 0
        self._values: Tensor | None = None
        self._index: Tensor | None = None
        self._minimum: Tensor | None = None
        self._maximum: Tensor | None = None

    def update(self, values: Tensor, offset: int) -> None:
        """Add activations [n,U] of the images offset .. offset+n-1, each image once.

        Raises ValueError on NaN (naming image and unit), on another number of units than before, on other ranks.
        """
        if values.ndim != 2:
            raise ValueError(f"expected activations [images, units], got shape {tuple(values.shape)}")
        values = values.detach()
        if values.dtype not in (torch.float32, torch.float64):
            values = values.float()
        if not values.shape[0]:
            return
        nan = torch.isnan(values)
        if bool(nan.any()):
            row, unit = (int(v) for v in nan.nonzero()[0])
            raise ValueError(
                f"activation of unit {unit} on image {offset + row} is NaN ({int(nan.sum())} in this shard)"
            )
        index = torch.arange(offset, offset + values.shape[0], device=values.device)
        self._merge(values.T, index.expand(values.shape[1], -1), values.amin(0), values.amax(0), values.shape[0])

    def merge(self, other: TopK) -> None:
        """Add what another TopK has seen of other images (a worker's share)."""
        if other._values is None or other._index is None or other._minimum is None or other._maximum is None:
            return
        self._merge(other._values, other._index, other._minimum, other._maximum, other.count)

    def _merge(self, values: Tensor, index: Tensor, low: Tensor, high: Tensor, n: int) -> None:
        if self._values is None or self._index is None or self._minimum is None or self._maximum is None:
            self._minimum, self._maximum = low.clone(), high.clone()
        else:
            if values.shape[0] != self._values.shape[0]:
                raise ValueError(f"expected activations of {self._values.shape[0]} units, got {values.shape[0]}")
            self._minimum, self._maximum = torch.minimum(self._minimum, low), torch.maximum(self._maximum, high)
            late = bool(self._index.max() < index.min())
            values, index = torch.cat([self._values, values], 1), torch.cat([self._index, index], 1)
            if not late:  # shards out of order: only then does a stable sort by value not settle ties by image
                by_index = index.argsort(dim=1)
                values, index = values.gather(1, by_index), index.gather(1, by_index)
        best = values.sort(dim=1, descending=True, stable=True).indices[:, : self.k]
        self._values, self._index = values.gather(1, best), index.gather(1, best)
        self.count += n

    def result(self) -> tuple[Tensor, Tensor]:
        """(values [U,k], index [U,k] int64), highest first; k is clamped to the number of images seen."""
        if self._values is None or self._index is None:
            raise ValueError("no activations were given")
        return self._values, self._index

    @property
    def minimum(self) -> Tensor:
        """Lowest activation [U] over all images seen."""
        if self._minimum is None:
            raise ValueError("no activations were given")
        return self._minimum

    @property
    def constant(self) -> Tensor:
        """Bool [U]: the unit had one and the same value on every image, so no image is its top image."""
        if self._minimum is None or self._maximum is None:
            raise ValueError("no activations were given")
        return self._minimum == self._maximum


def top_images(activations: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """(values [U,k], index [U,k] int64) of activations [N,U] held in memory; as TopK in one call."""
    top = TopK(k)
    top.update(activations, 0)
    return top.result()
