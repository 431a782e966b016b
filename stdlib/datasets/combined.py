"""Parts of data sets and several data sets as one: `lab.probe[0:50]`, `ON lab.probe, lab.shifted`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...engine.fingerprint import Fingerprints
from ...engine.operator import digest
from ...lang.declare import part_of
from ...lang.diagnostic import Diagnostic
from ...ops.handles import Concept, Segments
from ..things import Dataset

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

Item = int | str | slice


@dataclass(frozen=True)
class Combined:
    """Data sets one after another, each whole or a selection of its images by number or name."""

    parts: tuple[tuple[Dataset, tuple[Item, ...] | None], ...]

    def fingerprint(self, known: Fingerprints) -> str:
        from ...engine.operator import canonical

        return digest(
            [
                [d.spec.fingerprint(known), d.name, None if items is None else [canonical(i) for i in items]]
                for d, items in self.parts
            ]
        )

    @property
    def identities(self) -> Callable[[Fingerprints], Sequence[str]] | None:
        """Those of the parts, if every part can tell what its images are."""
        if not all(getattr(d.spec, "identities", None) for d, _ in self.parts):
            return None
        return self._identities

    def _identities(self, known: Fingerprints) -> Sequence[str]:
        out: list[str] = []
        for dataset, items in self.parts:
            each = dataset.spec.identities(known)
            out += [each[i] for i in _opened(dataset, items, "cpu")[1]]
        return out

    def open(self, device: str) -> CombinedImages:
        return CombinedImages([_opened(d, items, device) for d, items in self.parts])

    def columns(self) -> Sequence[str]:
        own = (column for dataset, _ in self.parts for column in dataset.columns())
        return tuple(dict.fromkeys(("dataset", "image", *own)))

    def relation(self) -> pa.Table:
        """All that is known of the images; what only some of the data sets know is NULL for the others."""
        import pyarrow as pa

        tables = []
        for dataset, items in self.parts:
            images, numbers = _opened(dataset, items, "cpu")
            known = dataset.relation().take(pa.array(numbers, pa.int64()))
            names = [images.dataset_name(i) for i in numbers]
            tables.append(known.drop_columns([c for c in ("dataset",) if c in known.column_names]))
            tables[-1] = tables[-1].add_column(0, "dataset", pa.array(names, pa.string()))
        return pa.concat_tables(_alike(tables), promote_options="permissive").select(self.columns())

    def synonyms(self) -> Mapping[str, str]:
        return {word: name for dataset, _ in reversed(self.parts) for word, name in synonyms_of(dataset.spec).items()}

    def concepts(self) -> Sequence[Concept]:
        return tuple(dict.fromkeys(one for dataset, _ in self.parts for one in concepts_of(dataset.spec)))

    def describe(self) -> dict[str, str]:
        return {"parts": ", ".join(d.name for d, _ in self.parts)}


def synonyms_of(spec: Any) -> Mapping[str, str]:
    """Word -> the name in a column that means the same, as far as the spec of a data set knows any."""
    known = getattr(spec, "synonyms", None)
    return {} if known is None else known()


def concepts_of(spec: Any) -> Sequence[Concept]:
    """What the masks of a data set are of; nothing if it has none."""
    known = getattr(spec, "concepts", None)
    return () if known is None else known()


def _alike(tables: Sequence[pa.Table]) -> list[pa.Table]:
    """Columns of a name that are text in one table and numbers in another become text in all."""
    import pyarrow as pa

    text = {f.name for t in tables for f in t.schema if pa.types.is_string(f.type)}
    out = []
    for table in tables:
        fields = [pa.field(f.name, pa.string()) if f.name in text else f for f in table.schema]
        out.append(table.cast(pa.schema(fields)))
    return out


def _opened(dataset: Dataset, items: tuple[Item, ...] | None, device: str) -> tuple[Any, list[int]]:
    images = dataset.spec.open(device)
    count, about = len(images), (part_of(dataset.name, items), dataset.name)
    if items is None:
        return images, list(range(count))
    numbers: list[int] = []
    names: dict[str, int] = {}
    for item in items:
        if isinstance(item, slice):
            numbers += range(count)[item]
        elif isinstance(item, int) and -count <= item < count:
            numbers.append(item % count)
        elif isinstance(item, str):
            names = names or {images.image_name(i): i for i in range(count)}
            if item not in names:
                raise Diagnostic("unknown-name", f"{dataset.name} has no image {item}", about=about)
            numbers.append(names[item])
        else:
            message = f"{dataset.name} has {count} images, 0 to {count - 1}, not {item}"
            raise Diagnostic("unknown-name", message, about=about)
    if not numbers:
        message = f"{dataset.name} has {count} images, 0 to {count - 1}; what is selected takes none of them"
        raise Diagnostic("empty-data", message, about=about)
    return images, list(dict.fromkeys(numbers))


class CombinedImages:
    """The opened combination."""

    def __init__(self, parts: Sequence[tuple[Any, list[int]]]) -> None:
        self._places = [(images, i) for images, numbers in parts for i in numbers]

    def __len__(self) -> int:
        return len(self._places)

    def image_name(self, index: int) -> str:
        images, i = self._places[index]
        return str(images.image_name(i))

    def dataset_name(self, index: int) -> str:
        images, i = self._places[index]
        return str(images.dataset_name(i))

    def read(self, index: int) -> np.ndarray:
        images, i = self._places[index]
        found: np.ndarray = images.read(i)
        return found

    def segments(self, index: int) -> Segments:
        """Of a part that has no masks nothing is annotated."""
        images, i = self._places[index]
        return images.segments(i) if hasattr(images, "segments") else Segments()

    def place(self, index: int) -> tuple[Any, int]:
        """The opened part and the image's number in it."""
        return self._places[index]


def combine(parts: Sequence[tuple[Dataset, tuple[Item, ...] | None]]) -> Dataset:
    """One data set from several and from selections; a single whole one stays itself."""
    if len(parts) == 1 and parts[0][1] is None:
        return parts[0][0]
    return Dataset(" + ".join(d.name + ("" if i is None else "[…]") for d, i in parts), Combined(tuple(parts)))
