"""Errors of DuckDB in SQL with islands: the place they name is found again in the user's script."""

from __future__ import annotations

import duckdb
import pytest

from clq.engine.sql import Placed, diagnostic_of, joined, place
from clq.lang.ast import Span
from clq.lang.diagnostic import Diagnostic


def placed(script: str, sql: str) -> Placed:
    """The statement `sql` of a script, its islands written ⟦…⟧ replaced by relations `island0`, `island1`, …"""
    begin = script.index(sql)
    islands, here = [], 0
    while (opening := sql.find("⟦", here)) >= 0:
        here = sql.index("⟧", opening) + 1
        islands.append((Span(begin + opening, begin + here), f'FROM "island{len(islands)}"'))
    return place(sql, Span(begin, begin + len(sql)), islands)


def said(script: str, sql: str) -> tuple[Diagnostic, str]:
    """What DuckDB says about the statement, and the text that the carets stand under."""
    con = duckdb.connect(":memory:")
    con.execute("SET errors_as_json = true")
    for n in range(3):
        con.execute(f"CREATE TABLE island{n} AS SELECT 1 AS unit, 'cat' AS concept")
    given = placed(script, sql)
    with pytest.raises(duckdb.Error) as caught:
        con.execute(given.text)
    problem = diagnostic_of(caught.value, given).within(script)
    assert problem.span is not None
    return problem, script[problem.span.start : problem.span.end]


@pytest.mark.parametrize(
    ("sql", "under"),
    [
        ("SELECT nope FROM island0", "nope"),
        ("SELECT nope FROM (⟦EXPLAIN a⟧)", "nope"),
        ("SELECT unit FROM (⟦EXPLAIN a⟧) WHERE nope = 1", "nope"),
        ("SELECT unit FROM (⟦EXPLAIN a much longer query than its name⟧) WHERE nope = 1", "nope"),
        ("SELECT a.unit FROM (⟦A⟧) a JOIN (⟦EXPLAIN b OF c⟧) b ON a.unit = b.nope", "b.nope"),
        ("SELECT * FROM (⟦A⟧) a, (⟦B⟧) b, (⟦C⟧) c WHERE a.unit = 1 AND c.nope = 2", "c.nope"),
        ("SELECT 'ééé' AS é, nope FROM (⟦EXPLAIN é⟧)", "nope"),
        ("SELECT unit FROM (⟦EXPLAIN 'ü' 😀⟧) WHERE concept = '😀' AND nope = 1", "nope"),
        ("SELECT nopé FROM (⟦A⟧)", "nopé"),
        ("SELECT unit FRM (⟦A⟧)", "("),
        ("SELECT * FROM nowhere, (⟦A⟧)", "nowhere"),
        ("SELECT * FROM (⟦A⟧) AS a ORDER BY nope", "nope"),
        ("SELECT 'cat'::INTEGER FROM (⟦A⟧)", "::INTEGER"),
    ],
)
@pytest.mark.parametrize("before", ["", "-- é 😀\n\nSELECT 1;\n  "])
def test_the_carets_stand_under_what_duckdb_means(before: str, sql: str, under: str) -> None:
    problem, found = said(before + sql + "; SELECT 2", sql)
    assert problem.code == "sql-error" and problem.exit_code == 2
    assert found == under, problem.render()


def test_line_and_column_count_letters_not_bytes() -> None:
    sql = "SELECT 'ü',\n  '😀', nope\nFROM (⟦EXPLAIN a⟧)"
    problem, found = said(sql, sql)
    assert (problem.position(), found) == ((2, 8), "nope")


def test_a_place_inside_an_island_is_the_islands_beginning() -> None:
    script = "SELECT * FROM (⟦EXPLAIN a⟧) WHERE x"
    given = placed(script, script)
    at = given.text.index("island0")
    assert script[given.origin(at, 7).start] == "⟦"


def test_a_place_at_the_very_end_is_kept_in_the_statement() -> None:
    given = placed("SELECT 1", "SELECT 1")
    assert given.origin(8, 1) == Span(8, 9)


def test_text_without_islands_is_handed_on_as_it_is() -> None:
    assert placed("x; SELECT 1", "SELECT 1").text == "SELECT 1"


def test_each_island_becomes_a_relation_where_it_stood() -> None:
    sql = "SELECT * FROM (⟦A⟧) a, (⟦B⟧) b"
    assert placed(sql, sql).text == 'SELECT * FROM (FROM "island0") a, (FROM "island1") b'


def test_fragments_keep_their_places_in_a_statement_of_ours() -> None:
    script = "EXPLAIN layer1 WHERE rank < 3 ORDER BY nope"
    where, order = placed(script, "rank < 3"), placed(script, "nope")
    # Our own text holds the fragments' words as well: places come from the parts, not from a search.
    whole = joined("SELECT * FROM 'rank < 3/nope' WHERE ", where, " ORDER BY ", order, " LIMIT 5")
    found = whole.origin(whole.text.rindex("nope"), 4)
    assert script[found.start : found.end] == "nope"
    found = whole.origin(whole.text.rindex("rank"), 4)
    assert script[found.start : found.end] == "rank"


def test_a_statement_without_a_fragment_has_no_places() -> None:
    with pytest.raises(ValueError, match="nothing of the user"):
        joined("SELECT 1")


def test_a_full_disk_is_no_mistake_in_the_sql() -> None:
    error = duckdb.IOException("Failed to commit: No space left on device")
    problem = diagnostic_of(error, placed("SELECT 1", "SELECT 1"))
    assert (problem.code, problem.exit_code, problem.span) == ("disk-full", 1, None)


@pytest.mark.parametrize("raw", ["plain words", "Error: {not json", 'Error: [1, 2] {"a": 1', "{}", '{"location": "x"}'])
def test_an_error_that_is_no_json_is_told_as_it_is_at_the_statement(raw: str) -> None:
    given = placed("; SELECT 1", "SELECT 1")
    problem = diagnostic_of(RuntimeError(raw), given)
    assert problem.span == Span(2, 10)
    assert problem.message
