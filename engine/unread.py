"""Images that cannot be read, where they are to be left out (`SET on_error = 'skip'`).

A round goes on past them, so all are found in one reading. The rows of the other images are left where work on the
data set without the unreadable ones finds them (engine.reuse), and `Unreadable` tells who planned the round: its plan
is made again over the smaller data set, whose key says what was left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from .operator import Axis, Global, Operator, Scan, Source, digest
from .reuse import remember
from .store import Store, rows_of

if TYPE_CHECKING:
    import numpy as np


class Unreadable(Exception):
    """Some images of a data set could not be read: `reasons` by their number."""

    def __init__(self, dataset: Source, reasons: Mapping[int, Exception]) -> None:
        super().__init__(f"{len(reasons)} images of {dataset.name} cannot be read")
        self.dataset, self.reasons = dataset, dict(reasons)


@dataclass(frozen=True, eq=False)
class ReadableRows(Global):
    """What a scan made of the images that could be read; never asked for, only looked into for rows."""

    couples: ClassVar[frozenset[Axis]] = frozenset()
    scan: Operator
    rows: str

    def label(self) -> str:
        return f"readable part of {self.scan.label()}"


def keep_readable(store: Store, scan: Scan, files: Sequence[Path], ids: np.ndarray) -> None:
    """Leave the rows of the readable images, whose identities are `ids` [rows] in the order of the files."""
    if not len(ids) or sum(map(rows_of, files)) != len(ids):  # an earlier run could still read what is unreadable now
        return
    part = ReadableRows(scan, digest(ids.tobytes().hex()))
    store.adopt(part, files, len(ids))
    remember(store, part, ids, work=scan)
