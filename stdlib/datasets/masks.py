"""Pixel masks as data sets have them: in each pixel the number of what is there, and a list of what they mean."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...lang.diagnostic import Diagnostic
from ...ops.handles import Concept, Segments
from ..reading import file_at, not_read

if TYPE_CHECKING:
    import numpy as np

CATEGORY = "mask"  # that of all concepts of one list of names


def read_names(path: str, unlabelled: int | None) -> dict[int, str]:
    """By number what the pixels of masks mean: a JSON object or list, or a text file with a name a line, from 0.

    `unlabelled` is the number of what nobody has said anything about. Raises Diagnostic for a file that is neither.
    """
    place = file_at(path)
    try:
        text = place.read_text("utf-8-sig")
        held: Any = json.loads(text) if place.suffix == ".json" else [line.strip() for line in text.splitlines()]
    except (OSError, ValueError) as error:
        raise not_read(path, error, "is no JSON or text of names") from error
    pairs = held.items() if isinstance(held, dict) else enumerate(held) if isinstance(held, list) else None
    found = {}
    for number, name in pairs or ():
        if not str(number).isdecimal() or not isinstance(name, str):
            pairs = None
            break
        if name.strip() and int(number) != unlabelled:
            found[int(number)] = name.strip()
    if pairs is None or not found:
        what = "no names" if pairs is not None else "neither an object {number: name} nor a list of names"
        raise Diagnostic("file-format", f"{path} holds {what}", hint='such as {"1": "person", "2": "bicycle"}')
    return found


def concepts_in(names: Mapping[int, str]) -> Sequence[Concept]:
    return tuple(dict.fromkeys((name, CATEGORY) for name in names.values()))


def segments_in(numbers: np.ndarray, names: Mapping[int, str]) -> Segments:
    """What is where in a mask [H, W] of numbers; a number without a name is of no concept. Raises ValueError for a mask
    of another shape."""
    import numpy as np

    if numbers.ndim != 2 or numbers.dtype.kind not in "iub":
        raise ValueError(f"it is {numbers.dtype} {list(numbers.shape)}, not a whole number for each pixel")
    masks: dict[str, np.ndarray] = {}
    for number in np.unique(numbers).tolist():
        if number in names:
            own = numbers == number
            masks[names[number]] = own | masks[names[number]] if names[number] in masks else own
    concepts = tuple((name, CATEGORY) for name in masks)
    shape = (0, *numbers.shape)
    return Segments(concepts, np.stack(list(masks.values())) if masks else np.zeros(shape, bool), frozenset({CATEGORY}))


def read_mask(path: Path) -> np.ndarray:
    """The numbers [H, W] of an image file with one channel, or of a palette's colours. Raises OSError or ValueError."""
    import numpy as np
    from PIL import Image

    with Image.open(path) as picture:
        if picture.mode not in {"1", "L", "P", "I", "I;16"}:
            raise ValueError(f"it is a picture of mode {picture.mode}, not one number for each pixel")
        return np.asarray(picture)


def both_or_neither(masks: object, names: object) -> None:
    """Raises Diagnostic 'missing-argument' if masks are given without what their numbers mean, or the other way."""
    if (masks is None) != (names is None):
        given, lacking = ("masks", "mask_names") if names is None else ("mask_names", "masks")
        said = "what do the numbers in the masks mean" if names is None else "which masks are these the names of"
        raise Diagnostic("missing-argument", f"{given} is given and {lacking} is not: {said}?")
