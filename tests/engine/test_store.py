"""The store under damage, full disks, kills, and several processes."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from io import BufferedReader
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from toys import ToyCrops, ToyJoin, ToyScan, ToyTop, expected, images, lines, model, rows

from clq.engine import store as module
from clq.engine.artifact import Result
from clq.engine.files import sealed, write_aside
from clq.engine.fingerprint import SETTLED, Fingerprints
from clq.engine.resources import Resources
from clq.engine.run import optimize, run
from clq.engine.store import Store
from clq.lang.diagnostic import Diagnostic

Start = Callable[..., "subprocess.Popen[str]"]


def plan_of(count: int = 20) -> ToyJoin:
    data = images(count)
    scan = ToyScan(model(3), data)
    return ToyJoin((scan, ToyCrops(model(3), data, ToyTop(scan, 4))))


def finish(root: Any, path: Path) -> Resources:
    """Run with a fresh session of the store; returns what was done."""
    store, resources = Store(path), Resources(batch=3, workers=1, shard=6)
    run(optimize([root], store), store, resources)
    assert rows(Store(path), root) == expected(root)
    return resources


def files(store: Store, operator: Any) -> list[Path]:
    found = store.find(operator)
    assert found is not None
    return found.files


def flip(path: Path, at: int = -1) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(bytes(data))


# ------------------------------------------------------------ writing aside


def failing(name: str, code: int) -> Callable[..., Any]:
    def fail(*args: Any, **more: Any) -> Any:
        raise OSError(code, os.strerror(code))

    fail.__name__ = name
    return fail


@pytest.mark.parametrize("call", ["fsync", "replace"])
@pytest.mark.parametrize(
    ("code", "named"),
    [(errno.ENOSPC, "disk-full"), (errno.EDQUOT, "disk-full"), (errno.EACCES, "store-unwritable"),
     (errno.EROFS, "store-unwritable"), (errno.EIO, "store-unwritable")],
)  # fmt: skip
def test_a_write_that_fails_leaves_the_old_content_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, code: int, named: str
) -> None:
    path = tmp_path / "file"
    write_aside(path, b"old")
    with monkeypatch.context() as patch, pytest.raises(Diagnostic) as caught:
        patch.setattr(module.os, call, failing(call, code))
        write_aside(path, b"new")
    assert (caught.value.code, caught.value.exit_code) == (named, 1)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_an_interrupted_write_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*args: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(module.os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_aside(tmp_path / "file", b"new")
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_fills_up_keeps_what_was_finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After two shards there is no space; with space, the same command reads the rest only."""
    root, real, left = plan_of(), os.replace, [2]
    Store(tmp_path)

    def replace(a: Any, b: Any) -> None:
        if not left[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        left[0] -= 1
        real(a, b)

    with monkeypatch.context() as patch, pytest.raises(Diagnostic) as caught:
        patch.setattr(module.os, "replace", replace)
        finish(root, tmp_path)
    assert (caught.value.code, caught.value.exit_code) == ("disk-full", 1)
    assert [p.name for p in tmp_path.rglob(".*")] == []
    done = finish(root, tmp_path)
    assert done.open(images(20)).reads[:8] == list(range(12, 20))


def test_a_store_that_cannot_be_made_is_found_before_anything_runs(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(Diagnostic) as caught:
        Store(tmp_path / "file" / "store")
    assert (caught.value.code, caught.value.exit_code) == ("store-unwritable", 2)


@pytest.mark.parametrize(("code", "named"), [(errno.EROFS, "store-unwritable"), (errno.ENOSPC, "disk-full")])
def test_a_store_that_cannot_be_written_is_found_before_the_first_image(
    store: Store, resources: Resources, monkeypatch: pytest.MonkeyPatch, code: int, named: str
) -> None:
    monkeypatch.setattr(module.tempfile, "TemporaryFile", failing("TemporaryFile", code))
    data = images(20)
    with pytest.raises(Diagnostic) as caught:
        run(optimize([ToyScan(model(), data)], store), store, resources)
    assert caught.value.code == named
    assert caught.value.exit_code == (1 if named == "disk-full" else 2)
    assert resources.open(data).reads == []


# ------------------------------------------------------------ damage


@pytest.mark.parametrize("at", [0, 40, -1])
def test_a_damaged_shard_is_set_aside_and_only_its_images_are_read_again(tmp_path: Path, at: int) -> None:
    root = plan_of()
    scan = root.parts[0]
    finish(root, tmp_path)
    for part in (root, *root.parts):  # nothing above it is left, so that the scan is needed
        if part is not scan:
            (Store(tmp_path).folder(part.key) / "artifact.json").unlink()
    damaged = files(Store(tmp_path), scan)[1]
    flip(damaged, at)
    store = Store(tmp_path)
    assert store.find(scan) is None
    assert store.damaged == [scan.key]
    assert not damaged.exists() and len(list(damaged.parent.glob("damaged.*"))) == 1
    assert finish(root, tmp_path).open(images(20)).reads[:6] == [6, 7, 8, 9, 10, 11]


@pytest.mark.parametrize("cut", [0, 1, 40, -1])
def test_a_truncated_manifest_costs_no_image(tmp_path: Path, cut: int) -> None:
    scan = ToyScan(model(), images())
    finish(scan, tmp_path)
    manifest = Store(tmp_path).folder(scan.key) / "artifact.json"
    manifest.write_bytes(manifest.read_bytes()[:cut])
    store = Store(tmp_path)
    assert store.find(scan) is None and store.damaged == [scan.key]
    assert finish(scan, tmp_path).counts["decoded"] == 0


def test_a_manifest_that_says_something_else_is_not_believed(tmp_path: Path) -> None:
    scan = ToyScan(model(), images())
    finish(scan, tmp_path)
    manifest = Store(tmp_path).folder(scan.key) / "artifact.json"
    held = json.loads(manifest.read_text())
    manifest.write_text(json.dumps({**held, "rows": 7}))
    assert Store(tmp_path).find(scan) is None
    finish(scan, tmp_path)
    manifest.write_text("[1, 2]")
    assert Store(tmp_path).find(scan) is None


def test_a_missing_shard_is_made_again(tmp_path: Path) -> None:
    scan = ToyScan(model(), images())
    finish(scan, tmp_path)
    files(Store(tmp_path), scan)[3].unlink()
    assert Store(tmp_path).find(scan) is None
    assert finish(scan, tmp_path).open(images()).reads == [18, 19]


def test_a_damaged_table_is_made_again_from_what_is_below_it(tmp_path: Path) -> None:
    root = plan_of()
    finish(root, tmp_path)
    flip(files(Store(tmp_path), root)[0], 30)
    again = finish(root, tmp_path)
    assert again.counts["decoded"] == 0


def test_a_result_that_is_damaged_but_not_needed_is_left_alone(tmp_path: Path) -> None:
    root = plan_of()
    finish(root, tmp_path)
    flip(files(Store(tmp_path), root.parts[0])[0])
    store = Store(tmp_path)
    assert optimize([root], store).steps == ()
    assert store.damaged == []


def test_damage_that_another_process_sets_aside_first_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan = ToyScan(model(), images())
    finish(scan, tmp_path)
    flip(files(Store(tmp_path), scan)[0])
    late, real, other = Store(tmp_path), module.is_whole, Store(tmp_path)

    def whole(path: Path) -> bool:
        monkeypatch.setattr(module, "is_whole", real)
        found = real(path)
        assert other.find(scan) is None  # sets everything aside just after we have looked
        return found

    monkeypatch.setattr(module, "is_whole", whole)
    assert late.find(scan) is None


def test_a_file_that_may_not_be_read_now_is_not_taken_for_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan = ToyScan(model(), images())
    finish(scan, tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(module, "digest_of_file", failing("read", errno.EMFILE))
        with pytest.raises(Diagnostic) as caught:
            Store(tmp_path).find(scan)
    assert (caught.value.code, caught.value.exit_code) == ("store-unreadable", 1)
    assert Store(tmp_path).find(scan) is not None


def test_a_shard_on_a_bad_sector_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scan = ToyScan(model(), images())
    finish(scan, tmp_path)
    bad, real = files(Store(tmp_path), scan)[1], module.digest_of_file

    def read(file: BufferedReader) -> str:
        if file.name == str(bad):
            raise OSError(errno.EIO, "Input/output error")
        return real(file)

    with monkeypatch.context() as patch:
        patch.setattr(module, "digest_of_file", read)
        assert Store(tmp_path).find(scan) is None
    assert finish(scan, tmp_path).open(images()).reads == list(range(6, 12))


def test_a_store_of_a_later_version_is_left_alone(tmp_path: Path) -> None:
    Store(tmp_path)
    (tmp_path / "layout.json").write_text(json.dumps(sealed({"layout": module.LAYOUT + 1})))
    with pytest.raises(Diagnostic) as caught:
        Store(tmp_path)
    assert (caught.value.code, caught.value.exit_code) == ("store-newer", 2)


def test_facts_come_back_as_they_were_stored(store: Store) -> None:
    top = ToyTop(ToyScan(model(), images()), 2)
    facts = {"threshold": 0.1, "names": ("a", "b"), "nothing": None, "é": "ü"}
    put = store.put(top, Result({"index": np.arange(2)}, facts=facts), 0.0)
    found = Store(store.root).find(top)
    assert found is not None
    assert found.facts == put.facts == {**facts, "names": ["a", "b"]}


def test_arrays_come_back_bit_for_bit(store: Store) -> None:
    top = ToyTop(ToyScan(model(), images()), 2)
    arrays = {
        "view": np.arange(24, dtype=np.float32).reshape(4, 6)[:, ::2],
        "turned": np.arange(6).reshape(2, 3).T,
        "empty": np.zeros((0, 3), np.float32),
        "flags": np.array([True, False]),
    }
    store.put(top, Result(arrays), 0.0)
    found = Store(store.root).find(top)
    assert found is not None
    for name, array in arrays.items():
        assert np.array_equal(found.load(name), array) and found.load(name).dtype == array.dtype


# ------------------------------------------------------------ kills and several processes

RUNS = """
import sys
from pathlib import Path
from clq.engine.resources import Resources
from clq.engine.run import optimize, run
from clq.engine.store import Store
from toys import ToyCrops, ToyJoin, ToyScan, ToyTop, images, model

pause = float(sys.argv[3])
data = images(24, log=sys.argv[2])
scan = ToyScan(model(3, pause=pause), data)
root = ToyJoin((scan, ToyScan(model(5, pause=pause), data), ToyCrops(model(3), data, ToyTop(scan, 4))))
store = Store(Path(sys.argv[1]))
run(optimize([root], store), store, Resources(batch=2, workers=1, shard=6))
"""


def killed_plan() -> ToyJoin:
    data = images(24)
    scan = ToyScan(model(3), data)
    return ToyJoin((scan, ToyScan(model(5), data), ToyCrops(model(3), data, ToyTop(scan, 4))))


@pytest.mark.parametrize("shards", [0, 1, 3])
def test_a_run_that_is_killed_is_taken_up_after_its_last_whole_shard(tmp_path: Path, start: Start, shards: int) -> None:
    store, root = tmp_path / "store", killed_plan()
    first = start(RUNS, str(store), str(tmp_path / "first"), "0.05")
    end = time.monotonic() + 30
    try:
        while len(lines(tmp_path / "first")) < 6 * shards + 3:
            assert first.poll() is None, first.communicate()
            assert time.monotonic() < end
            time.sleep(0.005)
    finally:
        first.send_signal(signal.SIGKILL)
        first.communicate()
    scan, other = root.parts[0], root.parts[1]
    whole = set(Store(store).shards(scan)) & set(Store(store).shards(other))
    assert len(whole) in {shards, shards + 1}
    assert Store(store).find(scan) is None
    done = Resources(batch=2, workers=1, shard=6)
    data = images(24, log=str(tmp_path / "second"))
    taken_up = ToyJoin((ToyScan(model(3), data), ToyScan(model(5), data), ToyCrops(model(3), data, root.parts[2].top)))
    assert taken_up.key == root.key
    run(optimize([taken_up], Store(store)), Store(store), done)
    missing = [i for i in range(24) if not any(i in shard for shard in whole)]
    chosen = [i for i, _ in expected(root.parts[2])]
    assert lines(tmp_path / "second") == missing + chosen
    assert rows(Store(store), root) == expected(root)


def test_processes_that_run_one_plan_into_one_store_all_finish_soundly(tmp_path: Path, start: Start) -> None:
    store, root = tmp_path / "store", killed_plan()
    processes = [start(RUNS, str(store), str(tmp_path / f"log{n}"), "0.01") for n in range(3)]
    for process in processes:
        _, problems = process.communicate()
        assert process.returncode == 0, problems
    fresh = Store(store)
    assert rows(fresh, root) == expected(root)
    for part in root.parts:
        assert rows(fresh, part) == expected(part)
    assert fresh.damaged == []


# ------------------------------------------------------------ fingerprints of files


def settled(path: Path, content: bytes) -> None:
    """A file that has not been touched for a while."""
    path.write_bytes(content)
    before = time.time_ns() - 2 * SETTLED
    os.utime(path, ns=(before, before))


def test_a_file_is_read_once_and_remembered_by_the_next_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "weights"
    settled(path, b"one")
    first = Fingerprints(tmp_path / "known.json")
    digest = first.file(path)
    first.save()
    monkeypatch.setattr("hashlib.file_digest", failing("file_digest", errno.EIO))
    assert Fingerprints(tmp_path / "known.json").file(path) == digest


def test_a_file_that_changes_has_another_digest(tmp_path: Path) -> None:
    path, known = tmp_path / "weights", Fingerprints(tmp_path / "known.json")
    settled(path, b"one")
    before = known.file(path)
    path.write_bytes(b"two, longer")
    assert known.file(path) != before


def test_a_file_that_changes_within_a_tick_of_the_clock_has_another_digest(tmp_path: Path) -> None:
    """Same size, same mtime, same inode: a young file is not remembered."""
    path, known = tmp_path / "weights", Fingerprints(tmp_path / "known.json")
    path.write_bytes(b"one")
    stamp = path.stat().st_mtime_ns
    before = known.file(path)
    path.write_bytes(b"two")
    os.utime(path, ns=(stamp, stamp))
    assert known.file(path) != before


@pytest.mark.parametrize("content", [b"", b"{", b"[1, 2]", b"null", b"\xff\xfe"])
def test_a_torn_memory_of_digests_is_passed_over(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "known.json").write_bytes(content)
    settled(tmp_path / "weights", b"one")
    known = Fingerprints(tmp_path / "known.json")
    known.file(tmp_path / "weights")
    known.save()
    assert json.loads((tmp_path / "known.json").read_bytes())
