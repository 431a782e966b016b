"""Many files are fingerprinted in threads, with the result that one after another would have."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from clq.engine import fingerprint
from clq.engine.fingerprint import Fingerprints


def test_threads_do_not_change_a_fingerprint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = []
    for i in range(30):
        path = tmp_path / f"{i}.bin"
        path.write_bytes(bytes([i]) * (i + 1))
        files.append((path.name, path))
    one_by_one = Fingerprints().files(files)
    monkeypatch.setattr(fingerprint, "MANY", 1)
    assert Fingerprints().files(files) == one_by_one
    files[3][1].write_bytes(b"other")
    assert Fingerprints().files(files) != one_by_one


def test_unchanged_files_are_looked_at_and_not_read_nor_resolved_one_by_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder of a million images is looked at before every run."""
    (tmp_path / "images").mkdir()
    files = [(f"{i}.bin", tmp_path / "images" / f"{i}.bin") for i in range(50)]
    for name, path in files:
        path.write_bytes(name.encode())
        os.utime(path, (1e9, 1e9))
    known = Fingerprints(tmp_path / "known.json")
    first = known.files(files)
    known.save()
    again, resolved, plain = Fingerprints(tmp_path / "known.json"), [], os.path.realpath
    monkeypatch.setattr(os.path, "realpath", lambda path, **more: resolved.append(path) or plain(path, **more))
    monkeypatch.setattr(fingerprint.hashlib, "file_digest", None)  # nothing is read
    assert again.files(files) == first and len(resolved) == 1


def test_a_file_behind_a_link_that_leads_elsewhere_now_is_read_again(tmp_path: Path) -> None:
    """The folder is resolved once in a session; what is remembered is of the file that is there."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.bin").write_bytes(name.encode())
        os.utime(tmp_path / name / "a.bin", (1e9, 1e9))
    link, known = tmp_path / "link", Fingerprints()
    link.symlink_to("one")
    first = known.file(link / "a.bin")
    link.unlink()
    link.symlink_to("two")
    assert known.file(link / "a.bin") == Fingerprints().file(tmp_path / "two" / "a.bin") != first
