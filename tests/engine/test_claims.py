"""Claims on work: one holder at a time, in whatever process; gone with the process."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from threading import Thread

import pytest
from toys import ToyScan, images, model

from clq.engine.claims import claimed, clear, name_of
from clq.lang.diagnostic import Diagnostic

Start = Callable[..., "subprocess.Popen[str]"]
HOLDS = """
import sys
from pathlib import Path
from clq.engine.claims import claimed
with claimed(Path(sys.argv[1]), sys.argv[2:]) as mine:
    print(mine, flush=True)
    input()
"""


def files(root: Path) -> list[str]:
    return sorted(p.name for p in (root / "claims").glob("*"))


def test_a_claim_is_held_by_one_and_gone_when_it_ends(tmp_path: Path) -> None:
    with claimed(tmp_path, ["a", "b"]) as mine:
        assert mine and files(tmp_path) == ["a.lock", "b.lock"]
        with claimed(tmp_path, ["b"]) as other:
            assert not other
        with claimed(tmp_path, ["c"]) as other:
            assert other
    assert files(tmp_path) == []


def test_all_or_none_are_claimed(tmp_path: Path) -> None:
    with claimed(tmp_path, ["b"]):
        with claimed(tmp_path, ["a", "b", "c"]) as mine:
            assert not mine and files(tmp_path) == ["b.lock"]
        with claimed(tmp_path, ["a"]) as mine:
            assert mine


def test_the_claim_of_a_failure_ends(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no"), claimed(tmp_path, ["a"]):
        raise ValueError("no")
    with claimed(tmp_path, ["a"]) as mine:
        assert mine


def test_a_dead_process_claims_nothing(tmp_path: Path, start: Start) -> None:
    child = start(HOLDS, str(tmp_path), "a")
    assert child.stdout is not None and child.stdout.readline() == "True\n"
    with claimed(tmp_path, ["a"]) as mine:
        assert not mine
    child.kill()
    child.communicate()
    assert files(tmp_path) == ["a.lock"], "its file is still there"
    with claimed(tmp_path, ["a"]) as mine:
        assert mine
    assert files(tmp_path) == []


def test_who_waits_has_it_as_soon_as_it_is_free(tmp_path: Path, start: Start) -> None:
    child = start(HOLDS, str(tmp_path), "a")
    assert child.stdout is not None and child.stdout.readline() == "True\n"
    got: list[bool] = []

    def wait() -> None:
        with claimed(tmp_path, ["a"], wait=True) as mine:
            got.append(mine)

    thread = Thread(target=wait)
    thread.start()
    assert got == []
    child.communicate("\n")
    thread.join(timeout=30)
    assert got == [True]


def test_a_file_that_its_owner_takes_away_is_not_mistaken_for_the_claim(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between opening the file and locking it, its owner ends: what is then locked is no file of the store."""
    real, path = fcntl.flock, tmp_path / "claims" / "a.lock"
    calls: list[int] = []

    def flock(file: object, how: int) -> None:
        calls.append(how)
        if len(calls) == 1:
            path.unlink()
        real(file, how)  # type: ignore[arg-type]

    monkeypatch.setattr(fcntl, "flock", flock)
    with claimed(tmp_path, ["a"]) as mine:
        assert mine and path.exists() and len(calls) == 2


def test_where_there_are_no_locks_everybody_may_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def flock(file: object, how: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", flock)
    with claimed(tmp_path, ["a"]) as one, claimed(tmp_path, ["a"]) as two:
        assert one and two


def test_a_store_without_space_for_a_claim_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def flock(file: object, how: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(fcntl, "flock", flock)
    with pytest.raises(Diagnostic) as caught, claimed(tmp_path, ["a"]):
        raise AssertionError
    assert caught.value.code == "disk-full"


def test_clearing_takes_what_dead_processes_left(tmp_path: Path, start: Start) -> None:
    child = start(HOLDS, str(tmp_path), "dead")
    assert child.stdout is not None and child.stdout.readline() == "True\n"
    child.kill()
    child.communicate()
    with claimed(tmp_path, ["alive"]):
        assert clear(tmp_path) == 1 and files(tmp_path) == ["alive.lock"]


def test_names_tell_operators_and_shards_apart() -> None:
    one, two = ToyScan(model(3), images(20)), ToyScan(model(5), images(20))
    names = {name_of(one), name_of(two), name_of(one, range(0, 6)), name_of(one, range(6, 12))}
    assert len(names) == 4
