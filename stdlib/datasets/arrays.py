"""arrays(file, images=…, labels=…): images held in one `.npz` file of numpy arrays."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile, ZipFile

from ...engine.fingerprint import Fingerprints
from ...engine.operator import digest
from ...lang.declare import REQUIRED, ConstructorDeclaration, Parameter
from ...lang.diagnostic import Diagnostic, did_you_mean, listing
from ...ops.handles import Concept, Segments
from ..reading import file_at, not_read
from ..things import Built, Constructor, Dataset
from .masks import both_or_neither, concepts_in, segments_in

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa


def array_of(path: str, key: str) -> np.ndarray:
    """One array of an `.npz` file. Raises Diagnostic for a missing file, a foreign format or an unknown key."""
    import numpy as np

    place = file_at(path)
    try:
        with np.load(place, allow_pickle=False) as file:
            if key not in file.files:
                raise Diagnostic(
                    "unknown-name", f"{path} has no array {key}.{did_you_mean(key, file.files)}",
                    hint=f"its arrays: {listing(file.files)}",
                )  # fmt: skip
            found: np.ndarray = file[key]
            return found
    except (ValueError, OSError, EOFError, AttributeError, BadZipFile) as error:
        raise not_read(path, error, "is no .npz file that can be read safely") from error


def head_of(path: str, key: str) -> tuple[tuple[int, ...], str]:
    """Shape and dtype of one array of an `.npz` file, of which no more is read. Raises Diagnostic as `array_of`."""
    from numpy.lib import format as npy

    place = file_at(path)
    with contextlib.suppress(OSError, ValueError, KeyError, EOFError, BadZipFile), ZipFile(place) as file:
        with file.open(f"{key}.npy") as array:
            read = npy.read_array_header_1_0 if npy.read_magic(array) == (1, 0) else npy.read_array_header_2_0
            shape, _, dtype = read(array)
        return shape, str(dtype)
    found = array_of(path, key)  # says what is wrong
    return found.shape, str(found.dtype)


@dataclass(frozen=True)
class Arrays:
    """Images uint8 [N, H, W, 3] and, where there are any, labels [N] and class names of an `.npz` file."""

    name: str
    path: str
    images: str
    labels: str | None = None
    classes: str | None = None
    masks: str | None = None
    mask_names: str | None = None
    unlabelled: int | None = 0

    @cached_property
    def names(self) -> dict[int, str]:
        """What the numbers in the masks mean."""
        if self.mask_names is None:
            return {}
        named = array_of(self.path, self.mask_names)
        return {i: str(name) for i, name in enumerate(named.tolist()) if str(name).strip() and i != self.unlabelled}

    @cached_property
    def numbers(self) -> np.ndarray | None:
        """The masks [N, H, W]."""
        if self.masks is None:
            return None
        return array_of(self.path, self.masks)

    def check_masks(self, shape: tuple[int, ...], dtype: str, images: int) -> None:
        """Raises Diagnostic 'file-format' for an array that holds no masks of so many images."""
        if len(shape) != 3 or shape[0] != images or not dtype.startswith(("int", "uint", "bool")):
            raise Diagnostic(
                "file-format", f"{self.masks} of {self.path} is {dtype} {list(shape)}, not whole numbers "
                f"[{images}, H, W]", hint="a mask has in each pixel the number of what is there",
            )  # fmt: skip

    @cached_property
    def pixels(self) -> np.ndarray:
        found = array_of(self.path, self.images)
        self.check(found.shape, str(found.dtype))
        return found

    def check(self, shape: tuple[int, ...], dtype: str) -> None:
        """Raises Diagnostic 'file-format' for an array that holds no images, with what would make images of it."""
        if len(shape) == 4 and shape[-1] == 3 and dtype == "uint8":
            return
        message = f"{self.images} of {self.path} is {dtype} {list(shape)}, not uint8 [N, H, W, 3]"
        held, four, whole = self.images, len(shape) == 4, dtype.startswith(("int", "uint"))
        steps = {
            f"np.repeat({held}[..., None], 3, axis=-1)": len(shape) == 3,
            f"np.repeat({held}, 3, axis=-1)": four and shape[-1] == 1,
            f"{held}.transpose(0, 2, 3, 1)": four and shape[-1] != 3 and shape[1] == 3,
            f"({held} * 255).round().astype('uint8') if they run from 0 to 1": dtype.startswith("float"),
            f"{held}.astype('uint8') if they run from 0 to 255": whole and dtype != "uint8",
        }
        needed = [step for step, asked in steps.items() if asked]
        hint = f"save them again as {', and '.join(needed)}" if needed else None
        raise Diagnostic("file-format", message, hint=hint)

    def fingerprint(self, known: Fingerprints) -> str:
        masks = [] if self.masks is None else [self.masks, sorted(self.names.items())]
        return digest([known.file(Path(self.path).expanduser()), self.images, *masks])

    def identities(self, known: Fingerprints) -> Sequence[str]:
        """The digest of each image's pixels."""
        shape = str(self.pixels.shape[1:]).encode()
        return [hashlib.blake2b(shape + image.tobytes(), digest_size=16).hexdigest() for image in self.pixels]

    def open(self, device: str) -> HeldImages:
        return HeldImages(self.name, self.pixels, self.numbers, self.names)

    def concepts(self) -> Sequence[Concept]:
        return concepts_in(self.names)

    def columns(self) -> Sequence[str]:
        return ("image", *(("label",) if self.labels else ()), *(("class",) if self.labels and self.classes else ()))

    def relation(self) -> pa.Table:
        import pyarrow as pa

        columns: dict[str, Any] = {"image": [f"{i:06d}" for i in range(len(self.pixels))]}
        if self.labels:
            labels = array_of(self.path, self.labels)
            columns["label"] = labels.tolist()
            if self.classes:
                names = array_of(self.path, self.classes)
                columns["class"] = [str(names[i]) for i in labels]
        return pa.table(columns)

    def describe(self) -> dict[str, str]:
        facts = {"images": str(len(self.pixels)), "origin": f"{self.images} of {self.path}"}
        if self.masks is not None:
            facts["masks"] = f"{self.masks}, of {len(self.concepts())} concepts"
        return facts


class HeldImages:
    """Opened images in memory, named by their number."""

    def __init__(
        self, dataset: str, pixels: np.ndarray, masks: np.ndarray | None = None, names: Mapping[int, str] | None = None
    ) -> None:
        self._dataset, self._pixels, self._masks, self._names = dataset, pixels, masks, names or {}

    def __len__(self) -> int:
        return len(self._pixels)

    def image_name(self, index: int) -> str:
        return f"{index:06d}"

    def dataset_name(self, index: int) -> str:
        return self._dataset

    def read(self, index: int) -> np.ndarray:
        image: np.ndarray = self._pixels[index]
        return image

    def segments(self, index: int) -> Segments:
        return Segments() if self._masks is None else segments_in(self._masks[index], self._names)


def make_arrays(
    name: str, path: str, images: str, labels: str | None, classes: str | None, masks: str | None = None,
    mask_names: str | None = None, unlabelled: int | None = 0,
) -> Dataset:  # fmt: skip
    both_or_neither(masks, mask_names)
    found = Arrays(name, path, images, labels, classes, masks, mask_names, unlabelled)
    found.check(*head_of(path, images))
    if masks is not None:
        found.check_masks(*head_of(path, masks), head_of(path, images)[0][0])
        _ = found.names
    return Dataset(name, found)


DECLARATION = ConstructorDeclaration(
    "arrays",
    "images in an .npz file",
    (
        Parameter("path", "str", REQUIRED, "the .npz file", is_path=True),
        Parameter("images", "str", "images", "name of the array uint8 [N, H, W, 3]"),
        Parameter("labels", "str", None, "name of the array of class numbers [N]", nullable=True),
        Parameter("classes", "str", None, "name of the array of class names", nullable=True),
        Parameter("masks", "str", None, "name of the array of masks [N, H, W], in each pixel the number of what is "
                  "there", nullable=True),
        Parameter("mask_names", "str", None, "name of the array of what the numbers in the masks mean, from 0",
                  nullable=True),
        Parameter("unlabelled", "int", 0, "the number of pixels of which the masks say nothing; null: none",
                  nullable=True),
    ),
    kind="dataset",
)


def built() -> Built:
    return Built(constructors=[Constructor(DECLARATION, make_arrays)])
