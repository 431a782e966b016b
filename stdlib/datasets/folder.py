"""folder(dir): every image file below a folder, by its path there; the name of its folder is its label.

folder(dir, masks=…): beside it a folder of the same paths, .png for whatever the images are, with a number a pixel.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from ...engine.fingerprint import Fingerprints
from ...engine.operator import digest
from ...lang.declare import REQUIRED, ConstructorDeclaration, Parameter
from ...lang.diagnostic import Diagnostic
from ...ops.handles import Concept, Segments
from ..things import Built, Constructor, Dataset
from .masks import both_or_neither, concepts_in, read_mask, read_names, segments_in

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff"}


@dataclass(frozen=True)
class Folder:
    """Image files below a folder, in the order of their paths. The fingerprint covers names and contents."""

    name: str
    path: str
    masks: str | None = None
    mask_names: str | None = None
    unlabelled: int | None = 0

    @cached_property
    def files(self) -> tuple[tuple[str, Path], ...]:
        root = Path(self.path).expanduser()
        if not root.is_dir():
            raise Diagnostic("missing-folder", f"there is no folder {self.path}", hint="paths are relative to where "
                             "clq is started")  # fmt: skip
        found = sorted(p for p in root.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
        if not found:
            raise Diagnostic(
                "empty-data", f"{self.path} holds no images", hint=f"looked for {', '.join(sorted(SUFFIXES))} below it"
            )
        return tuple((p.relative_to(root).as_posix(), p) for p in found)

    @cached_property
    def mask_files(self) -> tuple[tuple[str, Path], ...]:
        """The masks that are there, by the names of their images. Raises Diagnostic if there is none."""
        if self.masks is None:
            return ()
        root = Path(self.masks).expanduser()
        if not root.is_dir():
            raise Diagnostic("missing-folder", f"there is no folder {self.masks}", hint="paths are relative to where "
                             "clq is started")  # fmt: skip
        places = ((name, (root / name).with_suffix(".png")) for name, _ in self.files)
        found = tuple((name, place) for name, place in places if place.is_file())
        if not found:
            wanted = Path(self.files[0][0]).with_suffix(".png").as_posix()
            raise Diagnostic("empty-data", f"{self.masks} has no mask of an image of {self.path}",
                             hint=f"that of {self.files[0][0]} would be {wanted} there")  # fmt: skip
        return found

    @cached_property
    def names(self) -> dict[int, str]:
        return {} if self.mask_names is None else read_names(self.mask_names, self.unlabelled)

    def fingerprint(self, known: Fingerprints) -> str:
        images = known.files(list(self.files))
        if self.masks is None:
            return images
        return digest([images, known.files(list(self.mask_files)), sorted(self.names.items())])

    def identities(self, known: Fingerprints) -> Sequence[str]:
        """The digest of each file."""
        return [known.file(path) for _, path in self.files]

    def open(self, device: str) -> Files:
        return Files(self.name, self.files, dict(self.mask_files), self.names)

    def concepts(self) -> Sequence[Concept]:
        return concepts_in(self.names)

    def columns(self) -> Sequence[str]:
        return ("image", "label")

    def relation(self) -> pa.Table:
        import pyarrow as pa

        names = [name for name, _ in self.files]
        labels = [name.rsplit("/", 2)[-2] if "/" in name else None for name in names]
        return pa.table({"image": pa.array(names, pa.string()), "label": pa.array(labels, pa.string())})

    def describe(self) -> dict[str, str]:
        facts = {"images": str(len(self.files)), "origin": self.path}
        if self.masks is not None:
            facts["masks"] = f"{len(self.mask_files)}, of {len(self.concepts())} concepts"
        return facts


class Files:
    """Opened image files; anything Pillow reads, turned to RGB. `masks` by the names of their images."""

    def __init__(
        self, dataset: str, files: Sequence[tuple[str, Path]], masks: Mapping[str, Path] | None = None,
        names: Mapping[int, str] | None = None,
    ) -> None:  # fmt: skip
        self._dataset, self._files, self._masks, self._names = dataset, files, masks or {}, names or {}

    def __len__(self) -> int:
        return len(self._files)

    def image_name(self, index: int) -> str:
        return self._files[index][0]

    def dataset_name(self, index: int) -> str:
        return self._dataset

    def read(self, index: int) -> np.ndarray:
        import numpy as np
        from PIL import Image

        with Image.open(self._files[index][1]) as picture:
            return np.asarray(picture.convert("RGB"))

    def segments(self, index: int) -> Segments:
        """An image without a mask is not annotated."""
        place = self._masks.get(self._files[index][0])
        return Segments() if place is None else segments_in(read_mask(place), self._names)


@dataclass(frozen=True)
class OneFile:
    """A single image file in quotes."""

    path: str

    @property
    def files(self) -> tuple[tuple[str, Path], ...]:
        return ((Path(self.path).name, Path(self.path)),)

    def fingerprint(self, known: Fingerprints) -> str:
        return known.files(list(self.files))

    def open(self, device: str) -> Files:
        return Files(self.path, self.files)

    def columns(self) -> Sequence[str]:
        return ("image",)

    def relation(self) -> pa.Table:
        import pyarrow as pa

        return pa.table({"image": [self.files[0][0]]})

    def describe(self) -> dict[str, str]:
        return {"images": "1", "origin": self.path}


def make_folder(
    name: str, path: str, masks: str | None = None, mask_names: str | None = None, unlabelled: int | None = 0
) -> Dataset:
    both_or_neither(masks, mask_names)
    spec = Folder(name, path, masks, mask_names, unlabelled)
    if not Path(path).expanduser().is_dir():
        _ = spec.files
    if masks is not None:
        _ = spec.mask_files, spec.names
    return Dataset(name, spec)


def from_path(path: str) -> Dataset:
    """What a text after ON stands for: a folder of images, or one image."""
    place = Path(path).expanduser()
    if place.is_dir():
        return Dataset(path, Folder(path, path))
    if place.suffix.lower() in SUFFIXES and not set("*?") & set(path):
        if not place.is_file():
            raise Diagnostic("unread-file", f"there is no file {path}", hint=_where(path))
        return Dataset(path, OneFile(path))
    hint = _where(path)
    if set("*?") & set(path):
        above = path[: min(path.find(sign) % len(path) for sign in "*?" if sign in path)].rpartition("/")[0] or "."
        hint = f"all images below a folder are folder('{above}'); some of them folder('{above}')[0:50]"
    elif place.suffix == ".npz":
        hint = f"images of an .npz file are arrays('{path}')"
    raise Diagnostic("unread-file", f"'{path}' is no folder of images or image file", hint=hint)


def _where(path: str) -> str:
    if path.startswith("~"):
        return f"it would be {Path(path).expanduser()}"
    return "paths are relative to where clq is started"


DECLARATION = ConstructorDeclaration(
    "folder", "all image files below a folder",
    (
        Parameter("path", "str", REQUIRED, "the folder", is_path=True),
        Parameter("masks", "str", None, "a folder with a mask of an image under the image's path, ending in .png: a "
                  "picture of one channel, in each pixel the number of what is there", nullable=True, is_path=True),
        Parameter("mask_names", "str", None, "what the numbers in the masks mean: a .json file {number: name}, or a "
                  "text file with a name a line, from 0", nullable=True, is_path=True),
        Parameter("unlabelled", "int", 0, "the number of pixels of which the masks say nothing; null: none",
                  nullable=True),
    ),
    kind="dataset",
)  # fmt: skip


def built() -> Built:
    return Built(constructors=[Constructor(DECLARATION, make_folder)], files={"dataset": from_path})
