"""What holds for every text that the grammar makes: it reads, prints and formats back to itself, and can be checked."""

from __future__ import annotations

import importlib.util
import random
import re
import sys
from collections import Counter
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from clq.lang import Diagnostic, ast, check_script
from clq.lang.format import format_text
from clq.lang.parse import parse, parse_all
from clq.lang.scan import comments, scan
from clq.lang.text import unparse

_spec = importlib.util.spec_from_file_location("clq_generate", Path(__file__).with_name("generate.py"))
assert _spec is not None and _spec.loader is not None
generate = importlib.util.module_from_spec(_spec)
sys.modules["clq_generate"] = generate
_spec.loader.exec_module(generate)

SEEDS = st.integers(0, 2**32).map(random.Random)
PROFILE = settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow,
                                                             HealthCheck.function_scoped_fixture],
)  # fmt: skip


def bare(node: Any) -> Any:
    """A node without its places, so that trees can be compared."""
    if isinstance(node, ast.Sql):
        here, parts = node.span.start, []
        for island in node.islands:
            before = node.text[here - node.span.start : island.span.start - node.span.start]
            parts += [_squeezed(before), bare(island.body)]
            here = island.span.end
        return ("Sql", *parts, _squeezed(node.text[here - node.span.start :]))
    if isinstance(node, tuple):
        return tuple(bare(n) for n in node)
    if is_dataclass(node) and not isinstance(node, type):
        skipped = {"span", "verb_span", "name_span", "path_span", "what_span", "setting_span", "limit_span",
                   "clause_spans", "text", "path"} - ({"text"} if isinstance(node, ast.Name) else set())  # fmt: skip
        skipped -= {"path"} if isinstance(node, ast.Import) else set()
        kept = {f.name: bare(getattr(node, f.name)) for f in fields(node) if f.name not in skipped and f.compare}
        return (type(node).__name__, tuple(sorted(kept.items(), key=lambda item: item[0])))
    return node


def _squeezed(sql: str) -> str:
    """SQL up to white space, comments, and the layout and spelling of the queries in it."""
    return " ".join(t.text.upper() for t in scan(sql))


def parsed(source: random.Random) -> tuple[str, ast.Script]:
    text = generate.script(source)
    script, problems = parse_all(text)
    for problem in problems:
        assert problem.span is not None and 0 <= problem.span.start <= problem.span.end <= len(text)
    assume(not problems)
    return text, script


def test_every_production_is_generated_and_most_texts_are_read() -> None:
    used: set[Any] = set()
    read = 0
    for seed in range(2000):
        read += not parse_all(generate.text(random.Random(seed), used))[1]
    missed = {rule for rules in generate.productions().values() for rule in rules} - used
    assert not missed, missed
    assert read > 900, f"only {read} of 2000 generated statements are read"


@PROFILE
@given(SEEDS)
def test_what_is_printed_reads_as_the_same_tree(source: random.Random) -> None:
    _, script = parsed(source)
    assert bare(parse(unparse(script))) == bare(script)


@PROFILE
@given(SEEDS)
def test_formatting_keeps_the_meaning_and_every_comment_and_does_nothing_twice(source: random.Random) -> None:
    text, _ = parsed(source)
    made = format_text(text)
    assert bare(parse(made)) == bare(parse(text.replace("\r\n", "\n")))
    assert format_text(made) == made
    assert _said(made) == _said(text)


def _said(text: str) -> Counter[str]:
    """The words of a text's comments; those inside SQL count as well."""
    return Counter(word for c in comments(text, scan(text)) for word in re.findall(r"\w+", c.text))


@PROFILE
@given(SEEDS)
def test_the_checker_tells_what_is_wrong_in_its_place(catalog: Any, source: random.Random) -> None:
    text = generate.script(source)
    script, problems = parse_all(text)
    catalog.made, catalog.tables, catalog.definitions, catalog.settings = {}, {}, {}, {}
    catalog.parameters = {"k": 3, "layer": "layer4"}
    catalog.rows_given = source.choice([None, [], [1], ["layer4[1] OF labnet"], ["a"]])
    for problem in check_script(script, catalog, problems=problems):
        assert isinstance(problem, Diagnostic) and problem.text is not None
        assert problem.span is not None and 0 <= problem.span.start <= problem.span.end <= len(problem.text)
        assert "<" not in problem.message.replace("<=", "").replace("<query>", "") or "‹" in problem.message
        problem.render()


@pytest.mark.parametrize("seed", range(3))
def test_the_same_seed_gives_the_same_text(seed: int) -> None:
    assert generate.script(random.Random(seed)) == generate.script(random.Random(seed))
