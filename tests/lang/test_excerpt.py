"""How the line of a mistake is shown: what a terminal makes of it, and whether the caret stands under the place."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wcwidth import wcswidth

from clq.lang import Diagnostic
from clq.lang.ast import Span
from clq.lang.excerpt import MOST, excerpt, line_and_column

# ‹ › enclose the place; then the line as it is shown and its carets.
CASES = [
    ("EXPLAIN ‹fc›", "EXPLAIN fc", "        ^^"),
    ("EXPLAIN fc‹›", "EXPLAIN fc", "          ^"),
    ("\tFROM\t‹labnet›", "    FROM    labnet", "            ^^^^^^"),
    ("a ‹b\tc› d", "a b    c d", "  ^^^^^^"),
    ("WITH '日本' ‹x›", "WITH '日本' x", "            ^"),
    ("WITH ‹'日本'› x", "WITH '日本' x", "     ^^^^^^"),
    ("WITH '👩\u200d🚀' ‹x›", "WITH '👩\u200d🚀' x", "          ^"),
    ("WITH 'e\u0301' ‹x›", "WITH 'e\u0301' x", "         ^"),
    ("a\x1b[31m ‹b›", "a␛[31m b", "       ^"),
    ("a‹\x00›b", "a␀b", " ^"),
    ("a\u202e ‹b›", "a<U+202E> b", "          ^"),
    ("a‹\u200b›b", "a<U+200B>b", " ^^^^^^^^"),
    ("a\u00a0‹b›", "a b", "  ^"),
    ("one\rtwo ‹x›\rthree", "two x", "    ^"),
    ("one\r\ntwo ‹x›\r\nthree", "two x", "    ^"),
    ("one\n\n‹two\nthree›", "two", "^^^"),
    ("‹›", "", "^"),
]


def place(marked: str) -> tuple[str, Span]:
    return marked.replace("‹", "").replace("›", ""), Span(marked.index("‹"), marked.index("›") - 1)


@pytest.mark.parametrize(("marked", "source", "carets"), CASES, ids=[repr(c[0]) for c in CASES])
def test_the_caret_stands_under_the_place(marked: str, source: str, carets: str) -> None:
    found = excerpt(*place(marked))
    assert (found.source, found.carets) == (source, carets)


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
def test_every_line_end_counts_once(end: str) -> None:
    text = end.join(["one", "two", "three x"])
    assert line_and_column(text, text.index("x")) == (3, 7)
    assert line_and_column(text, len(f"one{end}")) == (2, 1)
    assert line_and_column(text, len(f"one{end}") - 1)[0] == 1


@pytest.mark.parametrize("before", [0, 3, 200, 2500, 4998])
def test_of_a_long_line_the_place_is_shown(before: int) -> None:
    text = "x" * before + "?!" + "y" * (4998 - before)
    found = excerpt(text, Span(before, before + 2))
    start, end = found.carets.index("^"), len(found.carets)
    assert found.source[start:end] == "?!"
    assert len(found.source) <= MOST + 2
    assert found.source.startswith("…") == (before > 60)
    assert found.source.endswith("…") == (before < 4900)
    assert found.column == before + 1


def test_a_cut_leaves_accents_on_their_letters() -> None:
    text = "e\u0301" * 2000
    found = excerpt(text, Span(2000, 2002))
    assert found.source.strip("…") == "e\u0301" * (len(found.source.strip("…")) // 2)


def test_a_place_that_is_longer_than_the_window_has_carets_to_its_end() -> None:
    found = excerpt("a" * 5000, Span(1000, 4000))
    assert found.source.endswith("…") and len(found.source) - 1 == len(found.carets)


LETTERS = st.sampled_from("ab \t'日é😀\u0301\u200d\ufe0f\u200b\x1b\x00\r\n\u202e")


@given(st.text(LETTERS | st.characters(), max_size=400), st.data())
def test_any_place_in_any_text_can_be_shown(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    found = excerpt(text, Span(start, end))
    assert wcswidth(found.source) >= 0, "nothing in it moves the cursor"
    assert "\n" not in found.source and "^" in found.carets
    assert wcswidth(found.source) <= MOST + 20


def test_nothing_in_a_message_steers_the_terminal() -> None:
    problem = Diagnostic("bug", "found \x1b[31m", Span(0, 1), "hint\r", "\x1b[2J", "a\x07.clq")
    assert [line.isprintable() for line in problem.render().split("\n")] == [True] * 7


def test_a_file_on_one_line_is_told_in_time_that_grows_with_its_mistakes_alone() -> None:
    text = "EXPLAIN fc FROM labnet; " * 3000
    shown = [excerpt(text, Span(i, i + 4)) for i in range(11, len(text), 24)]
    assert {len(one.source) for one in shown[10:-10]} == {MOST + 2}
