"""Artifacts read back in blocks and by rows are what one reads whole, wherever the shards end."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from toys import ToyScan, images, model

from clq.engine.artifact import Artifact
from clq.engine.store import Store

SHARDS = st.lists(st.integers(0, 7), min_size=1, max_size=6)


def held(folder: str, sizes: list[int]) -> tuple[Artifact, np.ndarray]:
    """An artifact of shards with so many rows, and its one array [rows, 2]."""
    store, scan, files, first = Store(Path(folder)), ToyScan(model(), images(5)), [], 0
    whole = np.arange(2 * sum(sizes), dtype=np.float32).reshape(-1, 2)
    for n, size in enumerate(sizes):
        files.append(store.put_shard(scan, range(10 * n, 10 * n + 10), {"x": whole[first : first + size]}))
        first += size
    return store.finish(scan, files, len(whole), 0.0, {}), whole


@given(SHARDS, st.integers(1, 12))
def test_blocks_are_of_one_size_whatever_the_shards_are(sizes: list[int], size: int) -> None:
    with TemporaryDirectory() as folder:
        artifact, whole = held(folder, sizes)
        blocks = list(artifact.blocks("x", size))
    assert [len(b) for b in blocks] == [min(size, len(whole) - start) for start in range(0, len(whole), size)]
    if blocks:
        assert np.array_equal(np.concatenate(blocks), whole)


@given(SHARDS, st.data())
def test_rows_are_taken_in_any_order_and_as_often_as_asked(sizes: list[int], draw: st.DataObject) -> None:
    with TemporaryDirectory() as folder:
        artifact, whole = held(folder, sizes)
        row = st.integers(0, max(0, len(whole) - 1))
        rows = np.array(draw.draw(st.lists(row, max_size=20 if len(whole) else 0)), np.int64)
        taken = artifact.take("x", rows)
        assert taken.dtype == whole.dtype and np.array_equal(taken, whole[rows])
        for wrong in (-1, len(whole)):
            with pytest.raises(IndexError, match="rows"):
                artifact.take("x", np.array([wrong]))
