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
    ],
)
def test_every_mistake_is_found_and_no_other(marked: str) -> None:
    text, expected = marks(marked)
    _, problems = parse_all(text)
    places = sorted((p.span.start, p.span.end) for p in problems if p.span is not None)
    assert [text[a:b] for a, b in places] == expected, [p.message for p in problems]


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
