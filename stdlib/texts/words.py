"""words(file): one word a line; words(file, key=…): names in an .npz; lists and files in quotes after WITH."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ...engine.fingerprint import Fingerprints
from ...engine.operator import digest
from ...lang.declare import REQUIRED, ConstructorDeclaration, Kind, Parameter
from ...lang.diagnostic import Diagnostic, did_you_mean
from ..datasets.arrays import array_of
from ..reading import file_at, not_read
from ..things import Built, Constructor, Texts


def read_lines(path: str) -> list[str]:
    """The lines of a text file (`.gz` too), stripped, blank lines dropped once for all that use the list."""
    import gzip

    place = file_at(path)
    try:
        raw = place.read_bytes()
        text = (gzip.decompress(raw) if place.suffix == ".gz" else raw).decode("utf-8-sig")
    except (UnicodeDecodeError, OSError, EOFError) as error:
        raise not_read(path, error, "is no UTF-8 text") from error
    return [line.strip() for line in text.splitlines() if line.strip()]


def read_column(path: str, column: str | None) -> list[str]:
    """The texts of a Parquet or CSV file: the named column, or its only one."""
    import pyarrow.csv as csv
    import pyarrow.parquet as pq

    place = file_at(path)
    try:
        table = pq.read_table(place) if place.suffix == ".parquet" else csv.read_csv(place)
    except (OSError, ValueError) as error:
        raise not_read(path, error, "cannot be read as a table") from error
    if column is None and table.num_columns != 1:
        raise Diagnostic(
            "missing-argument", f"{path} has the columns {', '.join(table.column_names)}: which holds the texts?",
            hint=f"write words('{path}', key={table.column_names[0]})",
        )  # fmt: skip
    name = column or table.column_names[0]
    if name not in table.column_names:
        raise Diagnostic(
            "unknown-column", f"{path} has no column {name}.{did_you_mean(name, table.column_names)}",
            hint=f"its columns: {', '.join(table.column_names)}",
        )  # fmt: skip
    if str(table.schema.field(name).type) not in {"string", "large_string", "string_view"}:
        kind = table.schema.field(name).type
        raise Diagnostic("file-format", f"column {name} of {path} holds {kind}, not text")
    return [v.strip() for v in table[name].to_pylist() if v is not None and v.strip()]


@dataclass(frozen=True)
class TextFile:
    """Texts of a file. With several of one text, the first counts. The fingerprint is of the texts, not the path."""

    path: str
    key: str | None
    what: Kind

    @cached_property
    def held(self) -> list[str]:
        suffix = Path(self.path).suffix
        if suffix == ".npz":
            if self.key is None:
                raise Diagnostic("missing-argument", f"which array of {self.path} holds the texts?",
                                 hint=f"write words('{self.path}', key=names)")  # fmt: skip
            array = array_of(self.path, self.key)
            if array.dtype.kind != "U":
                raise Diagnostic("file-format", f"{self.key} of {self.path} holds {array.dtype}, not text")
            found: list[Any] = [str(v) for v in array.tolist()]
        elif suffix in {".parquet", ".csv"}:
            found = read_column(self.path, self.key)
        else:
            found = read_lines(self.path)
        if not found:
            raise Diagnostic("empty-data", f"{self.path} holds no texts")
        return list(dict.fromkeys(found))

    def fingerprint(self, known: Fingerprints) -> str:
        return digest(self.held)

    def open(self, device: str) -> TextFile:
        return self

    def texts(self) -> Sequence[str]:
        return self.held

    def describe(self) -> dict[str, str]:
        return {"texts": str(len(self.held)), "origin": self.path}


@dataclass(frozen=True)
class TextsInPlace:
    """A list written in the query, or several sources one after another."""

    held: tuple[str, ...]

    def fingerprint(self, known: Fingerprints) -> str:
        return digest(list(self.held))

    def open(self, device: str) -> TextsInPlace:
        return self

    def texts(self) -> Sequence[str]:
        return self.held

    def describe(self) -> dict[str, str]:
        return {"texts": str(len(self.held)), "origin": "written in the query"}


def make(what: Kind) -> Any:
    def make_texts(name: str, path: str, key: str | None) -> Texts:
        spec = TextFile(path, key, what)
        _ = spec.held
        return Texts(name, spec, what)

    return make_texts


def from_file(what: Kind) -> Any:
    return lambda path: make(what)(path, path, None)


def from_list(what: Kind) -> Any:
    def texts(values: Sequence[str]) -> Texts:
        held = tuple(dict.fromkeys(v.strip() for v in values if v.strip()))
        if not held:
            raise Diagnostic("empty-data", "the list is empty")
        return Texts("[" + ", ".join(held[:3]) + (", …]" if len(held) > 3 else "]"), TextsInPlace(held), what)

    return texts


_FILE = Parameter(
    "path", "str", REQUIRED, "the file: one text a line (.txt, .gz), or .npz, .parquet, .csv", is_path=True
)
_KEY = Parameter("key", "str", None, "the array or column that holds the texts", nullable=True)


def built() -> Built:
    return Built(
        constructors=[
            Constructor(
                ConstructorDeclaration("words", "words from a file", (_FILE, _KEY), kind="vocabulary"),
                make("vocabulary"),
            ),
            Constructor(
                ConstructorDeclaration("captions", "captions from a file", (_FILE, _KEY), kind="captions"),
                make("captions"),
            ),
        ],
        files={"vocabulary": from_file("vocabulary"), "captions": from_file("captions")},
        lists={"vocabulary": from_list("vocabulary"), "captions": from_list("captions")},
    )
