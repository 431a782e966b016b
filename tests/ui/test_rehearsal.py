"""SQL around queries is bound before anything is computed; what would run is not refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import clq

QUERY = "EXPLAIN layer1 OF labnet ON lab.probe[0:24] USING clip_dissect(top_k=5) WITH lab.words"

REFUSED = [
    ("SELECT ‹nosuch› FROM (…)", "nosuch"),
    ("SELECT 'ä', unit ‹+› concept FROM (…)", "INTEGER, VARCHAR"),
    ("SELECT concept FROM (SELECT ‹conept› FROM (…))", "conept"),
    ("WITH c AS (…) SELECT ‹nosuch› FROM c", "nosuch"),
    ("SELECT a.unit FROM (…) AS a JOIN (…) AS b ON a.unit = ‹b.unt›", "unt"),
    ("SELECT ‹nosuch(unit)› FROM (…)", "nosuch"),
    ("SELECT * FROM (…), ‹nosuch›", "nosuch"),
    ("SELECT 3 IN ‹(›…)", "expected 1"),
    ("… WHERE rank ‹+› concept > 1", "INTEGER, VARCHAR"),
    ("… WHERE rank = 1 ORDER BY ‹nosuch›", "nosuch"),
    ("LET tops = (…); SELECT ‹nosuch› FROM tops", "nosuch"),
    ("LET tops = (SELECT unit FROM (…)); SELECT ‹concept› FROM tops", "concept"),
    ("… INTO named; SELECT ‹nosuch› FROM named", "nosuch"),
    ("… INTO named; SELECT ‹nosuch› FROM named_evidence", "nosuch"),
    ("LET few = lab.probe[0:5]; SELECT ‹nosuch› FROM few, (…)", "nosuch"),
    ("CREATE TABLE t AS (…); SELECT unit FROM t; SELECT ‹nosuch› FROM t", "nosuch"),
    ("CREATE TEMP TABLE t AS SELECT unit AS u FROM (…); SELECT ‹unit› FROM t", "unit"),
    ("CREATE TABLE t AS SELECT unit FROM (…); ‹INSERT INTO t VALUES (1, 2)›", "1 columns but 2 values"),
    ("CREATE TABLE t (unit INTEGER); INSERT INTO t SELECT ‹nosuch› FROM (…)", "nosuch"),
    ("CREATE TABLE t (unit INTEGER); CREATE TABLE ‹t› AS (…)", "t exists already"),
    ("CREATE TABLE t AS (…); DROP TABLE t; SELECT unit FROM ‹t›", "t was dropped above"),
    ("CREATE TABLE t AS (…); DROP TABLE IF EXISTS t; DROP TABLE ‹t›", "t does not exist"),
    ("EXPLAIN layer1[(SELECT ‹unt› FROM (…))] OF labnet", "unt"),
    ("COPY (SELECT ‹nosuch› FROM (…)) TO 'never.csv'", "nosuch"),
    ("BEGIN; CREATE TABLE t AS (…); SELECT ‹nope› FROM t; COMMIT", "nope"),
    ("DEFINE tops(k = 1) AS SELECT * FROM (…) WHERE rank = $k; SELECT ‹nosuch› FROM tops()", "nosuch"),
    ("… INTO named; SELECT ‹s.nosuch› FROM named JOIN meta.sources AS s USING (run)", "nosuch"),
    ("PLAN SELECT ‹nosuch› FROM (…)", "nosuch"),
    ("SELECT * FROM (PLAN SELECT ‹nosuch› FROM (…))", "nosuch"),
    ("EXPLAIN SELECT ‹nosuch› FROM (…)", "nosuch"),
    ("EXPLAIN ANALYZE SELECT ‹nosuch› FROM (…)", "nosuch"),
    ("EXPLAIN (FORMAT json) SELECT ‹nosuch› FROM (…)", "nosuch"),
    ("SUMMARIZE SELECT ‹nosuch› FROM (…)", "nosuch"),
]  # fmt: skip


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[clq.Connection]:
    """A store in which nothing is ever computed."""
    with clq.connect(tmp_path_factory.mktemp("empty") / "store") as con:
        yield con
        assert not con.counts, "nothing was computed for a statement that DuckDB refuses"


@pytest.mark.parametrize("dry", [False, True], ids=["run", "plan"])
@pytest.mark.parametrize(("marked", "said"), REFUSED, ids=[marked for marked, _ in REFUSED])
def test_what_duckdb_refuses_is_told_before_anything_runs(
    marked: str, said: str, dry: bool, empty: clq.Connection
) -> None:
    marked = marked.replace("…", QUERY)
    start, end = marked.index("‹"), marked.index("›") - 1
    text = marked.replace("‹", "").replace("›", "")
    with pytest.raises(clq.Diagnostic) as caught:
        (empty.plan if dry else empty.run)(text)
    problem = caught.value
    assert (problem.code, problem.exit_code) == ("sql-error", 2) and said in problem.message, problem.render()
    assert problem.span is not None and problem.span.start == start, problem.render()
    assert problem.span.end == end or len(said) < 2, problem.render()
    assert "clq:" not in problem.render()


TOLD = [
    ("INSERT INTO t (‹EXPLAIN› layer1 OF labnet)", "INSERT INTO t FROM (EXPLAIN …)"),
    ("INSERT INTO t ‹EXPLAIN› layer1 OF labnet", "INSERT INTO t FROM (EXPLAIN …)"),
    ("COPY ‹EXPLAIN› layer1 OF labnet TO 'a.csv'", "stands in parentheses: COPY (EXPLAIN …)"),
    ("SELECT unit FROM (…) ‹INTO› t", "CREATE TABLE t AS SELECT …"),
    ("SELECT unit FROM (…) ‹INTO› 'a.csv'", "COPY (SELECT …) TO 'a.csv'"),
    ("‹CREATE MACRO best() AS (SELECT max(score) FROM (…))›", "A macro that is kept cannot read the query in it"),
    ("‹CREATE VIEW v AS SELECT * FROM (…)›", "A view that is kept cannot read the query in it"),
]


@pytest.mark.parametrize(("marked", "said"), TOLD)
def test_what_was_meant_is_told(marked: str, said: str, empty: clq.Connection) -> None:
    marked = marked.replace("…", QUERY)
    start, end = marked.index("‹"), marked.index("›") - 1
    with pytest.raises(clq.Diagnostic) as caught:
        empty.run(marked.replace("‹", "").replace("›", ""))
    problem = caught.value
    assert said in problem.message and problem.exit_code == 2, problem.render()
    assert problem.span is not None and (problem.span.start, problem.span.end) == (start, end), problem.render()


def test_a_table_is_not_dropped_for_a_script_that_goes_on_to_read_it(tmp_path: Path) -> None:
    with clq.connect(tmp_path / "store") as con:
        con.sql("CREATE TABLE kept AS SELECT 1 AS x")
        with pytest.raises(clq.Diagnostic, match="kept was dropped above"):
            con.run("DROP TABLE kept; SELECT * FROM kept")
        assert con.sql("SELECT x FROM kept").arrow().to_pylist() == [{"x": 1}]


def test_a_condition_and_an_order_are_told_of_together(empty: clq.Connection) -> None:
    with pytest.raises(clq.Diagnostic) as caught:
        empty.run(f"{QUERY} WHERE concpt = 3 ORDER BY scor")
    assert ["concpt" in caught.value.every()[0].message, "scor" in caught.value.every()[1].message] == [True, True]


def test_all_mistakes_of_a_script_are_told_together(empty: clq.Connection) -> None:
    with pytest.raises(clq.Diagnostic) as caught:
        empty.run(f"LET tops = ({QUERY}); SELECT one FROM tops; SELECT two FROM tops; SELECT unit FROM tops")
    assert [text in problem.message for text, problem in zip(("one", "two"), caught.value.every(), strict=True)]


def test_of_many_candidates_three_are_named(empty: clq.Connection) -> None:
    with pytest.raises(clq.Diagnostic) as caught:
        empty.run(f"SELECT unit + concept FROM ({QUERY})")
    assert caught.value.hint is not None and caught.value.hint.count("->") == 3


# Of each the last statement must give a row; what it reads was changed where only a run can tell.
RUNS = [
    "CREATE TABLE t AS (…); ALTER TABLE t ADD COLUMN z INTEGER; SELECT z FROM t",
    "DROP TABLE t; CREATE TABLE t AS SELECT 1 AS other, * FROM (…); SELECT other FROM t",
    "CREATE TABLE IF NOT EXISTS t AS (…); SELECT other FROM t",
    "DROP TABLE IF EXISTS u; CREATE TABLE u AS SELECT 1 AS x; SELECT x FROM u",
    "DROP TABLE u; CREATE TABLE u AS SELECT 2 AS y FROM (…); SELECT y, 3 AS u FROM u",
    "BEGIN; DROP TABLE u; ROLLBACK; SELECT y FROM u",
    "CREATE TEMP TABLE u AS SELECT 3 AS z; DROP TABLE u; SELECT y FROM u",
    "… LIMIT 3 INTO few; DROP TABLE few; … LIMIT 2 INTO few; SELECT unit FROM few",
    "CREATE OR REPLACE TABLE t AS (…); SELECT unit FROM t",
    "BEGIN; CREATE OR REPLACE TABLE t AS SELECT 1 AS changed; ROLLBACK; SELECT t.unit FROM t, (…)",
    "CREATE TABLE piv AS PIVOT (…) ON 'c' || rank USING count(*) GROUP BY model; SELECT c1 FROM piv",
    "PIVOT (…) ON rank USING count(*) GROUP BY model",
    "LET tops = (…); SELECT unit FROM tops; LET tops = (SELECT 1 AS word); SELECT word FROM tops",
    "LET tops = (…); SELECT unit FROM tops; LET tops = (SELECT 1 AS word); SELECT word FROM tops",
    "LET tops = (…); LET tops = lab.probe[0:3]; SELECT image FROM tops",
    "… INTO 'q.csv'; SELECT unit FROM 'q.csv'; COPY (SELECT unit AS u FROM (…)) TO 'q.csv'; SELECT u FROM 'q.csv'",
    "COPY (SELECT unit AS v FROM (…)) TO 'q.csv'; SELECT v FROM read_csv('*.csv')",
    "… INTO named; INSERT INTO named FROM named; SELECT count(*) FROM named, named_evidence",
    "SET VARIABLE k = 3; SELECT unit FROM (…) WHERE unit = getvariable('k')",
    "PARAM k = 3; SELECT unit FROM (…) WHERE unit = $k",
    "CREATE MACRO twice(a) AS a * 2; SELECT twice(unit) FROM (…)",
    "CREATE TYPE mood AS ENUM ('a', 'b'); SELECT 'a'::mood, unit FROM (…)",
    "CREATE SCHEMA s; CREATE TABLE s.t AS (…); SELECT unit FROM clq.s.t",
    "CREATE TABLE s.pk (unit INTEGER PRIMARY KEY); INSERT INTO s.pk FROM range(3)",
    "INSERT INTO s.pk SELECT DISTINCT unit FROM (…) ON CONFLICT DO NOTHING",
    "… LIMIT 3 INTO traced; SELECT s.name FROM traced JOIN meta.sources AS s USING (run)",
    "CREATE TABLE names AS SELECT s.name FROM (…) JOIN meta.sources AS s USING (run); SELECT count(*) FROM names",
    "CREATE TABLE pk (unit INTEGER PRIMARY KEY, n INTEGER); "
    "INSERT INTO pk SELECT DISTINCT unit, 1 FROM (…) ON CONFLICT DO UPDATE SET n = n + 1; SELECT n FROM pk",
    "INSERT INTO pk SELECT DISTINCT unit, 1 FROM (…) ON CONFLICT DO UPDATE SET n = n + 1",
    "MERGE INTO pk USING (SELECT DISTINCT unit FROM (…)) AS s USING (unit) WHEN MATCHED THEN UPDATE SET n = 7",
    "UPDATE pk SET n = (SELECT count(*) FROM (…)); SELECT n FROM pk",
    "DELETE FROM pk WHERE unit IN (SELECT unit FROM (…))",
    "PREPARE p AS SELECT count(*) FROM (…); EXECUTE p",
    "EXPLAIN ANALYZE SELECT count(*) FROM (…)",
    "CREATE TEMP VIEW v AS SELECT * FROM (…); SELECT unit FROM v",
    "CREATE TEMP MACRO best(x) AS (SELECT max(score) FROM (…) WHERE unit = x); SELECT best(1)",
    "INSERT INTO t FROM (…); SELECT count(*) FROM t",
    "CREATE TEMP TABLE v2 AS (…); CREATE OR REPLACE TEMP TABLE v2 AS SELECT 2 AS w; SELECT w FROM v2",
    "SELECT unit, row_number() OVER (ORDER BY score) AS r FROM (…) QUALIFY r <= 2",
    "(…) UNION ALL (…)", "FROM (…) SELECT unit", "SUMMARIZE (…)", "SELECT (SELECT max(score) FROM (…)) AS best",
    "SELECT image FROM lab.probe WHERE image IN (SELECT image FROM (EVIDENCE (…)))",
    "UNPIVOT (SELECT unit, score, rank::DOUBLE AS rank FROM (…)) ON score, rank INTO NAME n VALUE v",
    "SELECT l.unit, r.n FROM (…) AS l, LATERAL (SELECT l.unit + 1 AS n) AS r",
    "SELECT t.unit FROM query_table('t') AS t SEMI JOIN (…) USING (unit)",
]  # fmt: skip


@pytest.fixture(scope="module")
def con(tmp_path_factory: pytest.TempPathFactory) -> Iterator[clq.Connection]:
    with clq.connect(tmp_path_factory.mktemp("runs") / "store") as connection:
        yield connection


@pytest.mark.parametrize("text", RUNS)
def test_what_would_run_is_not_refused(
    text: str, con: clq.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert len(con.run(text.replace("…", QUERY)).last) > 0


def test_a_name_given_twice_means_in_each_statement_what_it_meant_there(con: clq.Connection) -> None:
    text = "LET p = lab.probe[0:5]; SELECT count(*) FROM p; LET p = lab.probe[0:9]; SELECT count(*) FROM p"
    assert [r.arrow().to_pylist()[0]["count_star()"] for r in con.run(text)] == [5, 9]


def test_a_column_without_a_name_does_not_show_ours(con: clq.Connection) -> None:
    assert con.run(f"SELECT EXISTS ({QUERY})").last.arrow().column_names == ["EXISTS(…)"]


def test_a_misspelt_table_is_no_variable_of_python(con: clq.Connection) -> None:
    with pytest.raises(clq.Diagnostic, match="Table with name rows does not exist"):
        con.run("SELECT * FROM rows")
