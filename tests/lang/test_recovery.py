"""All mistakes of a text at once: a broken statement hides no other, and no mistake brings false ones after it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clq.lang.ast import Broken
from clq.lang.parse import parse_all


def marks(text: str) -> tuple[str, list[str]]:
    """The text without ‹ ›, and what stood between them, in order."""
    return re.sub("[‹›]", "", text), re.findall("‹(.*?)›", text)


@pytest.mark.parametrize(
    "marked",
    [
        "EXPLAIN fc OF labnet; ‹EXPLAN› fc; SELECT 1; EXPLAIN fc ‹FROM› labnet; LET q = ‹EXPLAIN› fc",
        "EXPLAIN fc[‹]› OF labnet; EXPLAIN fc",
        "EXPLAIN fc‹[›0 OF labnet; ‹EXPLAN› fc",
        "LET a = ‹[›1, 2; EXPLAIN fc‹)›",
        "‹EXPLAN› fc; SELECT ‹'›abc; EXPLAIN fc",
        "‹EXPLAN› fc; SELECT 1 ‹/*› abc; EXPLAIN fc",
        "‹EXPLAN› fc; SELECT ‹$a$› abc; EXPLAIN fc",
        "SELECT (1‹]›; ‹EXPLAN› fc",
        "EXPLAIN fc OF labnet ‹labself› USING falcon(top ‹5›) WITH 'a' ‹'b'› WHERE rank = 1 LIMIT ‹x›",
        "TRANSFER labels TO layer4 ‹USING› ridge WITH ‹WITH› x",
        "EXPLAIN fc OF labnet CONTRAST ‹=› low USING f ‹x›=3",
        "EXPLAIN fc[0‹..›4] OF labnet ON ‹ON› x",
        "EXPLAIN fc ‹FROM› labnet USING falcon WITH lab.words",
        "EXPLAIN fc WHERE rank = 1 ‹USING› falcon WITH lab.words",
        "SELECT * FROM (EXPLAIN fc ‹FROM› labnet); SELECT * FROM (EXPLAIN fc OF labnet)",
        # the mistakes before what is never closed, in the same statement as well
        "EXPLAIN fc ‹FROM› labnet USING f‹(›a=1; ‹EXPLAN› fc",
        "EXPLAIN fc ‹FROM› labnet WITH ‹'›a; EXPLAN fc",
        "SELECT * FROM (EXPLAIN fc ‹FROM› labnet), ‹(›SELECT 1; ‹EXPLAN› fc",
        "SELECT * FROM ‹(›EXPLAIN fc OF labnet",
        "EXPLAIN fc OF labnet WITH ‹'›a.txt;\nEXPLAIN conv1 OF labnet WITH 'b.txt';\nSELECT 'c'",
        "SELECT ‹\"›a FROM t;\nSELECT \"b\" FROM t",
        "‹EXPLAN› fc(‹[›1",
        # a semicolon inside brackets that are closed
        "EXPLAIN fc[1‹;›2;3] OF labnet; ‹EXPLAN› fc",
        "EXPLAIN fc‹[›1;\n2]; SELECT 1".replace("2]", "SELECT 2"),
        # every query of one statement, and the clauses around it
        "SELECT * FROM (EXPLAIN fc ‹FROM› labnet), (EXPLAIN fc ‹FROM› labnet)",
        "EVALUATE (EXPLAIN fc ‹FROM› labnet USING f(top ‹5›)) USING truth ‹x› LIMIT ‹y›",
        "EVALUATE (EXPLAIN fc OF a ‹OF› b) USING truth ‹USING› b",
        "EXPLAIN fc[0‹..›4], conv1[‹a›] OF labnet ON ‹ON› x",
        "EXPLAIN fc OF labnet WITH [1 ‹2›], [3 ‹4›]",
        "EXPLAIN fc OF torchvision('a' ‹'b'›), labnet ‹labself› USING f(‹=›)",
        "EXPLAIN fc OF a WITH lab.words ‹WITH› b LIMIT ‹-1›",
        "EXPLAIN fc OF a ‹OF› b, f(k=‹99999999999999999999›) INTO ‹table›",
        "EXPLAIN fc OF a ON (SELECT image FROM (EXPLAIN fc ‹FROM› a)) ‹ON› c",
        "EXPLAIN fc OF a WHERE unit IN (EXPLAIN fc ‹FROM› a) ORDER BY (EXPLAIN fc ‹FROM› b)",
        "DEFINE f(‹3›) AS EXPLAIN fc FROM labnet",
        # a semicolon that was forgotten
        "EXPLAIN fc OF labnet\n‹EXPLAIN› conv1 OF labnet\n‹LET› x ‹labnet›; ‹EXPLAN› fc",
        "EXPLAIN fc OF labnet\n‹SELECT› * FROM a JOIN b ON a.x = b.x WHERE y IN (EXPLAIN fc ‹FROM› z)",
        # what follows cannot be told apart from the mistake
        "EXPLAIN fc OF labnet ‹#› only those IN the end OF x x",
        "EXPLAIN fc OF labnet ‹UNION› SELECT a FROM b JOIN c ON a = b",
        "EXPLAIN fc OF labnet ON ‹SELECT› image FROM a JOIN b ON a.x = b.x",
    ],
)
def test_every_mistake_is_found_and_no_other(marked: str) -> None:
    text, expected = marks(marked)
    _, problems = parse_all(text)
    places = sorted((p.span.start, p.span.end) for p in problems if p.span is not None)
    assert [text[a:b] for a, b in places] == expected, [p.message for p in problems]


def test_a_thousand_missing_semicolons() -> None:
    _, problems = parse_all("EXPLAIN fc OF labnet\n" * 1000)
    assert [p.message for p in problems] == ["Statements end with a semicolon; put one before EXPLAIN"] * 999


def test_what_can_be_read_is_read() -> None:
    script, problems = parse_all("SHOW MODELS; EXPLAN fc; EXPLAIN fc OF labnet")
    assert [type(s).__name__ for s in script.statements] == ["Show", "Broken", "Query"]
    assert [p.text for p in problems] == [script.text]


PIECES = ["EXPLAIN fc", "OF labnet", "USING falcon(", ")", "[", "]", "'", '"', ";", "WITH", "(", "SELECT 1", "LET x =",
          "--", "/*", "$a$", "WHERE", "rank = 1", ",", "é😀", "LIMIT", "DEFINE f(a) AS", "PLAN", "\n"]  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=14).map(" ".join))
def test_places_are_inside_the_text(text: str) -> None:
    script, problems = parse_all(text)
    for problem in problems:
        assert problem.span is not None and 0 <= problem.span.start <= problem.span.end <= len(text)
        problem.render()
    assert any(isinstance(s, Broken) for s in script.statements) <= bool(problems)
