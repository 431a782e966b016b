"""Reading images: decoded in worker threads ahead of their use, handed on in batches, in order."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

from ..lang.diagnostic import Diagnostic
from .resources import Batch, Resources

if TYPE_CHECKING:
    import numpy as np


class Images(Protocol):
    """An opened data set."""

    def __len__(self) -> int: ...
    def image_name(self, index: int) -> str: ...
    def read(self, index: int) -> np.ndarray:
        """uint8 [H, W, 3]. Raises OSError or ValueError if the image cannot be read."""


def _decode(images: Images, index: int) -> np.ndarray:
    try:
        return images.read(index)
    except (OSError, ValueError, SyntaxError) as error:  # Pillow raises SyntaxError for a broken PNG
        raise Diagnostic(
            "unreadable-image", f"image {images.image_name(index)} cannot be read: {error}", exit_code=1,
            hint="repair or remove the file; what was computed so far is kept and the run goes on from there",
        ) from error  # fmt: skip


def batches(images: Images, indices: np.ndarray, resources: Resources) -> Iterator[Batch]:
    """Batches of decoded images. Counts each image as decoded.

    Raises Diagnostic 'unreadable-image' (exit code 1) for an image that cannot be decoded.
    """
    import numpy as np
    from joblib import Parallel, delayed

    wanted = np.asarray(indices, dtype=np.int64)
    work = Parallel(
        n_jobs=resources.workers, backend="threading", return_as="generator", pre_dispatch=4 * resources.batch
    )  # fmt: skip
    decoded = work(delayed(_decode)(images, int(i)) for i in wanted)
    try:
        for start in range(0, len(wanted), resources.batch):
            some = wanted[start : start + resources.batch]
            held = [next(decoded) for _ in some]
            resources.counts["decoded"] += len(held)
            yield Batch(some, held)
    finally:
        with warnings.catch_warnings():
            # joblib remarks that images read ahead were not used: an interrupted run has no use for them.
            warnings.simplefilter("ignore")
            decoded.close()
