"""Pictures of a session's answers: images by the names that answers use, and small ones to look at as data URIs."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..lang.ast import Span
from ..lang.diagnostic import Diagnostic
from ..stdlib.catalog import Catalog
from ..stdlib.things import Dataset

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from PIL.Image import Image

    from ..ops.handles import ImageSet

Box = tuple[int, int, int, int]

SIDE = 64  # pixels of a thumbnail's longer side
LARGEST_PICTURE = 128  # of a picture that an answer holds itself


class Unseen(Exception):
    """Why a picture cannot be shown."""


@dataclass
class Pictures:
    """The data sets that `names` knew when an answer was made; `evidence` gives rows of a table for some targets."""

    names: Catalog
    evidence: Callable[[str, Sequence[str]], pa.Table]
    _opened: dict[str, tuple[ImageSet, dict[str, int]]] = field(default_factory=dict)

    def read(self, dataset: str, image: str) -> np.ndarray:
        """uint8 [H, W, 3]. Raises Unseen if the data set or the image is not to be had."""
        try:
            images, numbers = self._open(dataset)
            if image not in numbers:
                raise Unseen(f"{dataset} has no image {image}")
            return images.read(numbers[image])
        except Diagnostic as problem:
            raise Unseen(problem.message) from problem
        except (OSError, ValueError, SyntaxError) as error:  # Pillow raises SyntaxError for a broken PNG
            raise Unseen(f"{image} cannot be read: {error}") from error

    def _open(self, name: str) -> tuple[ImageSet, dict[str, int]]:
        if name not in self._opened:
            images: ImageSet = self._dataset(name).spec.open("cpu")
            self._opened[name] = images, {images.image_name(i): i for i in range(len(images))}
        return self._opened[name]

    def _dataset(self, name: str) -> Dataset:
        """Answers name a data set as it was made: by its own name, a call such as folder(path='photos'), or a path."""
        from .checking import examine

        found = self.names.find(name)
        if isinstance(found, Dataset):
            return found
        for thing in self.names.things("dataset"):
            for part in _parts(thing):
                if getattr(part.spec, "name", part.name) == name:
                    return part
        made = examine(f"LET found = {name}", names=self.names).names.made.get("found")
        if isinstance(made, Dataset):
            return made
        found = self.names.file(name, "dataset", Span(0, 0))
        if isinstance(found, Dataset):
            return found
        raise Unseen(f"{name} is no data set that is known here")


def _parts(thing: Any) -> list[Dataset]:
    """A data set and those it is put together from."""
    if not isinstance(thing, Dataset):
        return []
    return [thing, *(part for inner, _ in getattr(thing.spec, "parts", ()) for part in _parts(inner))]


# ------------------------------------------------------------ small pictures


def thumbnail(pixels: np.ndarray, box: Box | None = None, side: int = SIDE) -> Image:
    """The image, at most `side` pixels long, with the box drawn on it (x0, y0, x1, y1, half-open, of the image)."""
    from PIL import Image, ImageDraw

    picture = Image.fromarray(pixels)
    small = _within(picture, side)
    if box is not None:
        across, down = small.width / picture.width, small.height / picture.height
        x0, y0, x1, y1 = (round(v * s) for v, s in zip(box, (across, down, across, down), strict=True))
        edges = [x0, y0, max(x0, x1 - 1), max(y0, y1 - 1)]
        draw = ImageDraw.Draw(small)
        draw.rectangle([edges[0] - 1, edges[1] - 1, edges[2] + 1, edges[3] + 1], outline="black")
        draw.rectangle(edges, outline="yellow")
    return small


def crop(pixels: np.ndarray, box: Box, side: int = SIDE) -> Image:
    """What is in the box, brought to `side` pixels. Raises Unseen for a box outside the image."""
    from PIL import Image

    height, width = pixels.shape[:2]
    x0, y0, x1, y1 = max(0, box[0]), max(0, box[1]), min(width, box[2]), min(height, box[3])
    if x0 >= x1 or y0 >= y1:
        raise Unseen(f"the box {list(box)} is not in an image of {width} × {height}")
    part = Image.fromarray(pixels[y0:y1, x0:x1])
    scale = side / max(part.size)
    return part.resize((max(1, round(part.width * scale)), max(1, round(part.height * scale))))


def overlay(pixels: np.ndarray | None, values: Sequence[float], height: int, width: int, side: int = SIDE) -> Image:
    """A map [height × width], row by row, over its image (over grey without one): warm where it is positive, blue
    where it is negative, opaque where it is farthest from 0. Raises Unseen for a map of another size."""
    import numpy as np
    from PIL import Image

    if height * width != len(values) or not len(values):
        raise Unseen(f"the map has {len(values)} values, not {height} × {width}")
    found = np.nan_to_num(np.asarray(values, dtype=np.float32), posinf=0, neginf=0).reshape(height, width)
    if pixels is not None:
        ground = thumbnail(pixels, side=side)
    else:
        scale = side / max(height, width)
        ground = Image.new("RGB", (max(1, round(width * scale)), max(1, round(height * scale))), "grey")
    peak = float(np.abs(found).max()) or 1.0
    heat = np.asarray(Image.fromarray(found / peak).resize(ground.size, Image.Resampling.BILINEAR))
    strength = np.abs(heat)[..., None].clip(0, 1)
    warm = np.concatenate([np.full_like(strength, 255), 40 + 190 * strength**2, np.zeros_like(strength)], -1)
    colour = np.where(heat[..., None] >= 0, warm, np.array([30.0, 90.0, 255.0]))
    grey = np.asarray(ground.convert("L").convert("RGB"), dtype=np.float32)
    return Image.fromarray((grey * (1 - 0.8 * strength) + colour * 0.8 * strength).astype(np.uint8))


def picture(encoded: bytes, side: int = LARGEST_PICTURE) -> Image:
    """A picture that an answer holds, brought to size. Raises Unseen if it is none."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(encoded)) as opened:
            return _within(opened.convert("RGB"), side)
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
        raise Unseen(f"{len(encoded):,} bytes that are no picture") from error


def _within(image: Image, side: int) -> Image:
    small = image.copy()
    small.thumbnail((side, side))
    return small


def data_uri(image: Image) -> str:
    """As PNG or JPEG, whichever is smaller."""
    forms = {}
    for form, options in (("png", {"optimize": True}), ("jpeg", {"quality": 82})):
        sink = io.BytesIO()
        image.save(sink, form, **options)
        forms[form] = sink.getvalue()
    form = min(forms, key=lambda f: len(forms[f]))
    return f"data:image/{form};base64,{base64.b64encode(forms[form]).decode()}"
