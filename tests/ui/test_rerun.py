"""Where a number came from: comments, sources, and a table made again from nothing."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner

import clq
from clq.ui.cli import main

QUERY = "EXPLAIN layer1[0:4] OF labnet ON few USING clip_dissect(top_k=$k, top=1) WITH lab.words INTO named"


@pytest.fixture
def store(tmp_path: Path) -> Path:
    with clq.connect(tmp_path / "s") as con:
        con.run("LET few = lab.probe[0:40]; PARAM k = 5")
        con.run(QUERY, k=7)
    return tmp_path / "s"


def test_a_client_of_the_file_reads_what_columns_mean_and_where_rows_come_from(store: Path) -> None:
    with duckdb.connect(str(store / "clq.duckdb"), read_only=True) as con:
        comments = dict(
            con.execute("SELECT column_name, comment FROM duckdb_columns() WHERE table_name = 'named'").fetchall()
        )
        assert comments["concept"].startswith("the concept in words") and all(comments.values())
        (told,) = con.execute("SELECT comment FROM duckdb_tables() WHERE table_name = 'named'").fetchone() or ("",)
        assert QUERY in told
        kinds = con.execute(
            "SELECT DISTINCT s.kind, s.name FROM meta.sources AS s JOIN named USING (run) ORDER BY ALL"
        ).fetchall()
        assert kinds == [
            ("dataset", "few"), ("judge", "labclip"), ("model", "labnet"), ("vocabulary", "lab.words"),
        ]  # fmt: skip


def test_meta_is_called_the_same_inside_and_outside(store: Path) -> None:
    with clq.connect(store) as con:
        inside = con.sql("SELECT count(*) AS n FROM meta.runs JOIN named USING (run)").df()["n"].tolist()
        whole = con.sql("SELECT count(*) AS n FROM clq.meta.runs JOIN named USING (run)").df()["n"].tolist()
        assert inside == whole == [4]


def test_a_table_is_made_again_from_nothing(store: Path) -> None:
    done = CliRunner().invoke(main, ["rerun", "named", "--store", str(store)])
    assert (done.exit_code, done.output) == (0, "named: 4 rows, the same to the last bit\n")


def test_a_table_that_comes_out_otherwise(store: Path) -> None:
    with clq.connect(store) as con:
        con.run("UPDATE named SET score = score + 1 WHERE unit = 2")
    done = CliRunner().invoke(main, ["rerun", "named", "--store", str(store)])
    assert done.exit_code == 1
    assert done.output == "named: 4 rows were kept, 4 came out, differing: score in 1 rows (by at most 1)\n"


def test_a_table_nobody_knows(store: Path) -> None:
    done = CliRunner().invoke(main, ["rerun", "nmed", "--store", str(store)])
    assert done.exit_code == 2


def test_what_has_changed_since_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("words.txt").write_text("boat\ncar\n")
    with clq.connect("store") as con:
        using = "USING clip_dissect(top_k=2, floor=null)"
        con.run(f"EXPLAIN layer1[0] OF labnet ON lab.probe[0:8] {using} WITH 'words.txt' INTO named")
    Path("words.txt").write_text("apple\ncar\n")
    done = CliRunner().invoke(main, ["rerun", "named", "--store", "store"])
    assert done.exit_code == 1 and done.output.endswith("\nchanged since: vocabulary words.txt\n"), done.output
