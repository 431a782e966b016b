"""Every keyword of DuckDB beside columns, tables and aliases that are called like verbs of clq: all of it is SQL."""

from __future__ import annotations

import re
from functools import cache

import duckdb
import pytest

from clq.lang.scan import VERB_WORDS, Code, islands, route

# v is a verb of clq and k a keyword; what DuckDB does not parse is passed over.
TEXTS = [line.strip() for line in """
    SELECT v k x FROM t
    SELECT (v k x) FROM t
    SELECT (v k) FROM t
    SELECT (v k 'x') FROM t
    SELECT (v k 1) FROM t
    SELECT (v k (1)) FROM t
    SELECT (v k (SELECT 1)) FROM t
    SELECT k(v) FROM t
    SELECT k(v, 1) FROM t
    SELECT k (v k x) FROM t
    SELECT k(v ORDER BY v) FROM t
    SELECT 1 k (v)
    SELECT x k (v, 1) FROM t
    SELECT * FROM t k (v)
    SELECT * FROM t k (v = 1)
    SELECT * FROM t WHERE x k (v)
    SELECT * FROM t WHERE (v k x AND 1 = 1)
    SELECT * FROM (v k u USING (a))
    CREATE TABLE t (v k)
    CREATE TABLE t (v INTEGER k)
    CREATE TABLE k (v INTEGER)
    CREATE TABLE t (a INTEGER, k (v))
    SELECT 1 AS k
    SELECT k FROM t
    SELECT t.k, v FROM t
    SELECT k, v FROM k
    SELECT x FROM t AS k(v)
    SELECT x FROM t k(v, x)
    INSERT INTO t (v) k VALUES (1)
    INSERT INTO k (v) VALUES (1)
    WITH k(v) AS (SELECT 1) SELECT v FROM k
    WITH k AS (SELECT v FROM t) SELECT v FROM k
    SELECT sum(x) OVER (k BY v) FROM t
    SELECT CASE k WHEN (v) THEN (v) ELSE (v) END FROM t
    SELECT [v k x], {'k': v} FROM t
    PIVOT t ON (v) USING k(v)
    k (v)
    k v
    UPDATE t SET v = 1 k x = (v)
    MERGE INTO t USING s ON (v k s.v) WHEN MATCHED THEN DELETE
    ALTER TABLE t ADD COLUMN k v
    SELECT (v::k) FROM t
    SELECT (v.k) FROM t
    SELECT CAST(v AS k) FROM t
    SELECT v k (v) FROM t
    SELECT (v)k FROM t
    SELECT v FROM t k JOIN u ON (v = k.v)
    SELECT v FROM t ORDER BY (v) k
    SELECT x FROM t GROUP BY k (v)
    SELECT (k v) FROM t
    SELECT (v) k (v) FROM t
    k
    k (v), (v)
    CREATE TABLE IF NOT EXISTS k (v INTEGER, x k)
    CREATE OR REPLACE VIEW k (v, x) AS SELECT 1, 2
""".strip().splitlines()]  # fmt: skip
# A value of a type that is called like a verb is read as a query, and SHOW by itself is told what it may show.
KNOWN = {"SELECT (v k 'x') FROM t": ["array"], "k": ["show"]}


@cache
def connection() -> duckdb.DuckDBPyConnection:
    return duckdb.connect()


@cache
def keywords() -> list[str]:
    return [row[0] for row in connection().sql("SELECT DISTINCT keyword_name FROM duckdb_keywords()").fetchall()]


def parses(text: str) -> bool:
    try:
        return len(connection().extract_statements(text)) == 1
    except duckdb.Error:
        return False


def is_sql(text: str) -> bool:
    """Whether all of a statement is DuckDB's."""
    code = Code(text)
    first, end = code.statements[0]
    return route(code, first, end) == "sql" and not list(islands(code, first, end, set()))


def taken(template: str, verb: str, keyword: str) -> tuple[bool, bool]:
    """Whether DuckDB parses the text, and whether clq leaves it to DuckDB."""
    text = re.sub(r"\b[vk]\b", lambda found: {"v": verb, "k": keyword}[found[0]], template)
    return parses(text), is_sql(text)


@pytest.mark.parametrize("template", TEXTS)
def test_no_keyword_beside_a_verb_makes_sql_a_query(template: str) -> None:
    found = {(verb, word): taken(template, verb, word) for verb in ("label", "explain") for word in keywords()}
    assert any(parsed for parsed, _ in found.values()), "DuckDB parses none of them"
    wrong = {word for (_, word), (parsed, ours) in found.items() if parsed and not ours}
    assert wrong == set(KNOWN.get(template, []))


@pytest.mark.parametrize("verb", sorted(VERB_WORDS))
def test_columns_tables_and_aliases_may_be_called_like_a_verb(verb: str) -> None:
    words = ["is", "in", "not", "like", "collate", "name", "copy", "asc", "over", "union", "x", "integer", "left"]
    pairs = {(text, word): taken(text, verb, word) for text in TEXTS for word in words}
    assert not [pair for pair, (parsed, ours) in pairs.items() if parsed and not ours]
