"""Text -> AST: the queries of the specification, the shape of each construct, spans into the whole text."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from clq.lang import ast as a
from clq.lang import parse
from clq.lang.ast import Call, Constant, Name, Parameter, Place, Query, Slice, Span, Sql, Statement
from clq.lang.grammar import tables
from clq.lang.scan import VERB_WORDS

QUERIES = re.split(r"(?m)^(?=-- \d+ )", Path(__file__).with_name("queries.clq").read_text(encoding="utf-8"))[1:]


def one(text: str) -> Statement:
    statements = parse(text).statements
    assert len(statements) == 1
    return statements[0]


def query(text: str) -> Query:
    found = one(text)
    assert isinstance(found, Query)
    return found


def spans(node: object) -> Iterator[tuple[str, Span]]:
    if isinstance(node, tuple):
        for item in node:
            yield from spans(item)
    elif dataclasses.is_dataclass(node) and not isinstance(node, Span):
        for field in dataclasses.fields(node):
            value = getattr(node, field.name)
            if isinstance(value, Span):
                yield f"{type(node).__name__}.{field.name}", value
            else:
                yield from spans(value)


@pytest.mark.parametrize("text", QUERIES, ids=[q.split("\n")[0] for q in QUERIES])
def test_queries_of_the_specification_parse(text: str) -> None:
    script = parse(text)
    assert script.statements
    for name, span in spans(script.statements):
        piece = text[span.start : span.end]
        assert piece and piece == piece.strip(), name


def test_there_are_25_queries() -> None:
    assert len(QUERIES) == 25


def test_every_clause_once_in_any_order() -> None:
    clauses = [
        "OF labnet, labself", "IN layer3", "ON lab.probe, 'photos/'", "FOR CLASS 'boat'", "TO layer4 OF labself",
        "USING falcon, clip_dissect(top_k=5)", "CONTRAST low", "WITH lab.words, ['a', 'b']",
        "CAPTIONED BY lab.captions", "JUDGED BY labclip", "CHANGING water = 0, 'deep snow' = -2.5",
    ]  # fmt: skip
    tail = "WHERE rank = 1 ORDER BY score DESC LIMIT 5 INTO t"
    forward = query(f"EXPLAIN layer4 {' '.join(clauses)} {tail}")
    backward = query(f"EXPLAIN layer4 {' '.join(reversed(clauses))} {tail}")
    for field in ("of", "in_", "on", "for_", "to", "using", "contrast", "with_", "captioned", "judged", "changing"):
        assert getattr(forward, field)
        assert type(getattr(forward, field)) is type(getattr(backward, field))
    assert list(forward.clause_spans) == [*_keywords(), "WHERE", "ORDER BY", "LIMIT", "INTO"]
    assert (forward.where.text, forward.order.text, forward.limit) == ("rank = 1", "score DESC", 5)  # type: ignore[union-attr]
    assert forward.into == a.Into(forward.clause_spans["INTO"], "t", False)
    assert [(c.concept, c.value) for c in forward.changing] == [("water", 0.0), ("deep snow", -2.5)]


def _keywords() -> list[str]:
    from clq.lang.verbs import CLAUSES

    return list(CLAUSES)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("layer4[:4]", (None, 4, None)),
        ("layer4[4:]", (4, None, None)),
        ("layer4[:]", (None, None, None)),
        ("layer4[::2]", (None, None, 2)),
        ("layer4[1::2]", (1, None, 2)),
        ("layer4[::-1]", (None, None, -1)),
        ("layer4[-8:-1]", (-8, -1, None)),
        ("layer4[1:2:3]", (1, 2, 3)),
        ("layer4[1_000:2_000]", (1000, 2000, None)),
    ],
)
def test_slices(text: str, expected: tuple[int | None, int | None, int | None]) -> None:
    place = query(f"EXPLAIN {text} OF labnet").targets[0].place
    assert place is not None and place.selection is not None
    item = place.selection.items[0]
    assert isinstance(item, Slice)
    assert (item.start, item.stop, item.step) == expected


@pytest.mark.parametrize(
    "name",
    ["layer4", "features.18.0", "blocks.*.mlp", "layer*", "*", "blocks.*", "x.5e3abc", "größe", "visual.trunk.0"],
)
def test_paths_are_names(name: str) -> None:
    found = query(f"EXPLAIN {name} OF labnet").targets[0].place
    assert found is not None and isinstance(found.name, Name)
    assert (found.name.text, found.name.quoted) == (name, False)


def test_quoted_names() -> None:
    found = query('EXPLAIN "text"[3], "a ""b"" c" OF "my net"')
    assert [t.place.name.text for t in found.targets] == ["text", 'a "b" c']  # type: ignore[union-attr]
    assert found.of[0].name == Name(found.of[0].name.span, "my net", quoted=True)


WORDS = sorted(
    {w.lower() for w in {*tables().keywords, *VERB_WORDS, "SELECT", "FROM", "TRUE1"} - {"TRUE", "FALSE", "NULL"}}
)


@pytest.mark.parametrize("word", WORDS)
def test_keywords_are_not_reserved(word: str) -> None:
    """As argument names, models, methods and parameters: wherever the parser could not take the keyword."""
    found = query(f"EXPLAIN layer4 OF {word} USING {word}({word}='x', k=${word}) LIMIT ${word} INTO {word}x")
    assert isinstance(found.of[0], Place) and found.of[0].name == Name(found.of[0].span, word)
    method = found.using[0]
    assert isinstance(method, Call) and (method.name.text, method.arguments[0].name) == (word, word)
    assert isinstance(found.limit, Parameter) and found.limit.name == word


def test_keywords_in_any_case() -> None:
    lower = query("explain layer4 of labnet judged by labclip contrast Low where rank = 1 order by score limit 3")
    assert (lower.verb, lower.limit) == ("EXPLAIN", 3)
    assert lower.contrast is not None and lower.contrast.kind == "low"


def test_visualise_is_visualize() -> None:
    assert query("VISUALISE layer4[0] OF labnet").verb == "VISUALIZE"


@pytest.mark.parametrize(
    ("text", "kind", "values"),
    [
        ("CLASS 'boat'", "class", ["boat"]),
        ("CLASS 3", "class", [3]),
        ("CLASS 'boat', 'car', 7", "class", ["boat", "car", 7]),
        ("CLASS ['boat', 'car']", "class", ["boat", "car"]),
        ("SYNSET 'bird.n.01'", "synset", ["bird.n.01"]),
        ("TEXT 'it''s red'", "text", ["it's red"]),
        ("CLASSES", "classes", []),
        ("GROUPS", "groups", []),
        ("FAILURES", "failures", []),
    ],
)
def test_targets(text: str, kind: str, values: list[Any]) -> None:
    target = query(f"ATTRIBUTE {text} OF labnet").targets[0]
    assert target.kind == kind
    assert [c.value for c in target.constants if isinstance(c, Constant)] == values


def test_targets_of_several_kinds() -> None:
    found = query("ATTRIBUTE layer4[0], CLASS (SELECT c FROM t), 'car', found, (SELECT target FROM t), MODEL labnet")
    assert [t.kind for t in found.targets] == ["place", "class", "class", "place", "subquery", "model"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("'it''s'", "it's"),
        (r"E'a\'b\n\x41\101\u0042'", "a'b\nAAB"),
        ("$$it's$$", "it's"),
        ("$t$a$$b$t$", "a$$b"),
        ("12", 12),
        ("-1.5e-3", -0.0015),
        (".5", 0.5),
        ("1_000", 1000),
        ("TRUE", True),
        ("null", None),
    ],
)
def test_constants(text: str, value: Any) -> None:
    call = one(f"f(x={text})")
    assert isinstance(call, Call)
    found = call.arguments[0].value
    assert isinstance(found, Constant) and found.value == value and type(found.value) is type(value)


def test_sql_inside_clq() -> None:
    found = query("EXPLAIN layer4[(SELECT unit FROM (EXPLAIN fc OF a) WHERE s = ')')] OF m ON f(FROM t SELECT x) WHERE "
                  "x IN (EXPLAIN fc OF b) AND y = 'LIMIT' LIMIT 3")  # fmt: skip
    place = found.targets[0].place
    assert place is not None and place.selection is not None
    item = place.selection.items[0]
    assert isinstance(item, a.Subquery) and isinstance(item.body, Sql)
    assert item.body.text == "SELECT unit FROM (EXPLAIN fc OF a) WHERE s = ')'"
    assert len(item.body.islands) == 1
    call = found.on[0]
    assert isinstance(call, Call) and isinstance(call.arguments[0].value, Sql)
    assert found.where is not None and found.where.text.endswith("y = 'LIMIT'") and len(found.where.islands) == 1


def test_union_of_queries_is_a_value() -> None:
    let = one("LET both_ = ((EXPLAIN fc OF a) UNION ALL (EXPLAIN fc OF b))")
    assert isinstance(let, a.Let) and isinstance(let.value, a.Subquery) and isinstance(let.value.body, Sql)
    assert len(let.value.body.islands) == 2


@pytest.mark.parametrize(
    "condition",
    [
        "x::TIMESTAMP WITH TIME ZONE > now()",
        "x IN ('a', 'b')",
        "substring(x FROM 1 FOR 3) = 'abc'",
        "x > INTERVAL '1' YEAR TO MONTH",
        "rank = 1 AND (SELECT max(y) FROM t WHERE z LIMIT 1) = 3",
        "row_number() OVER (PARTITION BY a ORDER BY b) = 1",
        "x IS DISTINCT FROM y",
        "of = 1",
        "list_contains([x FOR x IN y], 3)",
        "s = '; LIMIT'",
    ],
)
def test_conditions_are_left_to_sql(condition: str) -> None:
    found = query(f"EXPLAIN fc OF labnet WHERE {condition} ORDER BY 1 LIMIT 5")
    assert found.where is not None and found.where.text == condition
    assert found.limit == 5


def test_statements() -> None:
    script = parse(
        "LET x = folder('p')[0:5]; PARAM k = 100; SET model = labnet; RESET model; IMPORT 'a.clq';"
        "DEFINE f(a, n = 3) AS EXPLAIN $a OF labnet; SHOW LAYERS OF labnet; SHOW METHOD falcon;"
        "SHOW METHODS FOR explain;"
        "PLAN ANALYZE EXPLAIN fc OF labnet; PLAN SELECT 1; f(fc); f(fc) WHERE rank = 1; SELECT * FROM f(fc)"
    )
    assert [type(s).__name__ for s in script.statements] == [
        "Let", "ParamStatement", "SetStatement", "SetStatement", "Import", "Define", "Show", "Show", "Show",
        "PlanStatement", "PlanStatement", "Call", "Query", "Sql",
    ]  # fmt: skip
    define = script.statements[5]
    assert isinstance(define, a.Define) and [(n, v is None) for n, v in define.formals] == [("a", True), ("n", False)]
    shown = script.statements[8]
    assert isinstance(shown, a.Show) and (shown.what, shown.for_) == ("METHODS", "EXPLAIN")
    called = script.statements[12]
    assert isinstance(called, Query) and called.verb == "CALL" and called.call is not None
    sql = script.statements[13]
    assert isinstance(sql, Sql) and isinstance(sql.islands[0].body, Call)


def test_spans_are_offsets_into_the_whole_text() -> None:
    text = "-- first\nSELECT 1;\n  SELECT * FROM (EXPLAIN layer4[3] OF labnet) AS x"
    sql = parse(text).statements[1]
    assert isinstance(sql, Sql)
    island = sql.islands[0]
    assert text[island.span.start : island.span.end] == "EXPLAIN layer4[3] OF labnet"
    assert isinstance(island.body, Query)
    target = island.body.targets[0]
    assert text[target.span.start : target.span.end] == "layer4[3]"
    assert text[island.body.verb_span.start : island.body.verb_span.end] == "EXPLAIN"


def test_names_of_defined_queries_may_come_from_elsewhere() -> None:
    sql = parse("SELECT * FROM top_words(labnet)", defined=["Top_Words"]).statements[0]
    assert isinstance(sql, Sql) and len(sql.islands) == 1


def test_the_grammar_has_no_conflicts() -> None:
    """With strict, lark refuses shift/reduce conflicts, which it otherwise settles in silence."""
    from importlib.resources import files

    from lark import Lark

    grammar = files("clq.lang").joinpath("grammar.lark").read_text(encoding="utf-8")
    Lark(grammar, parser="lalr", lexer=tables().lark.options.lexer, strict=True)
