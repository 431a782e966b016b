"""Scripts as a whole: names and what they stand for, definitions, imports, and remarks on names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from clq.lang import Diagnostic, check_script
from clq.lang.checked import Answer, CheckedQuery, Table
from clq.lang.imports import Loader
from clq.lang.parse import parse, parse_all
from clq.lang.script import ScriptChecker, tables_made

Told = Callable[..., list[tuple[str, str]]]


@pytest.fixture
def told(catalog: Any) -> Told:
    """`told(text)`: code and marked place of every problem."""

    def tell(text: str, **parameters: Any) -> list[tuple[str, str]]:
        script, problems = parse_all(text)
        found = check_script(script, catalog, parameters, problems)
        assert all(p.span is not None and p.text is not None for p in found)
        return [(p.code, p.text[p.span.start : p.span.end]) for p in found]  # type: ignore[index,union-attr]

    return tell


def test_all_mistakes_of_a_query_and_of_a_script(told: Told) -> None:
    text = """EXPLAIN layr4 OF labnet USING clip_dissect(top_kk=3, top='x') WITH lab.wrds WHERE rank <= $k;
        EXPLAN fc; LET a = nope; EXPLAIN fc OF a; EXPLAIN a ON lab.words"""
    assert told(text) == [
        ("unknown-layer", "layr4"), ("unknown-argument", "top_kk"), ("bad-argument", "'x'"),
        ("unknown-vocabulary", "lab.wrds"), ("no-parameter", "$k"), ("unknown-statement", "EXPLAN"),
        ("unknown-name", "nope"), ("wrong-kind", "lab.words"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "EXPLAIN layr4 OF labnt",
        "EXPLAIN layer4 OF labnt",
        "EXPLAIN fc OF labnet USING clip_disect",
        "EXPLAIN (SELECT target FROM (EXPLAIN layr4 OF labnet)) USING falcon",
        "LET x = (EXPLAIN layr4 OF labnet); EXPLAIN x USING falcon WITH lab.words; SELECT * FROM x",
        "EXPLAIN layr4 OF labnet INTO t; EXPLAIN t USING falcon; SELECT * FROM t",
        "EXPLAN fc INTO t; EXPLAIN t ON lab.probe USING falcon",
        "LET x = (EXPLAIN fc; EXPLAIN x ON lab.probe",
        "DETECT OUTLIERS IN photos",
        "EXPLAIN fc OF labnet FOR labnet",
    ],
)
def test_a_mistake_is_told_once(text: str, told: Told) -> None:
    assert len(told(text)) == 1


def test_let_gives_names_to_things_answers_and_rows(catalog: Any) -> None:
    checker = ScriptChecker(catalog)
    for statement in parse(
        "LET few = lab.probe[0:5]; LET both_sets = [lab.probe, lab.audit]; LET two = ['boat', 'car'];"
        "LET tops = (EXPLAIN fc OF labnet); LET rows = (SELECT image FROM few); LET again = tops"
    ).statements:
        checker.statement(statement)
    kinds = {name: thing.kind for name, thing in catalog.made.items()}
    assert kinds == {
        "few": "dataset", "both_sets": "dataset", "two": "vocabulary", "tops": "answer", "rows": "table",
        "again": "answer",
    }  # fmt: skip
    assert isinstance(catalog.made["tops"], Answer) and isinstance(catalog.made["rows"], Table)


@pytest.mark.parametrize(
    ("text", "code", "place"),
    [
        ("LET m = [labnet, labself]", "wrong-kind", "[labnet, labself]"),
        ("LET m = [labnet, lab.probe]", "wrong-kind", "[labnet, lab.probe]"),
        ("LET m = []", "empty-data", "[]"),
        ("SET judge = labnet", "wrong-kind", "labnet"),
        ("SET seed = 'x'", "bad-argument", "'x'"),
        ("SET device = tpu", "bad-argument", "tpu"),
        ("SHOW METHOD falcn", "unknown-method", "falcn"),
        ("SHOW LAYERS OF labnt", "unknown-model", "labnt"),
        ("SHOW LAYERS OF unopened", "not-here", "unopened"),
        ("PARAM k = folder('x')", "bad-argument", "folder('x')"),
        ("TRACE layer4[3] OF labnet USING x", "missing-clause", "TRACE"),
        ("TRANSFER layer4 OF labnet", "missing-clause", "TRANSFER"),
        ("ATTRIBUTE CLASS 'boot' OF labnet ON lab.probe", "unknown-class", "'boot'"),
        ("ATTRIBUTE CLASS 7 OF labnet ON lab.probe", "unknown-class", "7"),
        ("ATTRIBUTE SYNSET 'bird' ON lab.probe USING convis JUDGED BY labclip", "unknown-synset", "'bird'"),
        ("EVIDENCE lab.probe", "wrong-kind", "lab.probe"),
        ("EVIDENCE labels USING falcon", "unexpected", "USING"),
        ("EVALUATE (SELECT 1) USING truth", "wrong-kind", "(SELECT 1)"),
        ("EVALUATE labels USING truth", "not-here", "EVALUATE"),
        ("SELECT * FROM (EXPLAIN fc OF labnet INTO t)", "unexpected", "INTO t"),
        ("LET x = (EXPLAIN fc OF labnet INTO t)", "unexpected", "INTO t"),
        ("DEFINE f(a, A2) AS EXPLAIN $a OF labnet INTO t", "unexpected", "INTO t"),
        ("DEFINE f(a, a) AS EXPLAIN $a OF labnet", "bad-argument", "f"),
        ("DEFINE folder(a) AS EXPLAIN $a OF labnet", "reserved-name", "folder"),
        ("DEFINE f() AS SELECT * FROM f()", "call-cycle", "f"),
        ("DEFINE f() AS EXPLAIN fc OF labnet; DEFINE g() AS SELECT * FROM f(); DEFINE f() AS SELECT * FROM g()",
         "call-cycle", "f"),
        ("g()", "unknown-name", "g"),
        ("folder('x')", "unexpected", "folder('x')"),
        ("DEFINE f(a) AS EXPLAIN $a OF labnet; f()", "missing-argument", "f()"),
        ("DEFINE f(a) AS EXPLAIN $a OF labnet; f(fc, 2)", "unknown-argument", "2"),
        ("DEFINE f(a) AS EXPLAIN $a OF labnet; f(fc, a=conv1)", "bad-argument", "a=conv1"),
        ("DEFINE f(a) AS EXPLAIN $a OF labnet; f(fc) ON lab.probe", "unexpected", "ON lab.probe"),
        ("DEFINE f(a) AS EXPLAIN $a OF labnet; f(fc)[0]", "unexpected", "[0]"),
        ("DEFINE f(a) AS EXPLAIN $a OF labnet; f(layr1)", "unknown-layer", "$a"),
        ("DEFINE f(m) AS EXPLAIN fc USING $m; f(clip_dissect(top_kk=3))", "missing-clause", "fc"),
        ("DEFINE f(n) AS SELECT 1 LIMIT $n; SELECT * FROM f(folder('x'))", "bad-argument", "$n"),
        ("DEFINE f(n) AS SELECT 1 LIMIT $n; f(2) WHERE a = 1", "unexpected", "WHERE a = 1"),
        ("SELECT $k", "no-parameter", "$k"),
        ("CREATE TABLE t AS SELECT 1; EXPLAIN fc OF labnet INTO t", "table-exists", "INTO t"),
    ],
)  # fmt: skip
def test_mistakes(text: str, code: str, place: str, told: Told) -> None:
    assert (code, place) in told(text)


def test_a_call_is_the_query_with_its_holes_filled(catalog: Any) -> None:
    checker = ScriptChecker(catalog)
    text = (
        "DEFINE f(what, m = labnet, how = falcon, n = 2, images = lab.audit) AS "
        "EXPLAIN $what OF $m ON $images USING $how WHERE rank <= $n LIMIT $n;"
        "f(layer4[0:3], how=clip_dissect(top_k=7), n=4, images=lab.probe[0:9]) WHERE score > 1 INTO t;"
        "DEFINE g(x) AS f($x, n=1); g(fc); EXPLAIN (f(fc)) ON lab.probe USING falcon"
    )
    found = [checker.statement(s) for s in parse(text).statements]
    query = found[1]
    assert isinstance(query, CheckedQuery)
    assert [(t.model.name, t.layer, t.units) for t in query.units] == [("labnet", "layer4", (slice(0, 3, None),))]
    assert query.methods[0].changed() == {"top_k": 7}
    assert (query.images[0].name, query.images[0].items) == ("lab.probe", (slice(0, 9, None),))
    assert [t.text for t in query.tails] == ["WHERE rank <= $n LIMIT $n", "WHERE score > 1"]
    assert (query.tails[0].limit, query.tails[0].where.values, query.into) == (4, {"n": 4}, "t")  # type: ignore[union-attr]
    nested = found[3]
    assert isinstance(nested, CheckedQuery) and nested.tails[0].limit == 1
    assert nested.methods[0].declaration.name == "falcon"


def test_what_a_call_gives_is_not_caught_by_the_names_inside(catalog: Any) -> None:
    checker = ScriptChecker(catalog)
    text = "PARAM a = 5; DEFINE f(a) AS EXPLAIN fc[0:$a] OF labnet; f($a)"
    query = [checker.statement(s) for s in parse(text).statements][-1]
    assert isinstance(query, CheckedQuery) and query.units[0].units == (slice(0, 5, None),)


def test_a_parameter_given_from_outside_stays(catalog: Any) -> None:
    script = parse("PARAM k = 3; EXPLAIN fc[0:$k] OF labnet")
    assert check_script(script, catalog, {"k": 7}) == [] and catalog.parameters["k"] == 7


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("LET a = lab.probe; SELECT 1", [("unused-name", "a")]),
        ("LET a = lab.probe; SELECT 'a'", [("unused-name", "a")]),
        ("LET a = lab.probe; SELECT * FROM a", []),
        ('LET "A b" = lab.probe; SELECT * FROM "a B"', []),
        ("LET a = lab.probe; LET b = a[0:3]; EXPLAIN fc OF labnet ON b", []),
        ("LET a = lab.probe; LET a = lab.audit; SELECT * FROM a", [("shadowed-name", "a")]),
        ("LET a = lab.probe; LET a = a[0:3]; SELECT * FROM a", []),
        ("LET labnet = labself; EXPLAIN layer4 OF labnet", [("shadowed-name", "labnet")]),
        ("PARAM k = 3; SELECT 1", [("unused-name", "k")]),
        ("PARAM k = 3; SELECT $k", []),
        ("LET a = lab.probe; PARAM k = 1; DEFINE f() AS EXPLAIN fc", []),
        ("EXPLAIN layer4 OF labnet LIMIT 5", [("limit-rows", "LIMIT 5")]),
    ],
)
def test_remarks_on_names(text: str, expected: list[tuple[str, str]], told: Told) -> None:
    assert told(text) == expected


@pytest.mark.parametrize(
    ("sql", "names"),
    [
        ("CREATE TABLE a AS SELECT 1", ["a"]),
        ("CREATE OR REPLACE TEMP VIEW \"b c\" AS SELECT 1", ["b c"]),
        ("CREATE TABLE IF NOT EXISTS d (x INT)", ["d"]),
        ("CREATE SCHEMA s; CREATE TABLE s.t (x INT)", []),
        ("SELECT 'CREATE TABLE x'", []),
    ],
)  # fmt: skip
def test_tables_that_sql_makes(sql: str, names: list[str]) -> None:
    assert list(tables_made(sql)) == names


# ------------------------------------------------------------------ IMPORT


@pytest.fixture
def files(tmp_path: Path) -> Callable[..., tuple[Any, list[Diagnostic]]]:
    """`files(main, **others)` writes the files and parses main."""

    def write(main: str, **others: str) -> tuple[Any, list[Diagnostic]]:
        for name, text in {**others, "main": main}.items():
            path = tmp_path / f"{name.replace('_', '/')}.clq"
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        return parse_all(main, str(tmp_path / "main.clq"), load=Loader())

    return write


def test_names_of_another_file(files: Any, catalog: Any) -> None:
    script, problems = files(
        "IMPORT 'sub/names.clq'; SELECT * FROM tops(layer4) WHERE unit IN (SELECT unit FROM few_units)",
        sub_names="IMPORT '../more.clq'; DEFINE tops(layer, n = 1) AS EXPLAIN $layer OF labnet WHERE rank <= $n;"
        " SELECT 1",
        more="LET net = labnet; LET few_units = (SELECT 1 AS unit)",
    )
    assert problems == []
    found = check_script(script, catalog)
    assert [(p.code, p.severity) for p in found] == [("not-imported", "note")]
    assert set(catalog.made) == {"net", "few_units"} and set(catalog.definitions) == {"tops"}


def test_a_file_is_imported_once(files: Any, catalog: Any) -> None:
    both = "IMPORT 'a.clq'; IMPORT 'b.clq'; SELECT $k"
    script, _ = files(both, a="IMPORT 'c.clq'", b="IMPORT 'c.clq'", c="PARAM k = 1")
    assert check_script(script, catalog) == [] and catalog.parameters == {"k": 1}


def test_a_cycle_is_shown_as_a_chain(files: Any) -> None:
    _, problems = files("IMPORT 'a.clq'", a="IMPORT 'b.clq'", b="IMPORT 'main.clq'")
    assert [p.code for p in problems] == ["import-cycle"]
    assert problems[0].message == "main.clq imports itself: main.clq -> a.clq -> b.clq -> main.clq"
    assert [t.split(" at ")[1].rsplit("/")[-1] for t in problems[0].trail] == ["a.clq:1:1", "main.clq:1:1"]


def test_a_mistake_in_an_imported_file_is_shown_there(files: Any, catalog: Any) -> None:
    script, problems = files("SELECT 1;\nIMPORT 'a.clq'", a="LET x = (EXPLAIN layr4 OF labnet); EXPLAN y")
    found = check_script(script, catalog, problems=problems)
    assert [p.code for p in found] == ["unknown-layer", "unknown-statement"]
    assert {Path(p.path or "").name for p in found} == {"a.clq"}
    for problem in found:
        assert "imported at" in problem.render() and "main.clq:2:1" in problem.render()


@pytest.mark.parametrize("path", ["nowhere.clq", "words.txt", "sub"])
def test_files_that_cannot_be_imported(path: str, files: Any) -> None:
    _, problems = files(f"IMPORT '{path}'")
    assert [(p.code, p.text[p.span.start : p.span.end]) for p in problems] == [("unread-file", f"'{path}'")]
