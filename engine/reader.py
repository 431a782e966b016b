"""Reading images: decoded in worker threads ahead of their use, handed on in batches, in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING, Protocol

from ..lang.diagnostic import Diagnostic
from .footprint import images_that_fit
from .resources import Batch, Resources

if TYPE_CHECKING:
    import numpy as np


class Images(Protocol):
    """An opened data set."""

    def __len__(self) -> int: ...
    def image_name(self, index: int) -> str: ...
    def dataset_name(self, index: int) -> str: ...
    def read(self, index: int) -> np.ndarray:
        """uint8 [H, W, 3]. Raises OSError or ValueError if the image cannot be read."""


def _decode(images: Images, index: int, lenient: bool) -> np.ndarray | Exception:
    """The image; where unreadable ones are left out, what is wrong with one."""
    try:
        return images.read(index)
    except (OSError, ValueError, SyntaxError) as error:  # Pillow raises SyntaxError for a broken PNG
        if lenient:
            return error
        raise Diagnostic(
            "unreadable-image", f"image {images.image_name(index)} cannot be read: {error}", exit_code=1,
            hint="repair or remove the file, or SET on_error = 'skip' to do without; what was computed so far is kept "
            "and the run goes on from there", about=(images.dataset_name(index),),
        ) from error  # fmt: skip


def batches(
    images: Images, indices: np.ndarray, resources: Resources, unread: dict[int, Exception] | None = None
) -> Iterator[Batch]:
    """Batches of decoded images; two batches are decoded ahead. Counts each image as decoded.

    Raises Diagnostic 'unreadable-image' (exit code 1) for an image that cannot be decoded; with `unread` it is left out
    of its batch, and what is wrong with it put there under its number.
    """
    import numpy as np

    wanted = np.asarray(indices, dtype=np.int64)
    todo, lenient = iter(wanted.tolist()), unread is not None
    with ThreadPoolExecutor(resources.workers) as pool:
        # Bounded: a reader that runs as far ahead as it can holds a whole shard of decoded photographs.
        start = largest = 0
        ahead: deque[Future[np.ndarray | Exception]] = deque()

        def read_on(most: int) -> None:
            ahead.extend(pool.submit(_decode, images, i, lenient) for i in islice(todo, max(0, most - len(ahead))))

        try:
            while start < len(wanted):  # the batch may get smaller on the way
                room = images_that_fit(resources.own_limit, largest, 2 * resources.batch)
                some = wanted[start : start + min(resources.batch, (room + 1) // 2)]
                start += len(some)
                read_on(room)
                held: list[np.ndarray] = []
                read = np.ones(len(some), bool)
                for place, index in enumerate(some.tolist()):
                    found = ahead.popleft().result()
                    if not isinstance(found, Exception):
                        held.append(found)
                        largest = max(largest, found.nbytes)
                    elif unread is not None:
                        unread[index], read[place] = found, False
                    read_on(room)
                resources.counts["decoded"] += len(held)
                yield Batch(some[read], held)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
