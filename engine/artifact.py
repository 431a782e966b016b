"""What an operator leaves: arrays in shards, or one table, with the facts about how it was made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa


@dataclass
class Result:
    """The output of a global operator before it is stored: named arrays, or a table.

    A table that grows with the images comes as a reader, whose batches are made while they are stored.
    """

    arrays: Mapping[str, np.ndarray] | None = None
    table: pa.Table | pa.RecordBatchReader | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class Artifact:
    """A finished artifact on disk. Files are memory-mapped where the format allows it."""

    key: str
    folder: Path
    manifest: Mapping[str, Any]

    @property
    def files(self) -> list[Path]:
        return [self.folder / name for name in self.manifest["files"]]

    @property
    def facts(self) -> Mapping[str, Any]:
        facts: Mapping[str, Any] = self.manifest.get("facts", {})
        return facts

    @property
    def bytes(self) -> int:
        return sum(int(f["bytes"]) for f in self.manifest["files"].values())

    @property
    def rows(self) -> int:
        return int(self.manifest.get("rows", 0))

    @property
    def names(self) -> frozenset[str]:
        """What its arrays are called."""
        from safetensors import safe_open

        if not self.files:
            return frozenset()
        with safe_open(str(self.files[0]), framework="numpy") as f:
            return frozenset(f.keys())

    def shape(self, name: str) -> tuple[int, ...]:
        """That of one array whose shards are joined along the first axis; nothing of it is read."""
        from safetensors import safe_open

        rows, rest = 0, tuple[int, ...]()
        for path in self.files:
            with safe_open(str(path), framework="numpy") as f:
                count, *more = f.get_slice(name).get_shape()
                rows, rest = rows + int(count), tuple(map(int, more))
        return (rows, *rest)

    def shards(self, *names: str) -> Iterator[dict[str, np.ndarray]]:
        """The named arrays (all by default), one shard after another: memory for one shard only."""
        from safetensors import safe_open

        for path in self.files:
            with safe_open(str(path), framework="numpy") as f:
                keys = names or tuple(f.keys())
                yield {k: f.get_tensor(k) for k in keys}

    def blocks(self, name: str, size: int) -> Iterator[np.ndarray]:
        """One array in blocks of `size` rows, whatever the shards are: two artifacts over the same images go in step.

        Memory for one block.
        """
        import numpy as np
        from safetensors import safe_open

        parts: list[np.ndarray] = []
        lacking = size
        for path in self.files:
            with safe_open(str(path), framework="numpy") as f:
                held = f.get_slice(name)
                rows, start = int(held.get_shape()[0]), 0
                while start < rows:
                    part = held[start : min(start + lacking, rows)]  # a stop beyond the end is an error
                    parts.append(part)
                    start += len(part)
                    lacking -= len(part)
                    if not lacking:
                        yield parts[0] if len(parts) == 1 else np.concatenate(parts)
                        parts, lacking = [], size
        if parts:
            yield parts[0] if len(parts) == 1 else np.concatenate(parts)

    def take(self, name: str, rows: np.ndarray) -> np.ndarray:
        """Some rows [n] of one array, in this order; each shard that has one of them is read once.

        Raises IndexError for a row that is not there.
        """
        import numpy as np
        from safetensors import safe_open

        found: np.ndarray | None = None
        first = 0
        for path in self.files:
            with safe_open(str(path), framework="numpy") as f:
                count = int(f.get_slice(name).get_shape()[0])
                here = (rows >= first) & (rows < first + count)
                if here.any() or found is None:
                    held = f.get_tensor(name)
                    if found is None:
                        found = np.empty((len(rows), *held.shape[1:]), held.dtype)
                    found[here] = held[rows[here] - first]
                first += count
        if found is None or (len(rows) and (rows.min() < 0 or rows.max() >= first)):
            raise IndexError(f"{name} has {first} rows")
        return found

    def load(self, name: str) -> np.ndarray:
        """One array whole, shards joined along the first axis."""
        import numpy as np

        parts = [s[name] for s in self.shards(name)]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def table(self) -> pa.Table:
        import pyarrow.parquet as pq

        return pq.read_table(self.files[0])
