"""What holds for the folder as a whole: imports, reserved words, settings, schemas, error pages."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import clq.lang
from clq.lang import VERBS, Diagnostic, explain, parse
from clq.lang.errors import PAGES
from clq.lang.reserved import RESERVED
from clq.lang.scan import SETTINGS
from clq.lang.verbs import CLAUSES, QUERY_VERBS

FOLDER = Path(clq.lang.__file__).parent


def test_importing_the_language_imports_nothing_heavy() -> None:
    code = (
        "import sys, clq.lang; print([m for m in ('lark', 'torch', 'duckdb', 'numpy', 'networkx') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_the_language_imports_no_other_folder() -> None:
    for file in FOLDER.glob("*.py"):
        for line in file.read_text(encoding="utf-8").splitlines():
            assert not re.match(r"\s*(from \.\.|import clq|from clq)", line), f"{file.name}: {line}"


def test_reserved_words_are_duckdbs() -> None:
    import duckdb

    # A word of two categories (`map`) may name a table.
    rows = (
        duckdb.connect()
        .execute(
            """SELECT keyword_name FROM duckdb_keywords() GROUP BY ALL
            HAVING bool_and(keyword_category IN ('reserved', 'type_function'))"""
        )
        .fetchall()
    )
    # A release of DuckDB may free words; one that reserves more would break names that clq allows.
    assert {row[0] for row in rows} <= RESERVED
    if duckdb.__version__.startswith("2.0"):
        assert {row[0] for row in rows} == RESERVED


@pytest.mark.parametrize("word", sorted(RESERVED))
def test_reserved_words_name_no_table_in_duckdb(word: str) -> None:
    import duckdb

    connection = duckdb.connect()
    connection.execute(f'CREATE TABLE "{word}" (i INTEGER)')
    with pytest.raises(duckdb.Error):
        connection.execute(f"SELECT t.i FROM {word} AS t")


def test_no_setting_of_clq_is_one_of_duckdb() -> None:
    import duckdb

    names = {row[0].lower() for row in duckdb.connect().execute("SELECT name FROM duckdb_settings()").fetchall()}
    assert not names & set(SETTINGS)


@pytest.mark.parametrize("verb", sorted(VERBS))
def test_answers_are_tables_for_duckdb(verb: str) -> None:
    import duckdb

    data = VERBS[verb]
    connection = duckdb.connect()
    connection.execute(f"CREATE TABLE t ({data.ddl()})")
    order = ", ".join(data.order)
    assert connection.execute(f"SELECT {', '.join(data.column_names())} FROM t ORDER BY {order}").fetchall() == []
    assert set(data.order) <= set(data.column_names())
    assert data.clauses <= set(CLAUSES)
    assert not {c.lower() for c in data.column_names()} & RESERVED
    parse(data.example)


def test_every_verb_but_plan_makes_a_query() -> None:
    assert len(QUERY_VERBS) == len(VERBS) - 1 == 15


def _raised() -> set[str]:
    """Codes that are raised anywhere in clq, where its sources lie side by side."""
    codes = set()
    for folder in ("lang", "engine", "ops", "stdlib", "ui"):
        for file in (FOLDER.parent / folder).rglob("*.py"):
            codes |= set(re.findall(r"Diagnostic\(\s*\"([a-z-]+)\"", file.read_text(encoding="utf-8")))
    return codes


def test_every_code_that_is_raised_has_a_page() -> None:
    assert _raised() and _raised() <= set(PAGES)


@pytest.mark.parametrize("code", sorted(PAGES))
def test_pages(code: str) -> None:
    page = PAGES[code]
    text = explain(code)
    assert page.title in text
    assert (page.wrong is None) == (page.right is None)
    if page.right is not None:
        parse(page.right)


def test_a_code_that_does_not_exist() -> None:
    with pytest.raises(Diagnostic, match="Did you mean unknown-layer"):
        explain("unknown-layr")
