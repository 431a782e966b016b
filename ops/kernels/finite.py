"""Numbers that are none: told where they arise, before they are stored or compared with anything."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ...lang.diagnostic import Diagnostic
from ..handles import ImageSet, Precision


def spoken(images: ImageSet | None, index: int) -> str:
    """An image, by its name where the data set is at hand."""
    return f"image {index if images is None else images.image_name(index)}"


def finite(
    values: np.ndarray, what: str, of: Callable[[int], str], about: Sequence[str] = (),
    precision: Precision = "float32", remedy: str = "leave it out",
) -> np.ndarray:  # fmt: skip
    """The values [rows, …], if all are finite.

    Raises Diagnostic 'not-finite', which says `what` they are and what the first row at fault is of, by `of(row)`.
    """
    good = np.isfinite(values).reshape(len(values), -1).all(1)
    if good.all():
        return values
    row = int(np.flatnonzero(~good)[0])
    kind = "NaN" if np.isnan(values[row]).any() else "infinity"
    half = precision != "float32"
    hint = f"{precision} overflows sooner than float32: SET precision = 'float32'; else " if half else ""
    raise Diagnostic(
        "not-finite", f"{what} on {of(row)} hold {kind}", exit_code=1,
        hint=f"{hint}look at the weights and at this input, or {remedy}", about=tuple(about),
    )  # fmt: skip
