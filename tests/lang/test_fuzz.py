"""Anything a person could type: it reads, or is told what is wrong, in its place. $CLQ_FUZZ sets how many texts."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clq.lang import check_script
from clq.lang.parse import parse_all

COUNT = int(os.environ.get("CLQ_FUZZ", "10000")) // 3
PROFILE = settings(max_examples=COUNT, deadline=None, database=None, derandomize="CLQ_FUZZ" not in os.environ,
                   suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])  # fmt: skip
SEEDS = [q.strip() for q in Path(__file__).with_name("queries.clq").read_text(encoding="utf-8").split(";") if q.strip()]
TOKEN = re.compile(r"[\w.*]+|'[^']*'|\s+|.", re.S)
ODD = ["'", '"', "(", ")", "[", "]", ";", "--", "/*", "*/", "$", "$$", "é", "😀", "\x00", "\ud800", "\ufeff", "\r\n",
       "0..3", "1e999", "9" * 40, "::", "=", "==", "OF", "WHERE", "EXPLAIN", "SELECT", "each(1, 2)", "$k"]  # fmt: skip


def sound(text: str, catalog: Any) -> None:
    """Every problem has a place in the text, and can be shown; nothing else is raised."""
    catalog.made, catalog.tables, catalog.definitions, catalog.settings = {}, {}, {}, {}
    catalog.parameters, catalog.rows_given = {"k": 3}, ["layer4[1] OF labnet"]
    script, problems = parse_all(text)
    for problem in check_script(script, catalog, problems=problems):
        assert problem.text is not None and problem.span is not None
        assert 0 <= problem.span.start <= problem.span.end <= len(problem.text)
        shown = problem.render()
        assert "Traceback" not in shown and "UnexpectedToken" not in shown and "object at 0x" not in shown


@PROFILE
@given(text=st.text(max_size=60))
def test_any_text(catalog: Any, text: str) -> None:
    sound(text, catalog)


@PROFILE
@given(words=st.lists(st.sampled_from([*ODD, *sorted({t for s in SEEDS for t in TOKEN.findall(s)})]), max_size=25))
def test_any_words(catalog: Any, words: list[str]) -> None:
    sound(" ".join(words), catalog)


@PROFILE
@given(
    seed=st.sampled_from(SEEDS),
    changes=st.lists(st.tuples(st.sampled_from(["drop", "double", "swap", "put", "cut"]), st.integers(0, 200),
                               st.sampled_from(ODD)), min_size=1, max_size=4),
)  # fmt: skip
def test_any_slip_of_the_hand(catalog: Any, seed: str, changes: list[tuple[str, int, str]]) -> None:
    tokens = TOKEN.findall(seed)
    for how, place, odd in changes:
        i = place % len(tokens) if tokens else 0
        match how:
            case "drop":
                del tokens[i : i + 1]
            case "double":
                tokens[i:i] = tokens[i : i + 1]
            case "swap":
                tokens[i : i + 2] = reversed(tokens[i : i + 2])
            case "put":
                tokens.insert(i, odd)
            case _:
                del tokens[i + 1 :]
    sound("".join(tokens), catalog)
