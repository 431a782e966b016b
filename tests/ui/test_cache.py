"""clq cache, ps and cancel, as a person types them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pytest

QUERY = "EXPLAIN layer1 OF labnet ON lab.probe[0:{}] USING clip_dissect(top_k=8, top=1) WITH ['boat', 'car'] INTO {}"


def clq(*args: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "clq", *args], capture_output=True, text=True, cwd=cwd, timeout=120,
        env={**os.environ, "CLQ_STORE": "store"},
    )  # fmt: skip
    assert "Traceback" not in done.stderr, done.stderr
    return done


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("cache")
    assert clq("-c", QUERY.format(40, "named"), cwd=path).returncode == 0
    return path


def test_what_is_there_and_whether_it_is_sound(folder: Path) -> None:
    listed = json.loads(clq("cache", "ls", "--format", "json", cwd=folder).stdout)
    assert {"activations layer1 of labnet", "image vectors by labclip"} <= {r["operator"] for r in listed}
    kinds = json.loads(clq("cache", "du", "--format", "json", cwd=folder).stdout)
    assert sum(k["bytes"] for k in kinds) == sum(r["bytes"] for r in listed)
    assert clq("cache", "verify", cwd=folder).stdout == f"{len(listed)} of {len(listed)} artifacts are sound\n"


def test_pinned_tables_survive_a_budget_of_nothing(folder: Path) -> None:
    assert clq("-c", QUERY.format(30, "other"), cwd=folder).returncode == 0
    done = clq("cache", "pin", "named", cwd=folder)
    assert done.returncode == 0 and "named pins" in done.stderr
    before = json.loads(clq("cache", "ls", "--format", "json", cwd=folder).stdout)
    pretended = clq("cache", "gc", "--budget", "0", "--dry-run", cwd=folder)
    assert "would be removed: activations layer1 of labnet" in pretended.stdout
    done = clq("cache", "gc", "--budget", "0", cwd=folder)
    assert done.returncode == 0 and "pinned or in use" in done.stderr
    after = json.loads(clq("cache", "ls", "--format", "json", cwd=folder).stdout)
    assert 0 < len(after) < len(before) and {r["pinned_by"] for r in after} == {"named"}
    assert "rows" in clq("sql", "SELECT count(*) AS rows FROM other", cwd=folder).stdout, "tables stay"
    assert clq("-c", QUERY.format(40, "named"), cwd=folder).returncode == 0
    assert clq("cache", "unpin", "named", cwd=folder).returncode == 0


def present(store: Path) -> dict[bool, int]:
    """How many of the artifacts that tables stand on are there, as any client of the file reads it."""
    with duckdb.connect(str(store / "clq.duckdb"), read_only=True) as client:
        return dict(client.execute("SELECT present, count(*) FROM meta.artifacts GROUP BY present").fetchall())


def test_the_catalogue_knows_what_was_cleared_up(tmp_path: Path) -> None:
    import clq as package

    store = tmp_path / "store"
    with package.connect(store) as con:
        con.run(QUERY.format(20, "t"))
        here = present(store)
        assert set(here) == {True} and here[True] >= 3
        assert clq("cache", "gc", "--budget", "0", "--dry-run", cwd=tmp_path).returncode == 0
        assert present(store) == here, "nothing has gone"
        assert clq("cache", "gc", "--budget", "0", cwd=tmp_path).returncode == 0
        assert present(store) == {False: here[True]}
        told = con.run("SELECT count(*) FILTER (present) AS n, bool_and(rows > 0) AS known FROM meta.artifacts").last
        assert told.df().to_dict("records") == [{"n": 0, "known": True}]
        con.run(QUERY.format(20, "other"))
        assert present(store) == here, "it was made again"
        con.run("SET cache_size = 0")
        assert present(store) == {False: here[True]}


def test_mistakes(folder: Path) -> None:
    done = clq("cache", "pin", "nmed", cwd=folder)
    assert done.returncode == 2 and "Did you mean named?" in done.stderr
    done = clq("cache", "gc", "--budget", "much", cwd=folder)
    assert done.returncode == 2 and "500MB or 20GB" in done.stderr
    assert clq("cache", "unpin", "nothing", cwd=folder).returncode == 2
    done = clq("cancel", "1", cwd=folder)
    assert done.returncode == 1 and "no query of process 1 runs" in done.stderr


def test_a_running_query_is_seen_and_stopped(folder: Path) -> None:
    query = QUERY.format(2000, "long").replace("layer1", "layer1, layer2, layer3, layer4")
    child = subprocess.Popen(
        [sys.executable, "-m", "clq", "-c", query, "--store", "s2"], cwd=folder, stderr=subprocess.PIPE, text=True
    )
    try:
        found: list[dict[str, object]] = []
        until = time.monotonic() + 60
        while not found and time.monotonic() < until and child.poll() is None:
            found = json.loads(clq("ps", "--store", "s2", "--format", "json", cwd=folder).stdout or "[]")
        assert [f["process"] for f in found] == [child.pid] and str(found[0]["statement"]).startswith("EXPLAIN layer1")
        done = clq("cancel", str(child.pid), "--store", "s2", cwd=folder)
        assert done.returncode == 0
        _, told = child.communicate(timeout=60)
        assert child.returncode == 130 and "interrupted" in told
    finally:
        child.kill()
        child.wait()
    assert json.loads(clq("ps", "--store", "s2", "--format", "json", cwd=folder).stdout) == []


def test_the_catalogue_is_made_again_from_parquet(folder: Path) -> None:
    mine = 'CREATE TABLE "my / table" AS SELECT 1 AS x; CREATE TABLE gone AS SELECT 2 AS y; DROP TABLE gone'
    assert clq("sql", mine, cwd=folder).returncode == 0
    assert clq("sql", 'BEGIN; INSERT INTO "my / table" VALUES (5); COMMIT', cwd=folder).returncode == 0
    asked = "SELECT (SELECT sum(x) FROM \"my / table\") AS x, count(*) AS n, min(args->>'$.top_k') AS k FROM named"
    before = clq("sql", asked, "--format", "json", cwd=folder)
    assert before.returncode == 0 and '"x": 6' in before.stdout
    (folder / "store" / "clq.duckdb").write_bytes(b"damaged" * 4096)
    done = clq("sql", asked, cwd=folder)
    assert done.returncode == 1 and "clq cache rebuild --store " in done.stderr
    done = clq("cache", "rebuild", cwd=folder)
    assert done.returncode == 0 and "my / table" in done.stdout and "named" in done.stdout and "gone" not in done.stdout
    after = clq("sql", asked, "--format", "json", cwd=folder)
    assert after.stdout == before.stdout
    assert clq("rerun", "named", cwd=folder).stdout.endswith("the same to the last bit\n")
    assert clq("cache", "rebuild", "--store", "nothing", cwd=folder).stdout == "0 tables: none\n"


def test_a_limit_is_kept_in_the_store_and_kept_to(tmp_path: Path) -> None:
    assert clq("cache", "limit", cwd=tmp_path).stdout == "none\n"
    assert clq("cache", "limit", "1kB", cwd=tmp_path).stdout == "1.0 kB\n"
    assert clq("cache", "limit", "some", cwd=tmp_path).returncode == 2
    done = clq("-c", QUERY.format(30, "one"), cwd=tmp_path)
    assert done.returncode == 0 and "of least recent use" in done.stderr and "cache_size is 1.0 kB" in done.stderr
    assert "of 1.0 kB that it may hold" in clq("cache", "ls", cwd=tmp_path).stderr
    assert "of 1.0 kB that it may hold" in clq("cache", "du", cwd=tmp_path).stderr
    kept = sum(r["bytes"] for r in json.loads(clq("cache", "ls", "--format", "json", cwd=tmp_path).stdout))
    assert kept <= 1000
    assert "rows" in clq("sql", "SELECT count(*) AS rows FROM one", cwd=tmp_path).stdout
    done = clq("-c", f"SET cache_size = 'none'; {QUERY.format(30, 'two')}; {QUERY.format(30, 'two')}", cwd=tmp_path)
    assert done.returncode == 0 and "of least recent use" not in done.stderr
    assert clq("-c", "SET cache_size = 'much'", cwd=tmp_path).returncode == 2


def test_one_session_goes_on_when_what_it_had_was_cleared_up(tmp_path: Path) -> None:
    import clq as package

    with package.connect(tmp_path / "store") as con:
        first = con.run(f"SET cache_size = 0; {QUERY.format(20, 't')}").last.df()
        assert not list((tmp_path / "store").glob("objects/*/*/artifact.json"))
        again = con.run(QUERY.format(20, "t") + "; SELECT count(*) FROM t_evidence").last.df()
        assert con.run("FROM t").last.df().equals(first) and len(again) == 1
