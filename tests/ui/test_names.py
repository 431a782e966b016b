"""Names and tables in one session: what replaces what, in any case, and what is never lost."""

from __future__ import annotations

from pathlib import Path

import pytest

import clq
from clq.lang.diagnostic import Diagnostic

FEW = "ON lab.probe[0:32] USING clip_dissect(top_k=8, top=1) WITH ['boat', 'car', 'tree']"
ONE = f"EXPLAIN fc[0] OF labnet {FEW}"
TWO = f"EXPLAIN fc[1:3] OF labnet {FEW}"


@pytest.fixture
def con(tmp_path: Path) -> clq.Connection:
    with clq.connect(tmp_path / "store") as connection:
        yield connection


def value(con: clq.Connection, sql: str) -> object:
    return con.sql(sql).arrow().column(0).to_pylist()[0]


def refused(con: clq.Connection, text: str, code: str = "table-exists") -> Diagnostic:
    with pytest.raises(Diagnostic) as caught:
        con.run(text)
    assert caught.value.code == code, str(caught.value)
    assert caught.value.span is not None
    return caught.value


# ------------------------------------------------------------ what is the user's stays


@pytest.mark.parametrize("name", ["mine", "Mine", '"MINE"'])
def test_a_table_of_the_user_is_not_replaced_in_any_case(con: clq.Connection, name: str) -> None:
    con.run("CREATE TABLE mine AS SELECT 42 AS x")
    refused(con, f"{ONE} INTO {name}")
    assert value(con, "SELECT x FROM mine") == 42


def test_a_table_where_the_evidence_would_go_is_not_replaced(con: clq.Connection) -> None:
    con.run("CREATE TABLE t_evidence AS SELECT 42 AS x")
    assert "t_evidence" in refused(con, f"{ONE} INTO t").message
    assert value(con, "SELECT x FROM t_evidence") == 42


def test_a_view_is_not_replaced(con: clq.Connection) -> None:
    con.run("CREATE VIEW v AS SELECT 42 AS x")
    assert "the view v" in refused(con, f"{ONE} INTO v").message


def test_a_table_made_anew_under_an_answers_name_is_the_users(con: clq.Connection) -> None:
    con.run(f"{ONE} INTO t")
    con.run("CREATE OR REPLACE TABLE t AS SELECT 42 AS x")
    refused(con, f"{ONE} INTO t")
    refused(con, "EVIDENCE t", "wrong-kind")
    assert value(con, "SELECT x FROM t") == 42


def test_the_evidence_of_a_table_is_not_replaced_by_an_answer(con: clq.Connection) -> None:
    con.run(f"{ONE} INTO t")
    refused(con, f"{TWO} INTO t_evidence")
    assert value(con, "SELECT count(*) FROM t_evidence") > 0


def test_a_temporary_table_of_the_user_is_told(con: clq.Connection) -> None:
    con.run("CREATE TEMP TABLE t AS SELECT 42 AS x")
    refused(con, f"{ONE} INTO t")
    con.run(f"DROP TABLE t; {ONE} INTO t")
    assert value(con, "SELECT count(*) FROM t") == 1


def test_a_dropped_table_is_in_nobodys_way(con: clq.Connection) -> None:
    con.run(f"CREATE TABLE t (x INTEGER); DROP TABLE IF EXISTS t; {ONE} INTO t")
    assert value(con, "SELECT count(*) FROM t") == 1


# ------------------------------------------------------------ what is clq's is replaced whole


def test_an_answer_takes_the_place_of_another_in_any_case(con: clq.Connection) -> None:
    con.run(f"{ONE} INTO labels")
    con.run(f"{TWO} INTO Labels")
    assert value(con, "SELECT count(*) FROM LABELS") == 2
    assert con.sql("SELECT name FROM meta.tables").arrow().column(0).to_pylist() == ["Labels"]
    assert len(con.run("EVIDENCE labels")) == 1
    assert con.run(f"EXPLAIN labels {FEW}").df().unit.tolist() == [1, 2]


def test_a_name_made_by_let_is_one_name_in_any_case(con: clq.Connection) -> None:
    con.run(f"LET a = ({ONE}); LET A = ({TWO})")
    assert value(con, "SELECT count(*) FROM a") == value(con, "SELECT count(*) FROM A") == 2
    assert con.run(f"EXPLAIN a {FEW}").df().unit.tolist() == [1, 2]


def test_data_sets_are_read_in_any_case(con: clq.Connection) -> None:
    con.run("LET Few = lab.probe[0:5]")
    assert value(con, "SELECT count(*) FROM few") == value(con, "SELECT count(*) FROM FEW") == 5
    assert value(con, "SELECT count(*) FROM LAB.Probe") == 2000
    assert len(con.run("EMBED few JUDGED BY labclip").arrow()) == 5


# ------------------------------------------------------------ one name after another for different things

DATA, ANSWER, ROWS, BOUND = "lab.probe[0:5]", f"({TWO})", "(SELECT 7 AS x)", "(SELECT $k AS x)"


@pytest.mark.parametrize("first", [DATA, ANSWER, ROWS, BOUND])
@pytest.mark.parametrize("second", [DATA, ANSWER, ROWS, BOUND])
def test_a_name_may_become_anything_else(con: clq.Connection, first: str, second: str) -> None:
    counts = {DATA: 5, ANSWER: 2, ROWS: 1, BOUND: 1}
    con.run("PARAM k = 7")
    for made in (first, second):
        con.run(f"LET x = {made}")
        assert value(con, "SELECT count(*) FROM x") == counts[made]


def test_a_name_that_became_a_model_is_no_table_any_more(con: clq.Connection) -> None:
    con.run(f"LET x = {ANSWER}")
    con.run("LET x = labnet")
    refused(con, "SELECT count(*) FROM x", "sql-error")


def test_a_let_after_into_does_not_change_the_table(con: clq.Connection) -> None:
    con.run(f"{TWO} INTO t; LET t = {ROWS}")
    assert value(con, "SELECT x FROM t") == 7
    assert value(con, "SELECT count(*) FROM clq.main.t") == 2


def test_into_a_name_of_let_is_refused(con: clq.Connection) -> None:
    assert "LET" in refused(con, f"LET u = lab.probe[0:5]; {ONE} INTO u").message


@pytest.mark.parametrize("name", ['"a.b"', '"a""b"', '""', '" "', '"clq:x"'])
@pytest.mark.parametrize("by", ["LET", "INTO"])
def test_names_that_sql_could_not_take_are_told(con: clq.Connection, by: str, name: str) -> None:
    refused(con, f"LET {name} = labnet" if by == "LET" else f"{ONE} INTO {name}", "unexpected")


def test_odd_names_in_quotes_are_names(con: clq.Connection) -> None:
    con.run(f'{TWO} INTO "a b/ü"; LET "z q" = lab.probe[0:4]')
    assert value(con, 'SELECT count(*) FROM "a b/ü"') == 2
    assert value(con, 'SELECT count(*) FROM "Z Q"') == 4
