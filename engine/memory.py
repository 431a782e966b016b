"""Batches that fit: when memory runs out, a batch is worked on in halves, and later batches are that small; so they are
when one has gone beyond what SET memory allows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..lang.diagnostic import Diagnostic
from . import footprint
from .operator import Consumer
from .resources import Batch, Resources, ran_out

if TYPE_CHECKING:
    import numpy as np

    Rows = dict[str, np.ndarray]


def consumed(consumer: Consumer, batch: Batch, resources: Resources) -> list[list[Rows]]:
    """What the consumer makes of a batch: for each of its scans, pieces that follow one another.

    Raises Diagnostic `out-of-memory` if not even one image fits.
    """
    try:
        with _kept_below(len(batch.indices), resources):
            return [[rows] for rows in consumer.consume(batch)]
    except (MemoryError, RuntimeError) as error:
        if not ran_out(error):
            raise
        if len(batch.indices) < 2:
            raise Diagnostic(
                "out-of-memory", f"memory ran out on {resources.device} for a single image", exit_code=1,
                hint="use --device cpu, a smaller model or smaller images; what was finished is kept",
            ) from error  # fmt: skip
    # Outside the handler: the exception holds the frames, and they hold the tensors that did not fit.
    half = (len(batch.indices) + 1) // 2
    resources.batch = min(resources.batch, half)
    resources.counts["halved"] += 1
    resources.telling.batch_halved(len(batch.indices), resources.batch, "out of memory")
    _give_back(resources.device)
    first, second = (consumed(consumer, part, resources) for part in _halves(batch, half))
    return [one + two for one, two in zip(first, second, strict=True)]


@contextmanager
def _kept_below(images: int, resources: Resources) -> Iterator[None]:
    """If what is within takes the process beyond its limit, later batches have as many images as would have fitted."""
    limit = resources.own_limit
    if limit is None:
        yield
        return
    peak, held = footprint.peak(), footprint.held()
    yield
    now = footprint.peak()
    if now > max(peak, limit) and images > 1:
        fit = images * max(0, limit - held) // (now - held)
        resources.batch = min(resources.batch, max(1, fit))
        resources.counts["halved"] += 1
        resources.telling.batch_halved(images, resources.batch, "beyond SET memory")


def _halves(batch: Batch, half: int) -> Sequence[Batch]:
    return Batch(batch.indices[:half], batch.images[:half]), Batch(batch.indices[half:], batch.images[half:])


def _give_back(device: str) -> None:
    if device.startswith("cuda"):
        import torch

        torch.cuda.empty_cache()
