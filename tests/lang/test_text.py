"""Canonical text: parsing it gives the same tree; and any text at all gives a Script or a Diagnostic."""

from __future__ import annotations

import dataclasses
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clq.lang import Diagnostic, parse
from clq.lang.ast import Query, Span, Sql
from clq.lang.text import canonical_tail, unparse

QUERIES = re.split(r"(?m)^-- \d+ .*\n", Path(__file__).with_name("queries.clq").read_text(encoding="utf-8"))[1:]


def bare(node: Any) -> Any:
    """A tree without places in the text; SQL counts as its canonical text and the queries in it."""
    if isinstance(node, Sql):
        return ("Sql", unparse(node), [bare(i.body) for i in node.islands])
    if dataclasses.is_dataclass(node):
        fields = [f.name for f in dataclasses.fields(node) if f.compare]
        values = [bare(getattr(node, f)) for f in fields if not isinstance(getattr(node, f), Span)]
        return (type(node).__name__, *values)
    if isinstance(node, tuple):
        return [bare(n) for n in node]
    return (type(node).__name__, node)


def assert_round_trip(text: str) -> None:
    statements = parse(text).statements
    canonical = ";\n".join(unparse(s) for s in statements)
    again = parse(canonical).statements
    assert bare(again) == bare(statements), canonical
    assert ";\n".join(unparse(s) for s in again) == canonical


@pytest.mark.parametrize("text", QUERIES)
def test_queries_of_the_specification_round_trip(text: str) -> None:
    assert_round_trip(text)


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("explain  layer4[ : 4 ] -- why\n of labnet", "EXPLAIN layer4[:4] OF labnet"),
        ("EXPLAIN fc USING falcon OF a, b", "EXPLAIN fc OF a, b USING falcon"),
        ("EXPLAIN fc where  rank\n=  1 /* x */ AND a.b", "EXPLAIN fc WHERE rank = 1 AND a.b"),
        ("ATTRIBUTE class ['a'], 'b'", "ATTRIBUTE CLASS 'a', 'b'"),
        ("ATTRIBUTE CLASS ['a', $b]", "ATTRIBUTE CLASS ['a', $b]"),
        ("visualise fc contrast LOW", "VISUALIZE fc CONTRAST low"),
        ("LABEL p changing \"deep snow\" = 2", "LABEL p CHANGING 'deep snow' = 2.0"),
        ("LET x = f ( 1 , b = [ 'a' , ] , c = each(1,2) ) [ 0 ]", "LET x = f(1, b=['a'], c=each(1, 2))[0]"),
        ("EXPLAIN fc INTO \"my table\"", 'EXPLAIN fc INTO "my table"'),
        ("EXPLAIN fc INTO 'it''s.csv'", "EXPLAIN fc INTO 'it''s.csv'"),
        ("SELECT 'a'\n'b'", "SELECT 'a'\n'b'"),
        ("SELECT * FROM ( explain fc  of m ) x", "SELECT * FROM (EXPLAIN fc OF m) x"),
        ("DEFINE f(a, n=3) AS EXPLAIN $a; FROM  f( 1 )  AS x", "DEFINE f(a, n = 3) AS EXPLAIN $a;\nFROM f(1) AS x"),
        ("f(1) WHERE a", "f(1) WHERE a"),
        ("set MODEL to labnet", "SET model = labnet"),
    ],
)  # fmt: skip
def test_canonical_text(text: str, canonical: str) -> None:
    script = parse(text)
    assert unparse(script) == canonical
    assert_round_trip(text)


def test_the_canonical_tail_leaves_into_out() -> None:
    query = parse("EXPLAIN fc OF a WHERE rank=1 ORDER BY 2 LIMIT 3 INTO t").statements[0]
    assert isinstance(query, Query)
    assert canonical_tail(query) == "WHERE rank=1 ORDER BY 2 LIMIT 3"


# ------------------------------------------------------------------ properties

WORDS = st.sampled_from(
    ["labnet", "layer4", "lab.words", "features.18.0", "layer*", '"text"', '"a b"', "$k", "of1", "low1"]
)
STRINGS = st.sampled_from(["'a'", "'it''s'", "E'\\n'", "$$x$$", "''"])
INTEGERS = st.integers(-99, 99).map(str)
BOUNDS = st.one_of(st.just(""), INTEGERS, st.just("$k"))
SLICES = st.builds(lambda a, b, c: f"{a}:{b}{c}", BOUNDS, BOUNDS, st.sampled_from(["", ":2", ":"]))
CONDITIONS = st.sampled_from(["rank = 1", "x IN ('LIMIT', 'a') AND y", "(SELECT 1) = 2", "z  -- c\n > 3", "a[1] = '('"])


def listed(values: st.SearchStrategy[str], least: int = 1) -> st.SearchStrategy[str]:
    return st.lists(values, min_size=least, max_size=3).map(", ".join)


@cache
def queries(depth: int = 2) -> st.SearchStrategy[str]:
    """Queries of the grammar, with subqueries to a depth; built once, as building them takes longer than drawing."""
    inner = st.one_of(queries(depth - 1), st.just("SELECT target FROM t")) if depth else st.just("FROM t")
    subquery = inner.map(lambda q: f"({q})")
    items = st.one_of(INTEGERS, SLICES, STRINGS, subquery)
    places = st.one_of(WORDS, st.builds(lambda w, s: f"{w}[{s}]", WORDS, listed(items)))
    values = st.one_of(
        places, STRINGS, INTEGERS, st.sampled_from(["1.5", "-2e3", "true", "NULL", "[1, 'a',]", "[]"]), subquery
    )
    arguments = st.builds(lambda n, v: f"{n}{v}", st.sampled_from(["", "on=", "top_k = "]), values)
    calls = st.builds(lambda n, a: f"{n}({a})", st.sampled_from(["falcon", "folder", "each"]), listed(arguments, 0))
    sources = st.one_of(places, calls, STRINGS, subquery)
    named = st.builds(
        lambda k, v: f"{k} {v}", st.sampled_from(["CLASS", "synset", "TEXT"]), st.one_of(STRINGS, subquery)
    )
    written = st.sampled_from(["GROUPS", "GROUP a[3, 1]", "CLASSES", "CLASS 1, 'b'", "MODEL m"])
    targets = st.one_of(places, named, subquery, written)
    heads = st.one_of(
        st.builds(
            lambda v, t: f"{v} {t}", st.sampled_from(["EXPLAIN", "attribute", "TRACE", "REPORT"]), listed(targets)
        ),
        st.builds(lambda v, s: f"{v} {s}", st.sampled_from(["LABEL", "EVALUATE", "TRAIN"]), sources),
        st.sampled_from(["DISCOVER CONCEPTS", "detect outliers"]),
    )
    clauses = [
        st.builds("OF {}".format, listed(st.one_of(WORDS, calls))),
        st.builds("IN {}".format, listed(places)),
        st.builds("ON {}".format, listed(sources)),
        st.builds("FOR {}".format, listed(targets)),
        st.builds("TO {} OF {}".format, listed(places), listed(WORDS)),
        st.builds("using {}".format, listed(st.one_of(WORDS, calls))),
        st.builds("CONTRAST {}".format, st.one_of(st.sampled_from(["low", "RANDOM"]), sources)),
        st.builds("WITH {}".format, listed(sources)),
        st.builds("JUDGED BY {}".format, listed(sources)),
        st.builds("CHANGING {}".format, listed(st.sampled_from(["water = 0", "'a b' = -1.5", "$c = 2"]))),
    ]
    tail = (
        st.builds("WHERE {}".format, CONDITIONS),
        st.just("ORDER BY score DESC, 2"),
        st.sampled_from(["LIMIT 5", "LIMIT $k"]),
        st.sampled_from(["INTO t", "INTO 'a.csv'", 'INTO "a b"']),
    )

    @st.composite
    def whole(draw: st.DrawFn) -> str:
        chosen = draw(st.lists(st.sampled_from(range(len(clauses))), unique=True, max_size=5))
        parts = [draw(heads), *(draw(clauses[i]) for i in chosen)]
        return " ".join([*parts, *(draw(t) for t in tail if draw(st.booleans()))])

    return whole()


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(queries())
def test_canonical_text_parses_to_the_same_tree(text: str) -> None:
    assert_round_trip(text)


def assert_script_or_diagnostic(text: str) -> None:
    try:
        parse(text)
    except Diagnostic as mistake:
        assert mistake.message and mistake.code
        assert mistake.span is not None and 0 <= mistake.span.start <= mistake.span.end <= len(text)
        mistake.render()


ODD = ["[", "]", "(", ")", "'", '"', "$$", "/*", "*/", "--", "\n", "..", "::", ";", "#"]
PIECES = st.sampled_from([*re.findall(r"\w+|'[^']*'|\s+|.", " ".join(QUERIES)), *ODD])


@settings(max_examples=500, deadline=None)
@given(st.lists(PIECES, max_size=12).map("".join))
def test_any_pieces_give_a_script_or_a_diagnostic(text: str) -> None:
    assert_script_or_diagnostic(text)


@settings(max_examples=500, deadline=None)
@given(st.sampled_from(QUERIES), st.data())
def test_mutated_queries_give_a_script_or_a_diagnostic(text: str, data: st.DataObject) -> None:
    tokens = re.findall(r"[\w.]+|'[^']*'|\s+|.", text)
    for _ in range(data.draw(st.integers(1, 3))):
        i = data.draw(st.integers(0, len(tokens) - 1))
        change = data.draw(st.integers(0, 2))
        if change == 0:
            tokens[i] = data.draw(PIECES)
        elif change == 1:
            tokens.insert(i, data.draw(PIECES) + " ")
        else:
            tokens[i] = ""
    assert_script_or_diagnostic("".join(tokens))


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(max_size=40), st.text(max_size=30).map("EXPLAIN {}".format)))
def test_any_text_gives_a_script_or_a_diagnostic(text: str) -> None:
    assert_script_or_diagnostic(text)
