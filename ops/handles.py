"""What opened things offer to kernels. Specs in `stdlib` open into these."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    import numpy as np
    import torch

    from .preprocess import Preprocess


Precision = Literal["float32", "bfloat16", "float16"]


class ImageSet(Protocol):
    """An opened data set."""

    def __len__(self) -> int: ...
    def image_name(self, index: int) -> str: ...
    def dataset_name(self, index: int) -> str: ...
    def read(self, index: int) -> np.ndarray: ...


Concept = tuple[str, str]  # its name and its category, such as object, part, material or scene


@dataclass(frozen=True)
class Segments:
    """What an image shows where: `masks` bool [n, H, W], each of one of `concepts` [n], in any resolution; together
    they show all of the image. `categories` are those in which the image is annotated: only there does the lack of a
    mask say that a concept is not in it."""

    concepts: tuple[Concept, ...] = ()
    masks: np.ndarray | None = None
    categories: frozenset[str] = frozenset()


class MaskedImages(ImageSet, Protocol):
    """An opened data set that knows where in its images what is. Its spec tells all `concepts()` without opening."""

    def segments(self, index: int) -> Segments:
        """Raises OSError or ValueError if the masks of an image cannot be read."""


@dataclass(frozen=True)
class Tokens:
    """How the tokens [N, T, D] of a network's layers stand: `before` of them precede those of the patches; with
    `summary` the first is read as the whole image, otherwise the network averages its patches."""

    summary: bool = True
    before: int = 1


@dataclass
class Subject:
    """An opened model: `prepare` turns images into its input [n, 3, H, W]; `prepare_key` is equal for equal work.

    `channels_last` names the layers that give maps [n, H, W, C]. `precision` is that of its forwards, as autocast has
    it: what layers give may have it, what is stored is float32.
    """

    module: torch.nn.Module
    prepare: Preprocess | Callable[[Sequence[np.ndarray]], torch.Tensor]
    prepare_key: Any
    device: str = "cpu"
    tokens: Tokens = Tokens()
    channels_last: frozenset[str] = frozenset()
    precision: Precision = "float32"


@dataclass
class Judge:
    """An opened image-text model. Vectors are not yet normalised; `scale` is its learned inverse temperature."""

    encode_images: Callable[[torch.Tensor], torch.Tensor]
    encode_texts: Callable[[Sequence[str]], torch.Tensor]
    prepare: Preprocess | Callable[[Sequence[np.ndarray]], torch.Tensor]
    prepare_key: Any
    scale: float
    device: str = "cpu"
    precision: Precision = "float32"


class TextList(Protocol):
    """An opened vocabulary or caption source."""

    def texts(self) -> Sequence[str]: ...
