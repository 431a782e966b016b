"""embeddings(images=…, texts=…, names=…): a judge whose vectors somebody computed before, as large corpora come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from ...engine.fingerprint import Fingerprints
from ...engine.operator import Operator, Source, digest
from ...lang.declare import REQUIRED, ConstructorDeclaration, Parameter
from ...lang.diagnostic import Diagnostic, did_you_mean, listing
from ...ops.embeddings import GivenVectors
from ..datasets.arrays import array_of
from ..reading import file_at, not_read
from ..texts.words import read_lines
from ..things import Built, Constructor, Judge

if TYPE_CHECKING:
    import numpy as np


def same_word(name: str) -> str:
    """The form in which names of vectors and words meet: 'aerosol_can' is 'aerosol can'; '(…)' stays."""
    return " ".join(name.replace("_", " ").split()).casefold()


def vectors_of(path: str, key: str | None) -> np.ndarray:
    """Vectors [rows, D] of an .npy file (mapped, not read) or of one array of an .npz file. Raises Diagnostic."""
    import numpy as np

    if Path(path).suffix == ".npz":
        if key is None:
            raise Diagnostic("missing-argument", f"which array of {path} holds the vectors?",
                             hint="write images_key=… or texts_key=…")  # fmt: skip
        found = array_of(path, key)
    else:
        place = file_at(path)
        try:
            found = np.load(place, mmap_mode="r", allow_pickle=False)
        except (ValueError, OSError, EOFError) as error:
            raise not_read(path, error, "is no .npy file that can be read safely") from error
    if not isinstance(found, np.ndarray) or found.ndim != 2 or found.dtype.kind != "f":
        kind = f"{found.dtype} {list(found.shape)}" if isinstance(found, np.ndarray) else "several arrays"
        raise Diagnostic("file-format", f"{key or 'the array'} of {path} is {kind}, not vectors: floats [rows, D]")
    return found


@dataclass(frozen=True)
class Embeddings:
    """Vectors of the images of one data set, by position, and of texts, by name."""

    images_path: str
    images_key: str | None
    texts_path: str
    texts_key: str | None
    names_in: str
    floor: float | None = None
    prompts: tuple[str, ...] = ("{}",)
    captions: str | None = None

    @cached_property
    def of_images(self) -> np.ndarray:
        return vectors_of(self.images_path, self.images_key)

    @cached_property
    def of_texts(self) -> np.ndarray:
        return vectors_of(self.texts_path, self.texts_key)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the texts: an array beside their vectors, or the lines of a file."""
        if Path(self.texts_path).suffix == ".npz" and "." not in self.names_in and "/" not in self.names_in:
            return tuple(str(n) for n in array_of(self.texts_path, self.names_in).tolist())
        return tuple(read_lines(self.names_in))

    @cached_property
    def rows(self) -> dict[str, int]:
        """Name -> row; of names that only differ in case or underscores, the first counts, and the exact one before."""
        found: dict[str, int] = {}
        for row, name in enumerate(self.names):
            found.setdefault(same_word(name), row)
        return found | {name: row for row, name in reversed(list(enumerate(self.names)))}

    def check(self) -> None:
        """Raises Diagnostic unless names, texts and images fit together."""
        if len(self.names) != len(self.of_texts):
            raise Diagnostic(
                "file-format", f"{self.names_in} names {len(self.names)} texts, {self.texts_path} has vectors of "
                f"{len(self.of_texts)}",
            )  # fmt: skip
        if self.of_images.shape[1] != self.of_texts.shape[1]:
            raise Diagnostic(
                "file-format", f"image vectors have {self.of_images.shape[1]} dimensions, text vectors "
                f"{self.of_texts.shape[1]}", hint="both must come from one model",
            )  # fmt: skip

    def fingerprint(self, known: Fingerprints) -> str:
        files = [Path(p).expanduser() for p in (self.images_path, self.texts_path)]
        return digest(
            ["embeddings", *(known.file(p) for p in files), self.images_key, self.texts_key, list(self.names)]
        )

    def open(self, device: str) -> Embeddings:
        return self

    def images(self) -> np.ndarray:
        """Image vectors float32 [N, D], as they are in the file."""
        return _float32(self.of_images)

    def named(self, words: Sequence[str]) -> np.ndarray:
        """Text vectors float32 [M, D] of words. Raises Diagnostic 'unknown-name' that tells how many have none."""
        rows = [self.rows.get(w, self.rows.get(same_word(w), -1)) for w in words]
        absent = [w for w, row in zip(words, rows, strict=True) if row < 0]
        if absent:
            near = did_you_mean(same_word(absent[0]), self.rows)
            raise Diagnostic(
                "unknown-name",
                f"{len(absent)} of {len(words)} words have no vector in {self.texts_path}: {listing(absent, 5)}.{near}",
                hint=f"it has vectors of {len(self.names)} names, such as {', '.join(self.names[:5])}",
            )
        return _float32(self.of_texts[rows])

    def can_embed_images(self) -> bool:
        return False

    def as_model(self, name: str) -> None:
        """None: no network is here."""

    def image_vectors(self, judge: Source, images: Source) -> Operator:
        """The vectors of the file, if they are as many as the images. Raises Diagnostic 'bad-argument' otherwise."""
        count = len(images.spec.open("cpu"))
        if count != len(self.of_images):
            raise Diagnostic(
                "bad-argument", f"there are vectors of {len(self.of_images)} images, {images.name} has {count}",
                hint="vectors of images go by position: ask over the whole data set that they were computed for",
            )  # fmt: skip
        return GivenVectors(judge)

    def text_vectors(self, judge: Source, texts: Operator) -> Operator:
        """The vectors of the file, by name; words that it lacks are told before anything runs, where they are known."""
        if isinstance(texts, Source):
            self.named(list(texts.spec.open("cpu").texts()))
        return GivenVectors(judge, texts)

    def describe(self) -> dict[str, str]:
        return {
            "images": f"{len(self.of_images)} vectors of {self.images_path}",
            "texts": f"{len(self.of_texts)} vectors of {self.texts_path}",
            "dimensions": str(self.of_images.shape[1]),
        }


def _float32(rows: np.ndarray) -> np.ndarray:
    import numpy as np

    return np.asarray(rows, dtype=np.float32)


def make_embeddings(
    shown: str, /, images: str, texts: str, names: str, images_key: str | None, texts_key: str | None
) -> Judge:
    spec = Embeddings(images, images_key, texts, texts_key, names)
    spec.check()
    return Judge(shown, spec)


DECLARATION = ConstructorDeclaration(
    "embeddings",
    "vectors of images and texts that were computed before, as a judge",
    (
        Parameter(
            "images", "str", REQUIRED, "file of image vectors [N, D] in the order of the data set: .npy or .npz",
            is_path=True,
        ),
        Parameter("texts", "str", REQUIRED, "file of text vectors [M, D]: .npy or .npz", is_path=True),
        Parameter(
            "names", "str", REQUIRED, "names of the texts: an array of the same .npz, or a file, one a line",
            is_path=True,
        ),
        Parameter("images_key", "str", None, "the array of an .npz that holds the image vectors", nullable=True),
        Parameter("texts_key", "str", None, "the array of an .npz that holds the text vectors", nullable=True),
    ),
    kind="judge",
)


def built() -> Built:
    return Built(constructors=[Constructor(DECLARATION, make_embeddings)])
