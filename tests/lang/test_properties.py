"""What holds for every text that the grammar makes: it reads, prints and formats back to itself, and can be checked."""

from __future__ import annotations

import importlib.util
import os
import random
import re
import sys
from collections import Counter
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, event, given, settings
from hypothesis import strategies as st

from clq.lang import Diagnostic, ast, check, check_script, mistakes, unknown
from clq.lang.format import format_text
from clq.lang.layout import WIDTH
from clq.lang.parse import parse, parse_all
from clq.lang.scan import Code, comments, scan
from clq.lang.text import unparse

_spec = importlib.util.spec_from_file_location("clq_generate", Path(__file__).with_name("generate.py"))
assert _spec is not None and _spec.loader is not None
generate = importlib.util.module_from_spec(_spec)
sys.modules["clq_generate"] = generate
_spec.loader.exec_module(generate)

SEEDS = st.integers(0, 2**32).map(random.Random)
PROFILE = settings(
    max_examples=250, deadline=None, derandomize="CLQ_FUZZ" not in os.environ,  # set it to look at new texts
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
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


def _squeezed(sql: str) -> tuple[str, ...]:
    """The words of SQL, without white space and comments."""
    return tuple(t.text for t in scan(sql))


def parsed(source: random.Random) -> tuple[str, ast.Script]:
    """A text without mistakes, and what it means."""
    writer = generate.Writer(source)
    text = writer.script()
    script, problems = parse_all(text)
    event("read" if not problems else f"refused: {problems[0].code}")
    assume(not problems)
    for name in {rule.origin.name for rule in writer.used}:
        event(f"rule {name}")
    return text, script


def test_every_production_is_generated_and_most_texts_are_read() -> None:
    used: set[Any] = set()
    rules: set[str] = set()
    kinds: Counter[str] = Counter()
    for seed in range(1000):
        writer = generate.Writer(random.Random(seed))
        script, problems = parse_all(writer.script())
        used |= writer.used
        if not problems:
            rules |= {rule.origin.name for rule in writer.used}
            kinds.update(type(s).__name__ for s in script.statements)
    missed = {rule for rules in generate.productions().values() for rule in rules} - used
    assert not missed, missed
    assert rules == set(generate.productions())
    assert sum(kinds.values()) > 800, "most generated statements should be read"
    assert set(kinds) == {t.__name__ for t in ast.Statement.__args__} - {"Broken"}  # type: ignore[attr-defined]


@PROFILE
@given(SEEDS)
def test_only_what_the_builder_refuses_is_refused(monkeypatch: pytest.MonkeyPatch, source: random.Random) -> None:
    """The parser takes whatever the grammar makes; a clause that stands twice, say, is told by the builder."""

    def unread(*given: Any) -> Diagnostic:
        raise AssertionError(f"the parser stopped: {given}")

    monkeypatch.setattr(mistakes, "classify", unread)
    monkeypatch.setattr(unknown, "unknown_statement", unread)
    text = generate.script(source)
    for problem in parse_all(text)[1]:
        assert problem.span is not None and 0 <= problem.span.start < problem.span.end <= len(text)
        problem.render()


@PROFILE
@given(SEEDS)
def test_what_is_printed_reads_as_the_same_tree(source: random.Random) -> None:
    _, script = parsed(source)
    assert bare(parse(unparse(script))) == bare(script)


@PROFILE
@given(SEEDS)
def test_formatting_keeps_the_meaning_and_every_comment_and_does_nothing_twice(source: random.Random) -> None:
    assert_formatted_soundly(*parsed(source))


SCRIPTS = re.split(r"(?m)^-- \d+ .*\n", Path(__file__).with_name("queries.clq").read_text(encoding="utf-8"))[1:]
SCRIPTS += [p.read_text(encoding="utf-8") for p in sorted(Path(__file__).with_name("format").glob("*.before.clq"))]


@PROFILE
@given(SEEDS, st.sampled_from(SCRIPTS))
def test_formatting_is_sound_wherever_blanks_and_comments_are(source: random.Random, script: str) -> None:
    text = generate.strewn(source, script)
    read, problems = parse_all(text)
    assume(not problems)  # where it cut a name or a sign in two
    assert_formatted_soundly(text, read)


def assert_formatted_soundly(text: str, script: ast.Script) -> None:
    made = format_text(text)
    assert bare(parse(made)) == bare(script)
    assert _comments(made) == _comments(text)
    assert format_text(made) == made


def _comments(text: str) -> Counter[str]:
    return Counter(c.text for c in comments(text, scan(text)))


@PROFILE
@given(SEEDS)
def test_a_formatted_text_is_clean(source: random.Random) -> None:
    text, _ = parsed(source)
    made = format_text(text)
    assert made.endswith(("\n", "\r\n")) and not made[:1].isspace()
    code = Code(made)
    kept = [(t.start, t.end) for t in code.tokens] + [(c.start, c.end) for c in comments(made, code.tokens)]
    starts, ends = zip(*sorted(kept), strict=True)
    blanks = [made[a:b] for a, b in zip((0, *ends), (*starts, len(made)), strict=True)]
    assert not [blank for blank in blanks if " \n" in blank or " \r" in blank]


@PROFILE
@given(SEEDS)
def test_canonical_text_that_fits_a_line_is_formatted_already(source: random.Random) -> None:
    _, script = parsed(source)
    for statement in script.statements:
        line = unparse(statement) + ";\n"
        if len(line) <= WIDTH and line.count("\n") == 1:
            assert format_text(line) == line


@PROFILE
@given(SEEDS)
def test_the_checker_tells_what_is_wrong_in_its_place(catalog: Any, source: random.Random) -> None:
    text = generate.script(source)
    script, problems = parse_all(text)
    catalog.made, catalog.tables, catalog.definitions, catalog.settings = {}, {}, {}, {}
    catalog.parameters = {"k": 3, "layer": "layer4"}
    catalog.rows_given = source.choice([None, [], [1], ["layer4[1] OF labnet"], ["a"]])
    for query in (node for node in ast.walk(script.statements) if isinstance(node, ast.Query)):
        try:
            check(query, catalog)
        except Diagnostic as problem:
            assert all(one.span is not None for one in problem.every())
    for problem in check_script(script, catalog, problems=problems):
        assert isinstance(problem, Diagnostic) and problem.text is not None
        assert problem.span is not None and 0 <= problem.span.start <= problem.span.end <= len(problem.text)
        assert "<" not in problem.message.replace("<=", "").replace("<query>", "") or "‹" in problem.message
        problem.render()


@pytest.mark.parametrize("seed", range(3))
def test_the_same_seed_gives_the_same_text(seed: int) -> None:
    assert generate.script(random.Random(seed)) == generate.script(random.Random(seed))
