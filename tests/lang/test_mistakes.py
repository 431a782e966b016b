"""The table of syntax mistakes holds its own examples; what the builder and DuckDB's refusals add; fuzzing."""

from __future__ import annotations

import pickle
from collections.abc import Callable

import pytest

from clq.lang import Diagnostic, parse
from clq.lang.ast import Span
from clq.lang.mistakes import MISTAKES
from clq.lang.refused import refused

Told = Callable[[str, Callable[[str], object]], Diagnostic]
EXAMPLES = [(m.name, m.code, marked, message) for m in MISTAKES for marked, message in m.examples]


@pytest.mark.parametrize(("name", "code", "marked", "message"), EXAMPLES, ids=[f"{e[0]}: {e[2]}" for e in EXAMPLES])
def test_each_row_tells_its_examples(name: str, code: str, marked: str, message: str, told: Told) -> None:
    mistake = told(marked, parse)
    assert (mistake.code, mistake.message) == (code, message)


def test_every_row_has_an_example_that_no_earlier_row_takes() -> None:
    assert all(m.examples for m in MISTAKES)
    assert len({m.name for m in MISTAKES}) == len(MISTAKES)


@pytest.mark.parametrize(
    ("marked", "code", "message"),
    [
        ("‹EXPLAN› layer4 OF labnet", "unknown-statement", "No statement starts with EXPLAN. Did you mean EXPLAIN?"),
        ("‹draw› fc OF labnet", "unknown-statement", "No statement starts with draw. Did you mean VISUALIZE?"),
        ("‹net› = folder('a')", "unknown-statement", "To give a name: LET net = folder('a')"),
        ("SELECT 1; ‹#› more", "unexpected", "Comments begin with --"),
        ("EXPLAIN fc OF labnet ‹OF› labself", "clause-twice", "OF stands twice; several models are joined by commas"),
        (
            "EXPLAIN fc USING falcon WITH lab.words ‹USING› clip_dissect",
            "clause-twice",
            "USING stands twice; several methods are joined by commas",
        ),
        ("EXPLAIN fc CONTRAST low ‹CONTRAST› random", "clause-twice", "CONTRAST stands twice"),
        (
            "EXPLAIN layer4, ‹'boat'› OF labnet",
            "unexpected",
            "What is 'boat'? Write CLASS 'boat', TEXT 'boat' or SYNSET 'boat.n.01'",
        ),
        (
            "LET ‹both› = (EXPLAIN fc OF labnet)",
            "reserved-name",
            "both is a word of SQL and could not be used there; choose another name",
        ),
        (
            "EXPLAIN fc OF labnet INTO ‹table›",
            "reserved-name",
            "table is a word of SQL and could not be used there; choose another name",
        ),
        ('PARAM ‹"End"› = 3', "reserved-name", "End is a word of SQL and could not be used there; choose another name"),
        (
            "EXPLAIN fc OF labnet INTO ‹a.parquet›",
            "unexpected",
            "INTO a.parquet would name a table, without dots; a file stands in single quotes: INTO 'a.parquet'",
        ),
        ("LET ‹a.b› = labnet", "unexpected", "LET makes a plain name, of letters, digits and _: a.b is none"),
        ("EXPLAIN layer4[‹$1›] OF labnet", "unexpected", "Parameters have names: $k"),
        ("EXPLAIN fc OF labnet LIMIT ‹-1›", "unexpected", "LIMIT takes a whole number from 0 on"),
        ("ATTRIBUTE CLASS ['a', ‹b›]", "unexpected", "CLASS takes text or whole numbers"),
        ("LET x = f(‹99999999999999999999›)", "unexpected", "This number is too large"),
        ("EXPLAIN layer4‹[›0:64 OF labnet", "open-bracket", "This [ is never closed with ]"),
        ("SHOW ‹LAYERS›", "missing-clause", "Of which model? SHOW LAYERS OF labnet"),
        ("SHOW VERB ‹explan›", "unexpected", "No verb is called explan. Did you mean EXPLAIN?"),
        ("SHOW ‹METHOD›", "missing-argument", "Which method? SHOW METHOD clip_dissect"),
        ("SHOW MODELS ‹labnet›", "unexpected", "SHOW MODELS stands alone"),
        ("SHOW METHODS FOR EXPLAIN ‹OF› x", "unexpected", ""),
    ],
)
def test_told_beyond_the_table(marked: str, code: str, message: str, told: Told) -> None:
    mistake = told(marked, parse)
    assert mistake.code == code
    assert mistake.message == message or not message


@pytest.mark.parametrize(
    ("marked", "message"),
    [
        (
            "CREATE TABLE t AS ‹EXPLAIN› layer4 OF labnet",
            "Inside SQL a clq query stands in parentheses: AS (EXPLAIN …). Or: EXPLAIN … INTO t",
        ),
        (
            "SELECT * FROM ‹EXPLAIN› layer4 OF labnet",
            "Inside SQL a clq query stands in parentheses: FROM (EXPLAIN …). Or: EXPLAIN … INTO t",
        ),
        (
            "WITH hard AS (SELECT 1) ‹EXPLAIN› layer4 OF labnet ON hard",
            "A clq query cannot see a CTE. Name it before: LET hard = (SELECT …); EXPLAIN … ON hard",
        ),
        (
            "EXPLAIN ANALYZE ‹EXPLAIN› layer4 OF labnet",
            "EXPLAIN ANALYZE is DuckDB's. For a clq query: PLAN ANALYZE EXPLAIN layer4 OF labnet",
        ),
        (
            "SELECT unit FROM t\n‹EXPLAIN› layer4 OF labnet",
            "Statements end with a semicolon; put one before EXPLAIN",
        ),
        (
            "SET ‹datset› = lab.probe",
            "Neither clq nor DuckDB has the setting datset; did you mean dataset?",
        ),
    ],
)
def test_told_after_duckdb_refused(marked: str, message: str) -> None:
    text = marked.replace("‹", "").replace("›", "")
    prefix = "SELECT 1;\n"
    found = refused(prefix + text, Span(len(prefix), len(prefix + text)))
    assert found is not None and found.span is not None
    start = marked.index("‹") + len(prefix)
    assert (found.message, found.span.start) == (message, start)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT label x FROM t", "SELECT unit\nlabel x FROM t", "SELECT 1", "SET memory_limit = 3",
        "WITH x AS (SELECT 1) FROM x",
    ],
)
def test_nothing_to_add_to_duckdb(sql: str) -> None:
    assert refused(sql, Span(0, len(sql)), frozenset({"memory_limit"})) is None


def test_position_and_rendering() -> None:
    with pytest.raises(Diagnostic) as caught:
        parse("SELECT 1;\nEXPLAIN layer4\n\tFROM labnet", path="a.clq")
    assert caught.value.position() == (3, 2)
    assert str(caught.value).split("\n") == [
        "error[unexpected]: The model comes after OF: EXPLAIN layer4 OF labnet",
        " --> a.clq:3:2",
        "  |",
        "3 |     FROM labnet",
        "  |     ^^^^",
        "  = help: clq help unexpected",
    ]


def test_a_diagnostic_crosses_processes_whole() -> None:
    mistake = Diagnostic("bug", "message", Span(1, 2), "hint", "text", "a.clq", 1)
    again = pickle.loads(pickle.dumps(mistake))
    assert (vars(again), again.args) == (vars(mistake), mistake.args)
    assert len({mistake, again}) == 2
