"""Many files are fingerprinted in threads, with the result that one after another would have."""

from __future__ import annotations

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
