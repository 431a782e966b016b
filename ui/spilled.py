"""Rows of results: a few in memory, many in a file that the system maps, so that they take no memory of their own."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from ..engine.files import unwritable

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

MOST = 64 << 20  # bytes of rows that are held in memory
BATCH = 8192  # rows


def fetched(relation: duckdb.DuckDBPyRelation, folder: Path) -> pa.Table:
    """The rows of a relation. Beyond `MOST` bytes they are in a file under `folder` that has no name any more: it is
    gone when nobody holds the rows."""
    import pyarrow as pa

    # Before 1.5, DuckDB had it under another name only.
    reader = getattr(relation, "to_arrow_reader", relation.fetch_record_batch)(BATCH)
    held: list[pa.RecordBatch] = []
    size = 0
    for batch in reader:
        held.append(batch)
        size += batch.nbytes
        if size > MOST:
            return _mapped(held, reader, folder)
    return pa.Table.from_batches(held, reader.schema)


def _mapped(held: list[pa.RecordBatch], reader: pa.RecordBatchReader, folder: Path) -> pa.Table:
    import pyarrow as pa

    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=folder, suffix=".arrow")
        try:
            with os.fdopen(handle, "wb") as file, pa.ipc.new_file(file, reader.schema) as writer:
                while held:
                    writer.write_batch(held.pop(0))
                for batch in reader:
                    writer.write_batch(batch)
            return pa.ipc.open_file(pa.memory_map(name)).read_all()
        finally:
            os.unlink(name)
    except OSError as error:
        raise unwritable(folder, error) from error
