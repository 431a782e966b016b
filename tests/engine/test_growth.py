"""What a run does for one shard may not grow with the number of shards: counted, not timed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_reuse import ToyRows, values
from test_reuse import expected as expected_rows
from toys import ToySample, ToyScan, expected, images, model, rows

from clq.engine import reuse, store
from clq.engine.operator import Source
from clq.engine.resources import Resources
from clq.engine.run import optimize, run
from clq.engine.shards import Share
from clq.engine.store import Store
from clq.engine.uploads import Uploads


@pytest.fixture
def listings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The folders that are listed."""
    found: list[str] = []

    def told(plain: Callable[..., Any]) -> Callable[..., Any]:
        def listed(path: Any = ".") -> Any:
            found.append(os.fspath(path))
            return plain(path)

        return listed

    monkeypatch.setattr(os, "scandir", told(os.scandir))
    monkeypatch.setattr(os, "listdir", told(os.listdir))
    return found


def listed_by_a_run(folder: Path, count: int, listings: list[str]) -> int:
    made, scan = Store(folder), ToyScan(model(), images(count))
    listings.clear()
    run(optimize([scan], made), made, Resources(batch=3, workers=1, shard=6))
    number = sum(place.startswith(str(folder)) for place in listings)  # imports list folders, too
    assert rows(Store(folder), scan) == expected(scan)
    return number


def test_folders_are_listed_no_more_often_for_more_shards(tmp_path: Path, listings: list[str]) -> None:
    few = listed_by_a_run(tmp_path / "few", 12, listings)
    assert 0 < few == listed_by_a_run(tmp_path / "many", 240, listings)


class NotLookedThrough(np.ndarray):
    """An array that is never compared or added as a whole."""

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **more: Any) -> Any:
        raise AssertionError(f"{ufunc.__name__} over all images")


def test_the_images_of_a_shard_are_found_without_looking_through_all() -> None:
    chosen = np.arange(0, 10_000, 3).view(NotLookedThrough)
    share = Share("some", (), 10_000, chosen)
    assert np.asarray(share.within(range(600, 606))).tolist() == [600, 603] and share.many(range(600, 606)) == 2
    every = Share("all", (), 10**12, None)
    assert every.within(range(600, 606)).tolist() == list(range(600, 606)) and every.many(range(600, 606)) == 6


def test_scans_of_all_images_hold_no_list_of_them(tmp_path: Path) -> None:
    """A data set of ten thousand million images can be begun."""
    from clq.engine.inputs import Reading
    from clq.engine.plan import Pass, Round
    from clq.engine.shards import shares_of

    scan = ToyScan(model(), images(6))
    (share,) = shares_of(Round(scan.images, (Pass((scan,)),)), 10**10, Reading(Store(tmp_path), Resources()))
    assert share.chosen is None and share.images == 10**10


def test_files_of_earlier_rows_are_looked_into_once_for_all_shards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def scan_of(*chosen: int) -> ToyRows:
        spec = ToySample(chosen)
        return ToyRows(model(), Source("dataset", f"sample {chosen}", "sample", spec, spec.identities))

    made, counted = Store(tmp_path), []
    run(optimize([scan_of(*range(60))], made), made, Resources(batch=3, workers=1, shard=6))
    plain = store.rows_of
    monkeypatch.setattr(reuse, "rows_of", lambda path: counted.append(path.name) or plain(path))
    later = scan_of(*range(1, 62))
    run(optimize([later], made), made, Resources(batch=3, workers=1, shard=6))
    assert len(counted) == 10, "once each file of the earlier artifact, for eleven shards"
    assert values(Store(tmp_path), later) == expected_rows(later)


class Going(dict[Any, Any]):
    looked = 0

    def items(self) -> Any:
        Going.looked += 1
        return super().items()


def test_a_shard_on_its_way_looks_at_no_other(tmp_path: Path) -> None:
    class Remote:
        def put(self, name: str, data: bytes) -> None: ...
        def sizes(self, place: str) -> dict[str, int]:
            return {}

        def each(self, work: Callable[[str], Any], names: Iterable[str]) -> Iterator[Any]:
            return map(work, names)

    uploads = Uploads(tmp_path, Remote(), lambda key: None, lambda: None)  # type: ignore[arg-type]
    uploads._going = Going()
    for number in range(50):
        uploads.later("key", f"{number}.safetensors")
    assert Going.looked == 0 and len(uploads._going) == 50
    uploads.later("key")
    assert Going.looked == 1
    uploads.drain()


def test_rows_are_matched_whatever_their_bytes() -> None:
    """Zeros at the end count; of two equal rows it is the later one."""
    def ids(*names: bytes) -> np.ndarray:
        return np.array([n.ljust(16, b"\0") for n in names], "V16")

    there = ids(b"b", b"a", b"b\0c", b"", b"a")
    found = reuse.Known([], np.array([-1, 4, -1, -1, -1]), np.full(5, -1))
    which, place = reuse._match(found, ids(b"a", b"a", b"b\0", b"zz", b""), there)
    assert list(zip(which.tolist(), place.tolist(), strict=True)) == [(0, 4), (2, 0), (4, 3)]
    nothing = reuse._match(found, ids(b"a", b"a", b"b", b"z", b""), ids())
    assert [len(part) for part in nothing] == [0, 0]
