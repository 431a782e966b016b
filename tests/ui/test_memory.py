"""SET memory: respected by blocks, batches and DuckDB, reported by PLAN ANALYZE, meta.runs and remarks; the answer is
the same."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import clq
from clq.engine import footprint
from clq.lang.diagnostic import Diagnostic
from clq.ui import spilled

QUERY = "EXPLAIN layer2[0:6] OF labnet ON lab.probe[0:{}] USING clip_dissect(top_k=5, top=2) WITH ['boat', 'snow']"


def limits(con: Any) -> tuple[int | None, str]:
    """What the processes may hold, and what DuckDB may."""
    return con.resources.limit, con.duckdb.sql("SELECT current_setting('memory_limit')").fetchall()[0][0]


def test_the_setting_is_given_and_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with clq.connect(tmp_path) as con:
        before = limits(con)
        con.run("SET memory = '2GB'")
        assert limits(con) == (2_000_000_000, "476.8 MiB")
        con.run("SET memory = 1000000")
        assert limits(con) == (1_000_000, "64.0 MiB")
        for statement in ("RESET memory", "SET memory = 'none'"):
            con.run(f"SET memory = '1GB'; {statement}")
            assert limits(con) == before
    monkeypatch.setenv("CLQ_MEMORY", "4GB")
    with clq.connect(tmp_path) as con:
        assert limits(con)[0] == 4_000_000_000
        con.run("SET memory = '1GB'; RESET memory")
        assert limits(con)[0] == 4_000_000_000
    with clq.connect(tmp_path, memory="3GB") as con:
        assert limits(con)[0] == 3_000_000_000


def test_a_run_within_little_memory_gives_the_same_and_says_what_it_held(tmp_path: Path) -> None:
    with clq.connect(tmp_path / "free") as free, clq.connect(tmp_path / "tight") as tight:
        query = f"{QUERY.format(40)} INTO t"
        expected = free.run(query).df()
        shown = tight.run(f"SET memory = '1MB'; PLAN ANALYZE {QUERY.format(20)}").last.text
        found = tight.run(query).df()
        most = footprint.peak()
        (held,) = tight.sql("SELECT DISTINCT peak_memory FROM meta.runs").df().peak_memory
    assert found.drop(columns="score").equals(expected.drop(columns="score"))
    assert (found.score - expected.score).abs().max() < 1e-5, "other batches may change last bits"
    assert "memory: at most" in shown and "of 1.0 MB for all" in shown
    assert 50 << 20 < held <= most


def test_the_command_line_tells_what_does_not_fit(tmp_path: Path) -> None:
    def run(*args: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "clq", "-c", QUERY.format(8), *args]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)

    done = run("--memory", "1MB")
    assert done.returncode == 0, done.stderr
    assert "note: memory: a process has held" in done.stderr and "more than the 1.0 MB it was to hold" in done.stderr
    done = run("--memory", "64TB")
    assert done.returncode == 0 and "memory" not in done.stderr
    done = run("--memory", "lots")
    assert done.returncode == 2 and "bad-argument" in done.stderr and "2GB" in done.stderr


@pytest.mark.parametrize("value", ["'lots'", "-1", "true", "1.5"])
def test_what_is_no_size(tmp_path: Path, value: str) -> None:
    with clq.connect(tmp_path) as con, pytest.raises(Diagnostic) as caught:
        con.run(f"SET memory = {value}")
    assert (caught.value.code, caught.value.exit_code) == ("bad-argument", 2)
    assert caught.value.position() is not None


def test_many_rows_are_in_a_file_that_is_gone_with_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    query = "SELECT range AS n, 'row ' || range AS text FROM range(20000) ORDER BY n"
    with clq.connect(tmp_path) as con:
        expected = con.sql(query)
        monkeypatch.setattr(spilled, "MOST", 100_000)
        found = con.sql(query)
        assert found.arrow().equals(expected.arrow()) and repr(found) == repr(expected)
        assert not list(tmp_path.glob("spilled/*/*")), "it has no name any more"
        empty = con.sql("SELECT 1 AS a WHERE false")
        assert empty.arrow().column_names == ["a"] and len(empty) == 0
