"""Texts of the language made by walking its own grammar: a new production is generated without a word here."""

from __future__ import annotations

import random
from collections import defaultdict
from functools import cache
from typing import Any

from clq.lang.parse import _tables
from clq.lang.verbs import QUERY_VERBS, VERBS

DEEPEST = 14
WORDS = {
    "NAME": ["layer4", "labnet", "lab.probe", "features.18.0", "layer*", "x1", "falcon", "clip_dissect", "top_k"],
    "QUOTED": ['"a b"', '"layer4"', '"of"'],
    "STRING": ["'boat'", "'it''s'", "'a;b -- c'", "E'\\n'", "$$x$$"],
    "PARAMETER": ["$k", "$layer"],
    "INT": ["0", "7", "1_000", "-2"],
    "FLOAT": ["0.5", "1e-3", ".25"],
    "SQL": ["SELECT image FROM lab.probe", "FROM t", "WITH c AS (SELECT 1) SELECT * FROM c -- why\n"],
    "CONDITION": ["rank = 1", "score > 0.5 AND concept IN ('a', 'b')", "rank <= $k -- best\n AND true"],
    "ORDERING": ["score DESC", "rank, concept NULLS LAST"],
    "TARGET_VERB": [v.name for v in VERBS.values() if v.object == "targets"],
    "SOURCE_VERB": [v.name for v in VERBS.values() if v.object == "source"],
    "VERB": sorted(QUERY_VERBS),
}
SPACES = [" ", " ", " ", "\n", "  ", "\t", " /* c */ ", " -- d\n", "\n-- e\n", "\r\n"]
# Where a piece of SQL can begin; elsewhere the scanner does not look for one.
BEFORE_SQL = {"(", "PLAN", "ANALYZE", "AS"}


@cache
def productions() -> dict[str, list[Any]]:
    """The expansions of each rule, as lark has them after it has written out repetitions."""
    out: dict[str, list[Any]] = defaultdict(list)
    for rule in _tables().lark.rules:
        out[rule.origin.name].append(rule)
    return out


@cache
def depths() -> dict[str, int]:
    """How deep the shallowest text of each rule is."""
    out: dict[str, int] = {}
    while True:
        before = dict(out)
        for name, rules in productions().items():
            found = [d for r in rules if (d := _depth(r, before)) is not None]
            if found:
                out[name] = 1 + min(found)
        if out == before:
            return out


def _depth(rule: Any, known: dict[str, int]) -> int | None:
    inner = [0 if s.is_term else known.get(s.name) for s in rule.expansion]
    return None if None in inner else max((d for d in inner if d is not None), default=0)


def words(source: random.Random, used: set[Any] | None = None) -> list[str]:
    """The words of one statement; `used` collects the productions."""
    keywords = {t.name: t.pattern.value for t in _tables().lark.terminals if type(t.pattern).__name__ == "PatternStr"}
    out: list[str] = []
    todo: list[tuple[Any, int]] = [(_Start, 0)]
    while todo:
        symbol, depth = todo.pop()
        if symbol is not _Start and symbol.is_term:
            choices = WORDS.get(symbol.name) or [keywords[symbol.name]]
            out.append(_cased(source, source.choice(choices), symbol.name in WORDS))
            continue
        rules = productions()["start" if symbol is _Start else symbol.name]
        if depth > DEEPEST:
            shallowest = min(_depth(r, depths()) or 0 for r in rules)
            rules = [r for r in rules if (_depth(r, depths()) or 0) == shallowest]
        rule = source.choice(rules)
        if used is not None:
            used.add(rule)
        todo += [(s, depth + 1) for s in reversed(rule.expansion)]
    return _sql_where_it_can_stand(out)


class _Start:
    is_term = False


def _cased(source: random.Random, word: str, is_value: bool) -> str:
    return word if is_value else source.choice([word, word.lower(), word.capitalize()])


def _sql_where_it_can_stand(out: list[str]) -> list[str]:
    for i, word in enumerate(out):
        if word in WORDS["SQL"]:
            before, after = out[i - 1].upper() if i else "", out[i + 1] if i + 1 < len(out) else ""
            if before not in BEFORE_SQL or (before == "(" and after != ")"):
                out[i] = "x1"
    return out


def text(source: random.Random, used: set[Any] | None = None) -> str:
    """One statement, its words apart by blanks, new lines and comments."""
    out = []
    for word in words(source, used):
        out += [word, source.choice(SPACES)]
    return "".join(out)


def script(source: random.Random) -> str:
    """A few statements."""
    return ";".join(text(source) for _ in range(source.randint(1, 3)))
