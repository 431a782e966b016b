"""The formatter: before and after side by side in `format/`, and what no file of text can show."""

from __future__ import annotations

from pathlib import Path

import pytest

from clq.lang import Diagnostic, parse
from clq.lang.format import format_text
from clq.lang.layout import WIDTH
from clq.lang.text import unparse

HERE = Path(__file__).parent
QUERIES = HERE.parents[1] / "queries"
GOLDEN = sorted((HERE / "format").glob("*.before.clq"))


@pytest.mark.parametrize("before", GOLDEN, ids=lambda p: p.name.split(".")[0])
def test_before_and_after(before: Path, accept: bool) -> None:
    after = before.with_name(before.name.replace("before", "after"))
    made = format_text(before.read_text(encoding="utf-8"))
    if accept:
        after.write_text(made, encoding="utf-8")
    assert made == after.read_text(encoding="utf-8"), "look at the difference; pytest --accept writes the new text"
    assert format_text(made) == made


def test_all_golden_files_have_both_sides() -> None:
    assert {p.name for p in (HERE / "format").iterdir()} == {
        p.name.replace("before", side) for p in GOLDEN for side in ("before", "after")
    }


@pytest.mark.parametrize("path", sorted(QUERIES.glob("*.clq")), ids=lambda p: p.name)
def test_the_shipped_queries_are_formatted(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert format_text(text) == text, f"clq fmt {path.relative_to(QUERIES.parent)}"


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("", ""),
        (" \n\n\t", ""),
        (";;", ""),
        ("-- only this  ", "-- only this\n"),
        ("\n\n/* a */\n\n\n-- b", "/* a */\n\n-- b\n"),
        ("\ufeffexplain a", "\ufeffEXPLAIN a;\n"),
        ("\ufeff", "\ufeff"),
        ("explain a\r\n;\r\n\r\n\r\nselect 1,\r\n  2", "EXPLAIN a;\r\n\r\nselect 1,\r\n  2;\r\n"),
        ("explain a;\rselect 1,\r  2", "EXPLAIN a;\nselect 1,\n  2;\n"),
        # A line end inside text is part of the text, whatever those of the file are.
        ("select 'a\r\nb',\n$$c\r\nd$$", "select 'a\r\nb',\n$$c\r\nd$$;\n"),
        ("let x = 'a\nb';\r\nreset judge", "LET x = 'a\nb';\r\nRESET judge;\r\n"),
        # DuckDB joins two texts over a line end, and only there.
        ("select 'a'\n'b'", "select 'a'\n'b';\n"),
        ("explain a; -- fmt: off", "EXPLAIN a;  -- fmt: off\n"),
    ],
)
def test_ends_of_files_and_lines(text: str, made: str) -> None:
    assert format_text(text) == made
    assert format_text(made) == made


def test_a_query_breaks_where_the_line_would_be_longer_than_the_width() -> None:
    fits = f"EXPLAIN {'x' * (WIDTH - len('EXPLAIN  USING falcon;'))} USING falcon;\n"
    assert len(fits) == WIDTH + 1 and format_text(fits) == fits
    assert format_text(fits.replace("xx", "xxx", 1)) == fits.replace("xx", "xxx", 1).replace(" USING", "\n  USING")


@pytest.mark.parametrize(
    "text", ["EXPLAN fc", "EXPLAIN fc; LET x =", "EXPLAIN (", "SELECT 'a", "-- fmt: off\nEXPLAN fc"]
)
def test_what_does_not_parse_raises_and_says_where(text: str) -> None:
    with pytest.raises(Diagnostic) as caught:
        format_text(text, "a.clq")
    assert caught.value.path == "a.clq" and caught.value.span is not None
    assert caught.value.text == text


def test_every_mistake_is_told_at_once() -> None:
    with pytest.raises(Diagnostic) as caught:
        format_text("EXPLAN a; EXPLAIN b; LET = 3")
    assert len(caught.value.every()) == 2


@pytest.mark.parametrize(
    "text",
    [
        "explain layer4[:4,-1] of labnet contrast LOW with ['a','b',], lab.words",
        "set MODEL to labnet", "define f(a,n=3) as explain $a", "plan analyze explain a", "show methods for visualise",
        "detect outliers on a changing x=1", "attribute class 'a','b'", "f ( 1 , b = TRUE ) where x",
    ],
)  # fmt: skip
def test_a_short_statement_is_spelt_as_in_canonical_text(text: str) -> None:
    script = parse(text)
    made = format_text(text)
    assert made.replace("CHANGING x = 1", "CHANGING 'x' = 1.0") == unparse(script) + ";\n"
