"""A disk that fills up and a store that may no longer be written, at every named point: told, and nothing is lost."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from crashes import CROPS, IMAGES, POINTS, SHARD, allow, copied, finished
from forkserver import ForkServer
from toys import lines

NOBODY = 65534
# Of the places within one write, the first two: what comes after them, the next file's come before.
PLACES = [p for p in POINTS if p[0] not in {"file synced", "file placed"}]
# From these points on no more space is needed than the old catalogue leaves, or than was asked for already.
SPARED = {"catalogue backed up", "catalogue synced", "log put aside", "catalogue placed", "backup placed",
          "catalogue settled", "artifact dropped", "artifact removed"}  # fmt: skip


@pytest.fixture(scope="module")
def disk() -> Iterator[Path]:
    """A disk of 16 MB."""
    with tempfile.TemporaryDirectory() as given:
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", given], capture_output=True)
        if mounted.returncode:
            pytest.skip("no small disk can be mounted here")
        try:
            yield Path(given)
        finally:
            subprocess.run(["umount", "-l", given], check=True)


@pytest.mark.parametrize(("point", "name", "pattern"), PLACES, ids=lambda v: v.replace(" ", "-"))
def test_a_disk_that_is_full_from_a_named_point_on(
    forks: ForkServer, base: Path, disk: Path, point: str, name: str, pattern: str
) -> None:
    with tempfile.TemporaryDirectory(dir=disk) as given:
        store, log = copied(base, Path(given) / "store"), Path(given) / "log"
        log.write_text("\n" * 4000)  # the toys' own notes have their space already
        begun = forks.run("crashes:session", str(store), str(log), point, pattern, "fill", str(disk))
        (disk / "filler").unlink()
        assert "Traceback" not in begun.err + begun.out, begun.err
        spared = point in SPARED or (name == "pins" and point != "file begun")
        assert begun.code == (0 if spared else 1), (begun.code, begun.out, begun.err)
        if begun.code:
            assert "error[disk-full]" in begun.out and "goes on from there" in begun.out, begun.out
        finished(forks, store, log)
        assert len(lines(log)) <= IMAGES + CROPS + SHARD


@pytest.fixture
def theirs(base: Path, place: Path) -> tuple[Path, int | None]:
    """The store as somebody's who is not root, for whom permissions count; who that is, if it is not who runs this."""
    store = copied(base, place / "store")
    if os.getuid():
        return store, None
    for path in [place.parent, place]:
        path.chmod(0o755)
    for path in [place, store, *store.rglob("*")]:
        os.chown(path, NOBODY, NOBODY)
    return store, NOBODY


@pytest.mark.parametrize(("point", "name", "pattern"), PLACES, ids=lambda v: v.replace(" ", "-"))
def test_a_store_that_may_not_be_written_from_a_named_point_on(
    forks: ForkServer, theirs: tuple[Path, int | None], point: str, name: str, pattern: str
) -> None:
    store, user = theirs
    log = store.parent / "log"
    begun = forks.run("crashes:session", str(store), str(log), point, pattern, "forbid", user=user)
    allow(store)
    assert "Traceback" not in begun.err + begun.out, begun.err
    assert begun.code == (0 if point == "artifact removed" else 1), (begun.code, begun.out, begun.err)
    if begun.code:
        assert "error[store-unwritable]" in begun.out and "--store" in begun.out, begun.out
    finished(forks, store, log, user)
    assert len(lines(log)) <= IMAGES + CROPS + SHARD
