"""Whose a statement is, and where clq hides in SQL: tables of cases for each rule of LANGUAGE §3 and §4."""

from __future__ import annotations

from pathlib import Path

import pytest

from clq.lang import Diagnostic
from clq.lang.scan import Code, islands, route

HERE = Path(__file__).parent
ROUTING = [line.split(maxsplit=1) for line in (HERE / "routing.txt").read_text(encoding="utf-8").splitlines()]
ISLANDS = (HERE / "islands.txt").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize(("owner", "text"), [*ROUTING, ("sql", "-- LABEL photos\rSELECT 1")])
def test_routing(owner: str, text: str) -> None:
    code = Code(text)
    assert route(code, *code.statements[0]) == owner


def test_there_are_enough_cases() -> None:
    assert len(ROUTING) >= 60
    assert len(ISLANDS) >= 100


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        (";;", 0),
        ("SELECT 1; SELECT 2;", 2),
        ("SELECT ';'; SELECT 2", 2),
        ('SELECT ";" ; SELECT 2', 2),
        ("SELECT E'\\';' ; SELECT 2", 2),
        ("SELECT $$;$$; SELECT $a$;$$;$a$", 2),
        ("SELECT 1 -- ; no\n; SELECT 2", 2),
        ("SELECT 1 -- ; no\r; SELECT 2", 2),
        ("SELECT /* ; /* ; */ ; */ 1; SELECT 2", 2),
        ("SELECT a$$b; SELECT 2", 2),
        ("SELECT 1); SELECT 2", 2),
    ],
)
def test_statements_end_at_semicolons_outside_everything(text: str, count: int) -> None:
    assert len(Code(text).statements) == count


@pytest.mark.parametrize("marked", ISLANDS)
def test_islands(marked: str) -> None:
    """In islands.txt, ‹ › stand around each island; the parentheses stay outside. Most lines have none."""
    text = marked.replace("‹", "").replace("›", "")
    code = Code(text)
    first, end = code.statements[0]
    for a, b in reversed(list(islands(code, first, end, {"top"}))):
        span = code.span(a, b)
        text = f"{text[: span.start]}‹{text[span.start : span.end]}›{text[span.end :]}"
    assert text == marked


@pytest.mark.parametrize(
    ("text", "code", "start"),
    [
        ("SELECT 'abc", "open-text", 7),
        ('SELECT "abc', "open-text", 7),
        ("SELECT $a$abc$$", "open-text", 7),
        ("SELECT /* /* */", "open-comment", 7),
        ("SELECT (1, [2)", "open-bracket", 13),
        ("EXPLAIN layer4[0:3 OF labnet", "open-bracket", 14),
        ("SELECT (1", "open-bracket", 7),
        ("SELECT " + "(" * 60 + ")" * 60, "unexpected", 57),
    ],
)
def test_faults_of_the_scanner(text: str, code: str, start: int) -> None:
    with pytest.raises(Diagnostic) as caught:
        Code(text)
    assert (caught.value.code, caught.value.span and caught.value.span.start) == (code, start)
